/**
 * A SCEP client (RFC 8894) made with pkijs, asn1js and node:crypto. Shares no code with the server's codec, so that
 * every enrolment checks one against the other. Does not print, and writes no file.
 */
export { type CaCertificates, fingerprintsOf, parseCaCertificates } from './ca-certificates.ts'
export { parseCapabilities, type ServerCapabilities } from './capabilities.ts'
export { type Challenge, type ChallengeTerms, createChallenge } from './create-challenge.ts'
export { createDeviceKeys } from './device-keys.ts'
export { encodeDistinguishedName } from './distinguished-name.ts'
export { type EnrolledDevice, type Enrolment, enrolDevice } from './enrol-device.ts'
export { parseCertificate, type ReceivedCertificate } from './received-certificate.ts'
export { type OpenedReply, openReply, type ReplyExpectation } from './reply-message.ts'
export { buildRequest, type RequestMessage } from './request-message.ts'
export { encodeSubjectAltNames, type RequestedExtensions } from './requested-extensions.ts'
export { createSigner } from './signer-certificate.ts'
export { encodeSigningRequest, type SigningRequest } from './signing-request.ts'
export type {
  DeviceKeyKind,
  DeviceKeys,
  EnrolmentStep,
  HttpAnswer,
  HttpFetch,
  RequestCipher,
  RequestDigest,
  RequestedKeyUsage,
  RequestedName,
  RequestKeyTransport,
  RequestSigner,
} from './types.ts'
export { type VerifiedCertificate, verifyIssuedCertificate } from './verify-issued-certificate.ts'
