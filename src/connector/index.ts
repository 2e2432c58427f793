/** What the product does, top to bottom. Knows the order of things. Does not know Express, SQL or JSON on any wire. */
export {
  type CertificateRules,
  checkCertificatePolicy,
  type PolicyVerdict,
} from './certificate-policy.ts'
export {
  type Courier,
  type CourierOptions,
  createCourier,
  defaultCourierOptions,
} from './courier.ts'
export { createDuties, type Duties } from './duties.ts'
export type { EnrolmentPorts } from './enrolment-work.ts'
export { createHealth, type HealthCheck, type HealthFinding, type HealthResult } from './health.ts'
export { type DeliveryPorts, defaultPauses, type NotificationPauses } from './notification.ts'
export { createChallengeHash, createPayloadCipher } from './payload-cipher.ts'
export type * from './ports.ts'
export { closeOpenIntents, recoverAdminEvents } from './recovery.ts'
export { createSafekeeping, type Safekeeping } from './safekeeping.ts'
export { createScepEnrolment } from './scep-enrolment.ts'
