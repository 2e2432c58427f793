/** Express: requests in, bytes out. Knows HTTP and the paths of SCEP. Decides nothing about a request and keeps nothing of it. */
export { type AdminAppOptions, createAdminApp } from './admin-app.ts'
export type { CaFile, CaFiles } from './ca-files-route.ts'
export { createDeviceApp, type DeviceAppOptions } from './device-app.ts'
export type { DeviceLimits } from './enrolment-gate.ts'
export {
  createMetrics,
  type ExpiringCertificate,
  type MetricSources,
  type Metrics,
  type OutboxFigures,
  type ScepOutcome,
  type WorkerFigures,
} from './metrics.ts'
export { defaultRateLimits, type RateLimits } from './rate-limit.ts'
export type { ScepEndpoint } from './scep-route.ts'
export { type RunningServer, type ServerOptions, startServer, type TlsMaterial } from './server.ts'
export type {
  ConnectorStatus,
  ProfileStatus,
  ReadinessCheck,
  RecentRequest,
} from './status.ts'
