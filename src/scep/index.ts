/** SCEP, RFC 8894, as pure functions. Knows messages and their cryptography. Does not know HTTP servers, Intune, who may enrol, or what time it is. */
export { encodeCaCertificates, MEDIA_TYPE } from './ca-certificates.ts'
export {
  checkCapabilities,
  defaultCapabilities,
  encodeCapabilities,
  findCapabilities,
  ndesClassicCapabilities,
} from './capabilities.ts'
export { HRESULT, refusalFor, refusalForChallenge } from './fail-info.ts'
export { parseHttpRequest, type ScepHttpRequest, type ScepOperation } from './http-binding.ts'
export { openRequest } from './open-request.ts'
export { matchScepPath, type ScepPath } from './path.ts'
export { prepareRaKeyRing, type RaIdentity, type RaKeyRing } from './ra-key-ring.ts'
export { type SealContext, sealReply } from './seal-reply.ts'
export type * from './types.ts'
