/** Who tells us what to do: validation of challenges and the notifications that are owed. Does not know SCEP messages or certificates. */
export type {
  HealthAnswer,
  HealthInterval,
  HealthMetric,
  HealthReceiver,
  HealthReport,
} from './health-report.ts'
export { CLOUDS } from './intune/clouds.ts'
export { createIntune, type IntuneClient } from './intune/create-intune.ts'
export { getFailureHResult } from './intune/hresults.ts'
export { parseMicrosoftSettings } from './intune/microsoft-settings.ts'
export type { IntuneCredential, IntuneOptions } from './intune/options.ts'
export { getResultCode, RESULT_CODES } from './intune/result-codes.ts'
export type { ServiceMapStore } from './intune/service-map.ts'
export { createServiceMapFile } from './intune/service-map-file.ts'
export {
  createOneTimeChallenges,
  type IssuedChallenge,
  type OneTimeChallenges,
} from './local/one-time-challenge.ts'
export { encodePageUser, type PageUsers, parsePageUsers } from './local/page-users.ts'
export { createStaticChallenge } from './local/static-challenge.ts'
export { renewalDueAt } from './open-service/agent-record.ts'
export { createOpenService, type OpenService } from './open-service/create-open-service.ts'
export type { AgentFeatures, AnnouncedKey, OpenServiceOptions } from './open-service/options.ts'
export type { SupportStatus } from './open-service/support-status.ts'
export type {
  ChallengeToValidate,
  DirectorySubject,
  FailureNotification,
  ImportDelivery,
  ImportedPfx,
  ImportedPfxRecord,
  ManagementHealth,
  PfxImports,
  ScepNotification,
  ScepNotifier,
  ScepValidator,
  SidDirectory,
  SuccessNotification,
} from './ports.ts'
export type {
  PayloadRecipient,
  PayloadWish,
  PkcsImportRequest,
  PkcsRecryptRequest,
  PkcsRequest,
  PkcsValue,
  RequestedName,
  RevocationRequest,
  SealedPayload,
  WorkRequests,
} from './work-items.ts'
export type {
  GivenBack,
  LeaseRef,
  ReleaseReason,
  UnreadableItem,
  UploadOutcome,
  WorkBatch,
  WorkEnd,
  WorkErrorCode,
  WorkItem,
  WorkKind,
  WorkLease,
  WorkQueue,
} from './work-queue.ts'
