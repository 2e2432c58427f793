import { ConnectorError } from '../../kernel/index.ts'

/** The failure that an aborted signal means for the caller: nobody answered in time, or the connector stops. */
export function abortFailure(signal: AbortSignal, what: string): ConnectorError {
  const reason: unknown = signal.reason
  const isTimeout = reason instanceof Error && reason.name === 'TimeoutError'
  const why = isTimeout ? 'no answer within the time allowed' : 'the caller gave up'
  return new ConnectorError('management/unavailable', `${what}: ${why}`, { isTransient: true })
}

/**
 * Stops waiting for shared work when this caller's signal aborts; the work goes on for the others.
 *
 * @throws ConnectorError `management/unavailable` the signal aborted first
 */
export async function waitUntil<T>(
  work: Promise<T>,
  signal: AbortSignal,
  what: string,
): Promise<T> {
  if (signal.aborted) {
    // Nobody waits for it any more; its failure must not become an unhandled rejection.
    work.catch(() => undefined)
    throw abortFailure(signal, what)
  }
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(abortFailure(signal, what))
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
