import { ConstantBackoff, handleWhen, retry } from 'cockatiel'
import { type Clock, ConnectorError, pauseAfterAttempt } from '../../kernel/index.ts'
import { isTransientStatus } from '../http/http-failure.ts'

/** Pauses before the two repetitions, in seconds. A device waits: there is no third. */
const PAUSES_SECONDS: readonly number[] = [0.5, 2]

/** What retries depend on, apart from the work itself. */
export interface RetryOptions {
  readonly budgetMs: number
  readonly clock: Clock
  readonly random: () => number
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>
}

/** Runs work that may be repeated, at most three times in all. */
export type RunWithRetries = <T>(work: () => Promise<T>, signal: AbortSignal) => Promise<T>

/**
 * Repeats what failed for a passing reason: no answer, 408, 429, 5xx. Waits as long as `Retry-After` asks, and gives up
 * at once where that is beyond the budget. cockatiel counts; the waiting is ours, because its own does not stop
 * when the signal aborts.
 */
export function createRetries({ budgetMs, clock, random, pause }: RetryOptions): RunWithRetries {
  return async (work, signal) => {
    const endsAt = clock.now().getTime() + budgetMs
    let attempts = 1
    let pauseMs = 0
    let last: ConnectorError | undefined
    const policy = retry(
      handleWhen((failure) => {
        if (!isRepeatable(failure) || signal.aborted) return false
        last = failure
        const ownMs = pauseAfterAttempt(PAUSES_SECONDS, attempts, random())
        pauseMs = Math.max(ownMs, failure.retryAfterMs ?? 0)
        return clock.now().getTime() + pauseMs < endsAt
      }),
      { maxAttempts: PAUSES_SECONDS.length, backoff: new ConstantBackoff(0) },
    )
    return await policy.execute(async ({ attempt }) => {
      // Whoever is stopped while waiting hears what was wrong before.
      if (attempt > 0)
        await pause(pauseMs, signal).catch((cause: unknown) => Promise.reject(last ?? cause))
      attempts = attempt + 1
      return await work()
    })
  }
}

function isRepeatable(failure: unknown): failure is ConnectorError {
  if (!(failure instanceof ConnectorError) || failure.code !== 'management/unavailable')
    return false
  return failure.httpStatus === undefined || isTransientStatus(failure.httpStatus)
}
