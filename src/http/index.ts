/** Express: requests in, bytes out. Knows HTTP and the paths of SCEP. Decides nothing about a request and keeps nothing of it. */
export { type AdminAppOptions, createAdminApp } from './admin-app.ts'
export type { CaFile, CaFiles } from './ca-files-route.ts'
export { createDeviceApp, type DeviceAppOptions } from './device-app.ts'
export type { DeviceLimits } from './enrolment-gate.ts'
export type {
  ExpiringCertificate,
  MetricSources,
  OutboxFigures,
  WorkerFigures,
} from './figures.ts'
export { createMetrics, type Metrics, type ScepOutcome } from './metrics.ts'
export { defaultRateLimits, type RateLimits } from './rate-limit.ts'
export type { ScepEndpoint } from './scep-route.ts'
export { type RunningServer, type ServerOptions, startServer, type TlsMaterial } from './server.ts'
export type {
  ConnectorStatus,
  ProfileStatus,
  ReadinessCheck,
  RecentRequest,
} from './status.ts'
