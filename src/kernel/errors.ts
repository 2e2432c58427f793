/** Every failure a caller can tell apart. A code is public contract: never renamed, only added. */
export type ErrorCode =
  | 'pki/malformed'
  | 'pki/bad-csr'
  | 'pki/weak-key'
  | 'pki/unsupported-algorithm'
  | 'scep/malformed'
  | 'scep/bad-signature'
  | 'scep/not-for-us'
  | 'scep/unsupported-algorithm'
  | 'scep/bad-request'
  | 'scep/bad-time'
  | 'scep/unknown-certificate'
  | 'scep/unavailable'
  | 'policy/not-willing'
  | 'challenge/refused'
  | 'management/unauthorized'
  | 'management/unavailable'
  | 'management/bad-response'
  | 'management/misconfigured'
  | 'ca/refused'
  | 'ca/unavailable'
  | 'ca/misconfigured'
  | 'ca/unknown-outcome'
  | 'store/conflict'
  | 'store/unavailable'
  | 'spool/unavailable'
  | 'worker/overloaded'
  | 'worker/timeout'
  | 'worker/died'
  | 'key/unreadable'
  | 'key/unknown'
  | 'key/conflict'
  | 'key/unsuitable'
  | 'key/decryption-failed'
  | 'pfx/unreadable'
  | 'import/refused'
  | 'config/invalid'
  | 'internal/bug'

/** What else is known of a failure. */
export interface FailureDetails {
  /** The error that was wrapped where it entered the house. */
  readonly cause?: unknown
  /** What a remote party may be told. Absent: the edge sends a fixed sentence instead. */
  readonly told?: string
  /** Whether doing the same again later can succeed. Default false. */
  readonly isTransient?: boolean
  /** How long the other side asked us to wait before trying again, in milliseconds. */
  readonly retryAfterMs?: number
  /** HTTP status of the answer that caused this, where there was one. */
  readonly httpStatus?: number
  /** The `client-request-id` of the call that failed, where there was one. */
  readonly activityId?: string
}

/** A failure with a code. Refusals (expected answers) are values instead; see `Verdict` and `OpenOutcome`. */
export class ConnectorError extends Error {
  override readonly name = 'ConnectorError'
  readonly code: ErrorCode
  readonly told: string | undefined
  readonly isTransient: boolean
  readonly retryAfterMs: number | undefined
  readonly httpStatus: number | undefined
  readonly activityId: string | undefined

  /**
   * @param code what happened, for programs
   * @param message what happened, for the operator's log: no secrets, no challenge text, no key bytes
   */
  constructor(code: ErrorCode, message: string, more: FailureDetails = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause })
    this.code = code
    this.told = more.told
    this.isTransient = more.isTransient ?? false
    this.retryAfterMs = more.retryAfterMs
    this.httpStatus = more.httpStatus
    this.activityId = more.activityId
  }
}

/** Says in one line what went wrong, for a log: code and message, and the messages of its causes. Never a stack. */
export function describeError(error: unknown): string {
  const parts: string[] = []
  for (let at: unknown = error; at !== undefined && at !== null && parts.length < 5; ) {
    if (at instanceof ConnectorError) parts.push(`${at.code}: ${at.message}`)
    else if (at instanceof Error) parts.push(at.message)
    else parts.push(typeof at === 'string' ? at : typeof at)
    at = at instanceof Error ? at.cause : undefined
  }
  return parts.join(' <- ')
}
