/** What the product does, top to bottom. Knows the order of things. Does not know Express, SQL or JSON on any wire. */
export { caConfigurationOf } from './ca-configuration.ts'
export { type Captures, createCaptures } from './captures.ts'
export { type Courier, createCourier } from './courier.ts'
export { createDuties, type Duties } from './duties.ts'
export type { EnrolmentPorts } from './enrolment/enrolment-work.ts'
export { closeOverdue } from './enrolment/pending.ts'
export {
  createHealth,
  type HealthCheck,
  type HealthFinding,
  type HealthResult,
} from './health/health.ts'
export { createHealthCounts, type HealthCounts } from './health/health-counts.ts'
export {
  createHealthReporter,
  type HealthReporter,
  type UnsentIntervals,
} from './health/health-reporter.ts'
export type { DeliveryPorts, NotificationPauses } from './notification.ts'
export { createPfxImport, type PasswordKeys } from './pfx-import.ts'
export { createKeyPairs, type KeyPairs } from './pkcs/key-pairs.ts'
export { createChallengeHash, createPayloadCipher } from './pkcs/payload-cipher.ts'
export type { PayloadPorts } from './pkcs/pkcs-payload.ts'
export { createPkcsIssuance } from './pkcs-issuance.ts'
export { createPkcsRecrypt } from './pkcs-recrypt.ts'
export { type CertificateRules, checkCertificatePolicy } from './policy/certificate-policy.ts'
export type {
  EnrolmentAnswer,
  EnrolmentContext,
  EnrolmentProfile,
  ProfileIssuers,
  ScepEnrolment,
} from './ports.ts'
export { closeOpenIntents, recoverAdminEvents } from './recovery.ts'
export { createRevocation } from './revocation.ts'
export { createSafekeeping, type Safekeeping } from './safekeeping.ts'
export { createScepEnrolment } from './scep-enrolment.ts'
export type { WorkHandler } from './work/work-handler.ts'
export { createWorkLoop, type WorkFigures, type WorkLoop } from './work/work-loop.ts'
export { defaultWorkOptions } from './work/work-ports.ts'
