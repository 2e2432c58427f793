import { ConnectorError, type ErrorCode } from '../../kernel/index.ts'
import { parseErrorBody } from './error-body.ts'
import type { HttpAnswer, HttpRequest } from './http-client.ts'
import { parseRetryAfter } from './retry-after.ts'

/** Statuses after which the same call may succeed later. */
export function isTransientStatus(status: number): boolean {
  return status === 408 || status === 429 || status >= 500
}

/** Statuses that say "not here (any more)": redirects, which we do not follow, and addresses that are gone. */
export function isMovedStatus(status: number): boolean {
  return (status >= 300 && status < 400) || status === 404 || status === 410 || status === 421
}

/**
 * Makes the failure of an answer outside 200 to 299. Status first, body second: an HTML page is no parse error.
 *
 * @param what who answered, for the operator: `Intune validateRequest`
 * @param secrets texts that must not reach the message
 * @param remedy what an operator can do, where the caller knows better than the status
 */
export function createHttpFailure(
  answer: HttpAnswer,
  call: HttpRequest,
  what: string,
  secrets: readonly string[],
  now: Date,
  remedy?: string,
): ConnectorError {
  const { status } = answer
  const { text } = parseErrorBody(answer.body, secrets)
  const parts = [`${what} answered HTTP ${status}`, text, remedy].filter(
    (part) => part !== undefined,
  )
  const retryAfterMs = parseRetryAfter(answer.headers['retry-after'], now)
  return new ConnectorError(codeOf(status), parts.join(': '), {
    httpStatus: status,
    activityId: call.activityId,
    isTransient: isTransientStatus(status) || isMovedStatus(status),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })
}

function codeOf(status: number): ErrorCode {
  if (status === 401 || status === 403) return 'management/unauthorized'
  return isTransientStatus(status) || isMovedStatus(status)
    ? 'management/unavailable'
    : 'management/bad-response'
}
