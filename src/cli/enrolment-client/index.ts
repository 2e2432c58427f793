/**
 * A SCEP client (RFC 8894) made with pkijs, asn1js and node:crypto. Shares no code with the server's codec, so that
 * every enrolment checks one against the other. Does not print, and writes no file.
 */
export { fingerprintsOf, parseCaCertificates } from './ca-certificates.ts'
export { parseCapabilities } from './capabilities.ts'
export { createChallenge } from './create-challenge.ts'
export { createDeviceKeys } from './device-keys.ts'
export { encodeDistinguishedName } from './distinguished-name.ts'
export { type EnrolledDevice, type Enrolment, enrolDevice } from './enrol-device.ts'
export { parseCertificate } from './received-certificate.ts'
export { type OpenedReply, openReply } from './reply-message.ts'
export { buildRequest, type RequestMessage } from './request-message.ts'
export { encodeSubjectAltNames } from './requested-extensions.ts'
export { createSigner } from './signer-certificate.ts'
export { encodeSigningRequest } from './signing-request.ts'
export type {
  DeviceKeyKind,
  EnrolmentStep,
  HttpFetch,
  RequestCipher,
  RequestDigest,
  RequestedName,
  RequestKeyTransport,
} from './types.ts'
