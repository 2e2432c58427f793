/** Who signs: the port that every CA implements, and the embedded CA. Does not know SCEP, Intune or the store. */

/** What a worker signs with for `CertificateSigner.sign`: the default algorithm of the issuer's key. */
export {
  type AuthorityOptions,
  CA_KEY_TYPES,
  type CaKeyType,
  createAuthority,
  createRas,
  type NewAuthority,
} from './embedded/authority.ts'
export {
  type AuthorityDescription,
  describeAuthority,
  type GenerationDescription,
  getRevision,
  listCaIds,
} from './embedded/authority-description.ts'
export {
  type Authority,
  type AuthorityGeneration,
  type AuthorityRa,
  getIssuerMaterial,
  hasAuthority,
  initAuthority,
  loadAuthority,
} from './embedded/authority-folder.ts'
export { type CrlContent, issueCrl } from './embedded/crl.ts'
export { FULL_CRL, findCrlShard } from './embedded/crl-parts.ts'
export type { CrlRules } from './embedded/crl-publisher.ts'
export { type CrlSchedule, isCrlDue } from './embedded/crl-schedule.ts'
export {
  createEmbeddedCa,
  type EmbeddedCa,
  type EmbeddedCaOptions,
} from './embedded/embedded-ca.ts'
export { caIdOf, findCurrent, findNext, findRetirement } from './embedded/generation-times.ts'
export { type Issuer, issueCertificate, prepareIssuer } from './embedded/issue.ts'
export { createOcspResponder, type OcspResponder } from './embedded/ocsp-responder.ts'
export { checkRa, renewRa, rotateRa } from './embedded/ra-renewal.ts'
export type { DeltaBase, Publication, RevokedEntry } from './embedded/registers.ts'
export { cancelRollOver, rollAuthority } from './embedded/roll-over.ts'
export type { CertificateSigner, IssuerMaterial } from './embedded/signer.ts'
export { isIssuedBy } from './issued-by.ts'
export type {
  CaBackend,
  CertificateStatus,
  EnrolOrder,
  EnrolResult,
  RevocationReason,
  RevokeOrder,
  RevokeResult,
} from './port.ts'
export { generateSerial } from './serial.ts'
export { verifyIssued } from './verify-issued.ts'
