/**
 * Express: requests in, bytes out. Knows HTTP and the paths of SCEP. Decides nothing about a request and keeps nothing
 * of it.
 */
export { createAdminApp } from './admin-app.ts'
export type { CaFile } from './ca-files-route.ts'
export { createDeviceApp } from './device-app.ts'
export type { ExpiringCertificate, OutboxFigures, WorkerFigures } from './figures.ts'
export { createMetrics } from './metrics.ts'
export type { MscepAdminPage } from './mscep-admin-route.ts'
export type { ScepEndpoint } from './scep-route.ts'
export { type RunningServer, type ServerOptions, startServer } from './server.ts'
export type { ConnectorStatus, OpenServiceStatus, QueueStatus } from './status.ts'
