import { randomUUID } from 'node:crypto'
import { ConnectorError } from '../../kernel/index.ts'
import { waitUntil } from '../http/abort.ts'
import { createSingleFlight } from '../http/single-flight.ts'
import type { RequestServiceMap } from './endpoint-list.ts'
import { encodeServiceMap, parseServiceMap, type ServiceMap } from './service-map.ts'
import type { IntuneSettings } from './settings.ts'

/** How long the last good map serves before Graph is asked again during its outage. */
const FALLBACK_TTL_MS = 60_000

/** A map with the time until which it serves without a question. */
interface HeldMap {
  readonly services: ServiceMap
  readonly validUntil: number
}

/** Where a service answers now. */
export interface ServiceLocation {
  /** https, an allowed host, no trailing slash, no query. */
  readonly uri: string
  /** The discovery it comes from, for `drop`. */
  readonly source: object
}

/** Finds the tenant's Intune services by name. */
export interface ServiceLocator {
  /**
   * @param service name in any case, such as `ScepRequestValidationFEService`
   * @throws ConnectorError `management/misconfigured` not listed, or an address that may not receive our token
   * @throws ConnectorError `management/unauthorized` Graph refuses
   * @throws ConnectorError `management/unavailable`, `management/bad-response` and no earlier map is known
   */
  find(service: string, signal: AbortSignal): Promise<ServiceLocation>
  /** Forgets the discovery behind a location that did not answer; a newer one stays. */
  drop(location: ServiceLocation): void
  /** What an operator should know although things work. */
  warning(): string | undefined
}

/**
 * Caches Graph's answer, with one question in flight. A map that lacks the service is asked for once more.
 * While Graph is away the last good map serves, also the one of an earlier process; a refusal of Graph has no such comfort.
 *
 * @see intune-api.md, 2.5
 */
export function createServiceLocator(
  settings: IntuneSettings,
  requestServiceMap: RequestServiceMap,
  lifetime: AbortSignal,
): ServiceLocator {
  const { clock, serviceMapStore: store, tenant, discoveryTtlMs, budgetMs } = settings
  const share = createSingleFlight<HeldMap>()
  let held: HeldMap | undefined
  let lastGood: ServiceMap | undefined
  let warning: string | undefined

  async function refresh(): Promise<HeldMap> {
    const now = clock.now().getTime()
    try {
      const limit = AbortSignal.any([lifetime, AbortSignal.timeout(budgetMs)])
      const services = await requestServiceMap(randomUUID(), limit)
      held = { services, validUntil: now + discoveryTtlMs }
      // An empty list is an answer, but no map to fall back on.
      if (services.size > 0) await keep(services)
    } catch (failure) {
      const isOutage = failure instanceof ConnectorError && failure.isTransient
      const fallback = isOutage ? (lastGood ?? (await loadKept())) : undefined
      if (fallback === undefined) throw failure
      warning = 'Graph does not answer; the last known addresses are used'
      held = { services: fallback, validUntil: now + FALLBACK_TTL_MS }
    }
    return held
  }

  async function keep(services: ServiceMap): Promise<void> {
    lastGood = services
    warning = undefined
    try {
      await store?.save(encodeServiceMap(services, tenant))
    } catch {
      warning = 'the service map cannot be saved: an outage of Graph after a restart will stop us'
    }
  }

  async function loadKept(): Promise<ServiceMap | undefined> {
    try {
      const text = await store?.load()
      return text === undefined ? undefined : parseServiceMap(text, tenant)
    } catch {
      return undefined
    }
  }

  return {
    async find(service, signal) {
      const name = service.toLowerCase()
      const discover = (): Promise<HeldMap> =>
        waitUntil(share('map', refresh), signal, 'service discovery')
      const cached =
        held !== undefined && clock.now().getTime() < held.validUntil ? held : undefined
      let source = cached ?? (await discover())
      if (cached !== undefined && !cached.services.has(name)) {
        if (held === cached) held = undefined
        source = await discover()
      }
      const uri = source.services.get(name)
      if (uri === undefined) {
        if (held === source) held = undefined
        throw notListed(service, source.services.size)
      }
      checkAddress(service, uri, settings.allowedHostSuffixes)
      return { uri, source }
    },
    drop(location) {
      if (held === location.source) held = undefined
    },
    warning: () => warning,
  }
}

function notListed(service: string, others: number): ConnectorError {
  const seen = others === 0 ? 'lists no service at all' : `lists ${others} other services`
  return new ConnectorError(
    'management/misconfigured',
    `Graph answers, but ${seen} and not ${service}: the tenant has no Intune licence, or the application ` +
      "lacks Intune's permission scep_challenge_provider with admin consent",
  )
}

/** A list that somebody forged must not lead our token elsewhere. */
function checkAddress(service: string, uri: string, suffixes: readonly string[]): void {
  const url = URL.parse(uri)
  const host = url?.hostname.toLowerCase() ?? ''
  const isAllowed = suffixes.some((one) => {
    const suffix = one.toLowerCase().replace(/^\./, '')
    return suffix !== '' && (host === suffix || host.endsWith(`.${suffix}`))
  })
  const isPlain = url?.protocol === 'https:' && url.username === '' && url.password === ''
  if (isAllowed && isPlain && url.search === '' && url.hash === '') return
  throw new ConnectorError(
    'management/misconfigured',
    `the discovered address of ${service} is at '${host.slice(0, 200)}' and gets no token: ` +
      `its host must end in ${suffixes.join(', ')} (setting allowedHostSuffixes)`,
  )
}
