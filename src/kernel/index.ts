/** Words that every room shares: errors, clock, bytes, secret, retry table. Knows nothing of any protocol. */
export {
  concatBytes,
  equalBytes,
  fromHex,
  type RandomBytes,
  toBase64,
  toHex,
} from './bytes.ts'
export { type Clock, systemClock } from './clock.ts'
export { ConnectorError, describeError, type ErrorCode } from './errors.ts'
export { pauseAfterAttempt } from './retry.ts'
export { Secret } from './secret.ts'
export { threadEnvironment } from './thread-environment.ts'
export { withTimeLimit } from './time-limit.ts'
