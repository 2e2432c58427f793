/**
 * SCEP, RFC 8894, as pure functions. Knows messages and their cryptography. Does not know HTTP servers, Intune, who may
 * enrol, or what time it is.
 */
export { encodeCaCertificates, MEDIA_TYPE } from './ca-certificates.ts'
export { encodeCapabilities } from './capabilities.ts'
export { HRESULT, refusalFor, refusalForChallenge } from './fail-info.ts'
export { parseHttpRequest, type ScepHttpRequest } from './http-binding.ts'
export { sealNextCaCertificates } from './next-ca-certificates.ts'
export { openRequest } from './open-request.ts'
export { matchScepPath } from './path.ts'
export { prepareRaKeyRing, type RaKeyRing } from './ra-key-ring.ts'
export { redactCsr, redactMessage } from './redact-message.ts'
export { sealReply } from './seal-reply.ts'
export type {
  ContentCipher,
  DigestName,
  FailInfo,
  KeyTransport,
  OpenOutcome,
  RaMaterial,
  Reply,
  ReplyFrame,
  ScepCodec,
  ScepQuery,
  ScepRefusal,
  ScepRequest,
  ScepRules,
} from './types.ts'
