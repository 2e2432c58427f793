import { events, type Journal } from '../events/index.ts'
import { describeError } from '../kernel/index.ts'

/** Work that comes round: publishing CRLs, renewing the RA, closing intents. One at a time each, never two of a kind. */
export interface Duties {
  /** Runs `work` now and then `everyMs` after each end. A failure is recorded and the duty goes on. */
  add(name: string, everyMs: number, work: () => Promise<unknown>): void
  /** No new rounds; resolves when the running ones have ended. */
  stop(): Promise<void>
}

/** The timers do not keep the process alive. */
export function createDuties(journal: Journal): Duties {
  const timers = new Set<NodeJS.Timeout>()
  const running = new Set<Promise<void>>()
  let isStopped = false

  async function runOnce(name: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
    } catch (error) {
      journal.record(events.UnhandledError, {
        detail: `duty ${name}; it is tried again`,
        errorMessage: describeError(error),
      })
    }
  }

  function round(name: string, everyMs: number, work: () => Promise<unknown>): void {
    if (isStopped) return
    const run = runOnce(name, work).finally(() => {
      running.delete(run)
      if (isStopped) return
      const timer = setTimeout(() => {
        timers.delete(timer)
        round(name, everyMs, work)
      }, everyMs)
      timer.unref()
      timers.add(timer)
    })
    running.add(run)
  }

  return {
    add: round,
    async stop() {
      isStopped = true
      for (const timer of timers) clearTimeout(timer)
      await Promise.all(running)
    },
  }
}
