import type { Router } from 'express'
import type { Clock } from '../../kernel/index.ts'
import type { TokenIssuer } from '../entra/tokens.ts'
import type { People } from '../graph/people.ts'
import type { PfxCertificates } from '../graph/pfx-certificates.ts'
import type { Exchange } from '../wire/exchange.ts'
import type { PublicUrls } from '../wire/public-urls.ts'
import { ConnectorRegister } from './connectors.ts'
import { openServiceControl } from './control-routes.ts'
import type { DeviceFleet } from './devices.ts'
import { EnrolmentService } from './enrolment-service.ts'
import type { FleetCa } from './fleet-ca.ts'
import { HealthIntake } from './health-intake.ts'
import { IdempotencyStore } from './idempotency.ts'
import { importRoutes } from './import-routes.ts'
import { readSideRoutes } from './read-side.ts'
import type { ReleaseList } from './releases.ts'
import { openServiceRoutes } from './routes.ts'
import { defaultOpenServiceSettings } from './settings.ts'
import { WorkService } from './work-service.ts'

/** What the open service is composed of. */
export interface OpenServiceFoundation {
  readonly urls: PublicUrls
  readonly tenantId: string
  readonly clock: Clock
  readonly fleetCa: FleetCa
  readonly devices: DeviceFleet
  readonly releases: ReleaseList
  /** With which connectors come. */
  readonly enrolmentToken: string
  readonly exchange: Exchange
  readonly tokens: TokenIssuer
  /** The same that Graph shows. */
  readonly imports: PfxCertificates
  readonly people: People
}

/** Puts the open service together: the calls of connectors, what Graph shows of them, and the control calls. */
export function composeOpenService(foundation: OpenServiceFoundation): {
  readonly played: readonly Router[]
  readonly control: Router
} {
  const { clock, exchange, tokens, releases, devices, tenantId, fleetCa, imports, people } =
    foundation
  const connectors = new ConnectorRegister(clock)
  connectors.recordToken(foundation.enrolmentToken)
  const settings = { current: defaultOpenServiceSettings }
  const intake = new HealthIntake()
  const idempotency = new IdempotencyStore(clock)
  const work = new WorkService({ connectors, idempotency, settings, clock })
  const enrolment = new EnrolmentService({ connectors, fleetCa, settings, clock })
  const health = { connectors, intake, settings, clock }
  const { https: httpsUrl } = foundation.urls
  return {
    played: [
      openServiceRoutes(exchange, { httpsUrl, enrolment, work, health, releases }),
      readSideRoutes(exchange, { connectors, intake, tokens }),
      importRoutes(exchange, { connectors, imports, people, deliveries: work.queues.pkcsImport }),
    ],
    control: openServiceControl({
      work,
      devices,
      connectors,
      clock,
      tenantId,
      intake,
      releases,
      settings,
    }),
  }
}
