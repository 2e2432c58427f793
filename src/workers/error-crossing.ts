import { ConnectorError, type ErrorCode } from '../kernel/index.ts'
import type { CrossingError } from './job-table.ts'

/**
 * Makes a failure plain data, so that it survives the thread boundary (structured clone drops class and code).
 *
 * Of an error that is not ours only its class, its Node.js code and where it arose are kept. Its message is not:
 * messages of Node.js may quote the value that was wrong, and here such values are challenges and keys.
 */
export function encodeError(error: unknown): CrossingError {
  if (error instanceof ConnectorError) {
    return {
      code: error.code,
      message: error.message,
      told: error.told,
      isTransient: error.isTransient,
      retryAfterMs: error.retryAfterMs,
    }
  }
  return {
    code: 'internal/bug',
    message: `a worker job threw ${describeStranger(error)}`,
    told: undefined,
    isTransient: false,
    retryAfterMs: undefined,
  }
}

/** Makes the ConnectorError again on the other side. */
export function parseError(crossing: CrossingError): ConnectorError {
  // Both ends are this very build, so that the code is one of ours.
  return new ConnectorError(crossing.code as ErrorCode, crossing.message, {
    isTransient: crossing.isTransient,
    ...(crossing.told === undefined ? {} : { told: crossing.told }),
    ...(crossing.retryAfterMs === undefined ? {} : { retryAfterMs: crossing.retryAfterMs }),
  })
}

function describeStranger(error: unknown): string {
  if (!(error instanceof Error)) return `a value of type ${typeof error}`
  const code = 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : ''
  // A frame line names a function and a file of ours; the message stands on other lines.
  const frame = (error.stack ?? '').split('\n').find((line) => /^\s+at /.test(line))
  return `${error.constructor.name}${code}${frame === undefined ? '' : ` ${frame.trim()}`}`
}
