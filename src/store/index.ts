/** What we remember: the register of certificates, the outbox, CRLs, leases, and the spool for when the database is away. */
export {
  type CaptureFolder,
  type CaptureRecord,
  openCaptureFolder,
} from './capture-folder.ts'
export { loadDataKey } from './data-key.ts'
export { createDurableFile } from './durable-file.ts'
export { lockFolder } from './folder-lock.ts'
export { openStore } from './open-store.ts'
export type {
  CertificateRecord,
  CertificateRegister,
  CertificateState,
  CrlRegister,
  IssuanceIntent,
  IssuedCertificate,
  Leases,
  NewOneTimeChallenge,
  NotificationRecord,
  OneTimeChallengeRecord,
  OneTimeChallenges,
  Outbox,
  OwedNotification,
  PendingCause,
  PendingRecord,
  PendingRequests,
  RefusalRecord,
  Spool,
  SpoolEntry,
  Store,
} from './ports.ts'
export { openSpool } from './spool.ts'
export type { ReceivedWork, WorkItems, WorkRecord } from './work-port.ts'
