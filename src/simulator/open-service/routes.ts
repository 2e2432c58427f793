import { Router } from 'express'
import { ok } from '../wire/answer.ts'
import type { Exchange } from '../wire/exchange.ts'
import type { EnrolmentService } from './enrolment-service.ts'
import { OPEN_API_VERSION } from './gate.ts'
import { type HealthServiceParts, takeHealthMessage } from './health-service.ts'
import type { ReleaseList } from './releases.ts'
import { workLimits } from './work-limits.ts'
import type { WorkService } from './work-service.ts'

/** What answers the connectors. */
export interface OpenServiceParts {
  /** Origin of the service, no trailing slash. */
  readonly httpsUrl: string
  readonly enrolment: EnrolmentService
  readonly work: WorkService
  readonly health: HealthServiceParts
  readonly releases: ReleaseList
}

/** The calls of connectors. */
export function openServiceRoutes(exchange: Exchange, parts: OpenServiceParts): Router {
  const { httpsUrl, enrolment, work, releases } = parts
  const router = Router()
  const base = `${httpsUrl}/ocs`
  const requests = '/ocs/CertificateAuthorityRequests'
  router.get(
    '/.well-known/connector-service',
    exchange.playHop('ocs-discovery', () =>
      ok({
        service: 'open-connector-service',
        apiVersions: [OPEN_API_VERSION],
        endpoints: { work: base, health: base, enrollment: base },
        limits: workLimits,
        ...(releases.isEmpty ? {} : { releaseManifestUrl: `${base}/releases.jws` }),
      }),
    ),
  )
  router.get(
    '/ocs/releases.jws',
    exchange.playHop('ocs-releases', async () => ({
      status: 200,
      headers: { 'content-type': 'application/jose' },
      text: await releases.sign(),
    })),
  )
  router.post(
    '/ocs/connectors/enroll',
    exchange.playHop('ocs-enrolment', async (call) => await enrolment.enrol(call)),
  )
  router.post(
    '/ocs/connectors/:id/renew',
    exchange.playHop('ocs-enrolment', async (call) => await enrolment.renew(call)),
  )
  router.patch(
    '/ocs/connectors/:id',
    exchange.playHop('ocs-enrolment', (call) => enrolment.change(call)),
  )
  router.delete(
    '/ocs/connectors/:id',
    exchange.playHop('ocs-enrolment', (call) => enrolment.leave(call)),
  )
  for (const [kind, download, upload] of [
    ['pkcs', 'PkcsRequests', 'PkcsResults'],
    ['pkcsRecrypt', 'PkcsRecryptRequests', 'PkcsRecryptResults'],
    ['pkcsImport', 'PkcsImportRequests', 'PkcsImportResults'],
    ['revocation', 'RevocationRequests', 'RevocationResults'],
  ] as const) {
    router.post(
      `${requests}/download${download}`,
      exchange.playHop('ocs-download', async (call) => await work.download(kind, call)),
    )
    router.post(
      `${requests}/upload${upload}`,
      exchange.playHop('ocs-upload', (call) => work.upload(kind, call)),
    )
  }
  router.post(
    `${requests}/renewLeases`,
    exchange.playHop('ocs-leases', (call) => work.renewLeases(call)),
  )
  router.post(
    `${requests}/releaseLeases`,
    exchange.playHop('ocs-leases', (call) => work.releaseLeases(call)),
  )
  router.post(
    '/ocs/ConnectorHealth/uploadHealthMessages',
    exchange.playHop('ocs-health', (call) => takeHealthMessage(call, parts.health)),
  )
  return router
}
