import type { Express } from 'express'
import { controlApplication, playedApplication } from './applications.ts'
import { type ChallengeKeys, issueChallengeKeys } from './challenge/keys.ts'
import { ChallengeMint } from './challenge/mint.ts'
import { Targeting } from './challenge/targeting.ts'
import { controlRoutes } from './control/routes.ts'
import { AssertionChecker } from './entra/client-assertion.ts'
import type { Directory } from './entra/directory.ts'
import { ResourceRegistry } from './entra/resources.ts'
import { entraRoutes } from './entra/routes.ts'
import { issueTokenKeys, TokenIssuer, type TokenKeys } from './entra/tokens.ts'
import { People } from './graph/people.ts'
import { peopleRoutes } from './graph/people-routes.ts'
import { PfxCertificates } from './graph/pfx-certificates.ts'
import { pfxRoutes } from './graph/pfx-routes.ts'
import { graphRoutes } from './graph/routes.ts'
import { ServiceMap } from './graph/service-map.ts'
import { defaultBehaviour } from './intune/behaviour.ts'
import { CaRequestsService } from './intune/ca-requests-service.ts'
import { NotificationLog } from './intune/notifications.ts'
import { RevocationQueue } from './intune/revocation-queue.ts'
import { intuneRoutes } from './intune/routes.ts'
import { ScepService } from './intune/scep-service.ts'
import { VerdictPlan } from './intune/verdicts.ts'
import type { MovableClock } from './movable-clock.ts'
import { composeOpenService } from './open-service/composition.ts'
import { DeviceFleet } from './open-service/devices.ts'
import { FleetCa } from './open-service/fleet-ca.ts'
import type { ReleaseList } from './open-service/releases.ts'
import { Exchange } from './wire/exchange.ts'
import { FaultPlan } from './wire/faults.ts'
import type { PublicUrls } from './wire/public-urls.ts'
import { RequestLog } from './wire/request-log.ts'

/** The keys of the played services; those of TLS are apart. */
export interface ServiceKeys {
  readonly challenge: ChallengeKeys
  readonly token: TokenKeys
  readonly fleetCa: FleetCa
  readonly devices: DeviceFleet
}

/** Makes them, in memory only. */
export async function issueServiceKeys(now: Date): Promise<ServiceKeys> {
  const [challenge, token, fleetCa, devices] = await Promise.all([
    issueChallengeKeys('Intune simulator', now),
    issueTokenKeys(),
    FleetCa.issue(now),
    DeviceFleet.issue(now),
  ])
  return { challenge, token, fleetCa, devices }
}

/** What the services are composed of. */
export interface CompositionParts {
  readonly urls: PublicUrls
  readonly tenantId: string
  readonly directory: Directory
  readonly keys: ServiceKeys
  readonly clock: MovableClock
  /** With which connectors of the open service come. */
  readonly enrolmentToken: string
  readonly releases: ReleaseList
}

/** Puts the services together; both applications share one state. */
export function composeServices(parts: CompositionParts): {
  readonly played: Express
  readonly control: Express
} {
  const { urls, tenantId, directory, keys, clock } = parts
  const resources = new ResourceRegistry(urls)
  const tokens = new TokenIssuer(keys.token, urls, resources, clock)
  const log = new RequestLog(clock)
  const faults = new FaultPlan()
  const verdicts = new VerdictPlan()
  const targeting = new Targeting()
  const notifications = new NotificationLog()
  const revocations = new RevocationQueue(clock)
  const services = new ServiceMap(urls)
  const people = new People()
  const imports = new PfxCertificates(clock)
  const exchange = new Exchange(faults, log)
  const mint = new ChallengeMint(keys.challenge, tenantId, clock)
  const behaviour = { current: defaultBehaviour }

  const intune = { tokens, behaviour: () => behaviour.current, contextUrl: urls.https }
  const challenge = { keys: keys.challenge, targeting, verdicts }
  const scep = new ScepService({ ...intune, ...challenge, notifications, clock })
  const caRequests = new CaRequestsService({ ...intune, revocations })
  const assertions = new AssertionChecker()
  const entra = { directory, resources, tokens, assertions, urls, clock, clientClock: clock.base }
  const steered = {
    targeting,
    directory,
    people,
    imports,
    services,
    notifications,
    revocations,
    verdicts,
    faults,
  }
  const openService = composeOpenService({
    ...parts,
    ...keys,
    exchange,
    tokens,
    imports,
    people,
  })
  return {
    played: playedApplication(exchange, [
      // Before the directory, which answers for all other paths of deviceManagement.
      ...openService.played,
      graphRoutes(exchange, { services, tokens, urls, clock }),
      pfxRoutes(exchange, { imports, people, tokens }),
      peopleRoutes(exchange, { people, tokens }),
      intuneRoutes(exchange, services, scep, caRequests),
      entraRoutes(exchange, entra),
    ]),
    control: controlApplication(
      controlRoutes({ tenantId, mint, log, clock, behaviour, ...steered }),
      openService.control,
    ),
  }
}
