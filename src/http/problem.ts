import { ConnectorError, type ErrorCode } from '../kernel/index.ts'

/** What a remote party learns of a failure: a status and one sentence. */
export interface Problem {
  readonly status: 400 | 404 | 405 | 408 | 413 | 415 | 500 | 503
  readonly sentence: string
  /** For Retry-After, in whole seconds; only with 503. */
  readonly retryAfterSeconds?: number
}

const defaultRetryAfterMs = 10_000

/**
 * The HTTP answer to a failure. Closed by default: without a `told` text a code gives a fixed sentence, and what is not
 * a ConnectorError gives 500.
 *
 * @see scep.md, chapter 17 (REQ-64: 400 only where no transactionID could be read; REQ-190: overload is 503)
 */
export function parseProblem(error: unknown): Problem {
  // Express lets the decoder's own error through where a path holds a broken escape.
  if (error instanceof URIError) return { status: 400, sentence: 'The address is malformed.' }
  if (!(error instanceof ConnectorError)) return problemOf('internal/bug')
  const problem = problemOf(error.code)
  return {
    ...problem,
    ...(error.told === undefined ? {} : { sentence: error.told }),
    ...(problem.status === 503
      ? { retryAfterSeconds: retryAfterSeconds(error.retryAfterMs ?? defaultRetryAfterMs) }
      : {}),
  }
}

/** Whole seconds, at least one. */
export function retryAfterSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000))
}

function problemOf(code: ErrorCode): Problem {
  switch (code) {
    case 'scep/malformed':
      return { status: 400, sentence: 'The request is not a SCEP message.' }
    case 'pki/malformed':
    case 'pki/bad-csr':
    case 'pki/weak-key':
    case 'pki/unsupported-algorithm':
    case 'scep/bad-signature':
    case 'scep/not-for-us':
    case 'scep/unsupported-algorithm':
    case 'scep/bad-request':
    case 'scep/bad-time':
    case 'scep/unknown-certificate':
      return { status: 400, sentence: 'The request cannot be processed.' }
    case 'worker/overloaded':
    case 'worker/timeout':
    case 'worker/died':
      return { status: 503, sentence: 'The server is busy. Try again later.' }
    case 'store/unavailable':
    case 'spool/unavailable':
    case 'ca/unavailable':
    case 'management/unavailable':
      return { status: 503, sentence: 'The service is unavailable. Try again later.' }
    case 'scep/unavailable':
    case 'policy/not-willing':
    case 'challenge/refused':
    case 'management/unauthorized':
    case 'management/bad-response':
    case 'management/misconfigured':
    case 'ca/refused':
    case 'ca/misconfigured':
    case 'ca/unknown-outcome':
    case 'store/conflict':
    case 'key/unreadable':
    case 'key/unknown':
    case 'key/conflict':
    case 'key/unsuitable':
    case 'key/decryption-failed':
    case 'pfx/unreadable':
    case 'import/refused':
    case 'config/invalid':
    case 'internal/bug':
      return { status: 500, sentence: 'The server failed to process the request.' }
  }
}
