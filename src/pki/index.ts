/**
 * X.509, PKCS #10 and CMS as pure functions over bytes. Knows encodings and signatures. Does not know who may have a
 * certificate.
 */
export { encodeDigest, readDigest, readSignatureScheme } from './algorithms.ts'
export { encodeBasicConstraints, parseBasicConstraints } from './basic-constraints.ts'
export {
  encodeCertificate,
  parseCertificate,
  readCertificate,
  verifyCertificateSignature,
} from './certificate.ts'
export {
  parseCertificationRequest,
  readCertificationRequest,
  verifyCertificationRequest,
} from './certification-request.ts'
export {
  cipherTraits,
  decryptContent,
  encodeContentCipher,
  encryptContent,
  readContentCipher,
} from './cms/content-cipher.ts'
export {
  type CertificateReference,
  type EnvelopedData,
  encodeEnvelopedData,
  encodeIssuerAndSerial,
  encodeKeyTransportRecipient,
  parseEnvelopedData,
  type Recipient,
} from './cms/enveloped-data.ts'
export {
  encodeKeyTransport,
  readKeyTransport,
  unwrapContentKey,
  wrapContentKey,
} from './cms/key-transport.ts'
export {
  encodePasswordRecipient,
  readPasswordRecipient,
  unwrapWithPassword,
} from './cms/password-recipient.ts'
export {
  type AuthenticatedAttribute,
  type ContentRecipient,
  hasAttributes,
  openContent,
  type SealingProfile,
  sealContent,
} from './cms/sealed-content.ts'
export {
  type Attribute,
  encodeAttribute,
  encodeCertificates,
  encodeCrls,
  encodeSignedData,
  isDigestValid,
  isSignerInfoValid,
  parseCertificates,
  parseSignedData,
  readSignedContent,
  readSignerInfo,
  type SignedData,
  type SignerInfo,
} from './cms/signed-data.ts'
export {
  DerElement,
  findChild,
  getChild,
  parseElement,
  parseLeadingElement,
  TAG,
} from './der-reader.ts'
export { findText, parseText } from './der-text.ts'
export { parseTime } from './der-time.ts'
export { parseBits, parseBoolean, parseOctets, parseOid, parseSmallInteger } from './der-values.ts'
export {
  encodeAscii,
  encodeBitString,
  encodeBmpString,
  encodeBoolean,
  encodeContext,
  encodeContextPrimitive,
  encodeElement,
  encodeIa5String,
  encodeInteger,
  encodeNull,
  encodeOctetString,
  encodeOid,
  encodePrintableString,
  encodeSequence,
  encodeSetOf,
  encodeSetUnsorted,
  encodeTime,
  encodeUtf8String,
  sortEncodings,
} from './der-writer.ts'
export { encodeCertificationRequest } from './encode-certification-request.ts'
export { encodeExtensions, findExtension, readExtensions } from './extensions.ts'
export { encodeGeneralName, encodeOtherName } from './general-names.ts'
export {
  encodeAuthorityInfoAccess,
  encodeCrlDistributionPoints,
  encodeFreshestCrl,
  encodeIssuingDistributionPoint,
  parseAuthorityInfoAccess,
  parseCrlDistributionPoints,
} from './issuer-pointers.ts'
export {
  encodeAuthorityKeyIdentifier,
  encodeSubjectKeyIdentifier,
  keyIdentifierOf,
  parseAuthorityKeyIdentifier,
  parseSubjectKeyIdentifier,
} from './key-identifiers.ts'
export {
  encodeExtKeyUsage,
  encodeKeyUsage,
  KEY_USAGE_NAMES,
  type KeyUsageName,
  parseExtKeyUsage,
  parseKeyUsage,
} from './key-usage.ts'
export { encodeNameText } from './name-text.ts'
export { encodeName, findNameValues, parseName } from './names.ts'
export { type OcspCertificateId, type OcspRequest, parseOcspRequest } from './ocsp-request.ts'
export {
  encodeOcspProblem,
  encodeOcspResponse,
  encodeOcspResponseData,
  type OcspStatus,
} from './ocsp-response.ts'
export { OID } from './oids.ts'
export { importPublicKey, parsePublicKey } from './public-key.ts'
export { encodeSidExtension, parseSidExtension } from './sid-extension.ts'
export { isSignatureValid, signatureAlgorithmFor, signWith } from './signatures.ts'
export { encodeSubjectAltName, parseSubjectAltName } from './subject-alt-name.ts'
export { parseTemplateName, parseTemplateOid } from './template-extensions.ts'
export type {
  Certificate,
  CertificateOrder,
  CertificationRequest,
  ContentCipher,
  DigestName,
  Extension,
  GeneralName,
  KeyTransport,
  PublicKeySummary,
} from './types.ts'
export { findRsaWeakness } from './weak-rsa-key.ts'
