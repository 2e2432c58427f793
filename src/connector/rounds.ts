/** Work that comes round. */
export interface Rounds {
  /** Begins, or looks now instead of at the next round. */
  readonly look: () => void
  /** No new rounds; resolves when the one that runs has ended. */
  readonly stop: () => Promise<void>
}

/**
 * Runs `work` now and then, never twice at once; being woken during a round makes another one follow.
 *
 * @param work must not throw
 */
export function createRounds(
  work: (isStopping: () => boolean) => Promise<void>,
  roundMs: number,
): Rounds {
  let timer: NodeJS.Timeout | undefined
  let round: Promise<void> | undefined
  let isWoken = false
  let isStopped = false

  function look(): void {
    if (isStopped) return
    if (round !== undefined) {
      isWoken = true
      return
    }
    clearTimeout(timer)
    round = work(() => isStopped).finally(() => {
      round = undefined
      if (isStopped) return
      if (!isWoken) timer = setTimeout(look, roundMs)
      else {
        isWoken = false
        look()
      }
    })
  }

  return {
    look,
    async stop() {
      isStopped = true
      clearTimeout(timer)
      await round
    },
  }
}
