/** Runs work for the same key one after the other, in the order of arrival; work for other keys goes on beside it. */
export interface Turns {
  take<T>(key: string, work: () => Promise<T>): Promise<T>
  /** Keys that are at work or waiting. */
  readonly size: number
}

/** Turns within one process. Other instances are kept apart by the register's unique request key. */
export function createTurns(): Turns {
  const tails = new Map<string, Promise<unknown>>()
  return {
    async take(key, work) {
      const before = tails.get(key) ?? Promise.resolve()
      const mine = before.then(work, work)
      tails.set(key, mine)
      try {
        return await mine
      } finally {
        if (tails.get(key) === mine) tails.delete(key)
      }
    },
    get size() {
      return tails.size
    },
  }
}
