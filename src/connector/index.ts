/** What the product does, top to bottom. Knows the order of things. Does not know Express, SQL or JSON on any wire. */
export { caConfigurationOf } from './ca-configuration.ts'
export { type Captures, createCaptures } from './captures.ts'
export { type CertificateRules, checkCertificatePolicy } from './certificate-policy.ts'
export { type Courier, createCourier } from './courier.ts'
export { createDuties, type Duties } from './duties.ts'
export type { EnrolmentPorts } from './enrolment-work.ts'
export { createHealth, type HealthCheck, type HealthFinding, type HealthResult } from './health.ts'
export { createHealthCounts, type HealthCounts } from './health-counts.ts'
export {
  createHealthReporter,
  type HealthReporter,
  type UnsentIntervals,
} from './health-reporter.ts'
export { createKeyPairs, type KeyPairs } from './key-pairs.ts'
export type { DeliveryPorts, NotificationPauses } from './notification.ts'
export { createChallengeHash, createPayloadCipher } from './payload-cipher.ts'
export { closeOverdue } from './pending.ts'
export { createPfxImport, type PasswordKeys } from './pfx-import.ts'
export { createPkcsIssuance } from './pkcs-issuance.ts'
export type { PayloadPorts } from './pkcs-payload.ts'
export { createPkcsRecrypt } from './pkcs-recrypt.ts'
export type {
  EnrolmentAnswer,
  EnrolmentContext,
  EnrolmentProfile,
  ProfileIssuers,
  ScepEnrolment,
} from './ports.ts'
export { closeOpenIntents, recoverAdminEvents } from './recovery.ts'
export { createRevocation } from './revocation.ts'
export { createSafekeeping } from './safekeeping.ts'
export { createScepEnrolment } from './scep-enrolment.ts'
export type { WorkHandler } from './work/work-handler.ts'
export { createWorkLoop, type WorkFigures, type WorkLoop } from './work/work-loop.ts'
export { defaultWorkOptions } from './work/work-ports.ts'
