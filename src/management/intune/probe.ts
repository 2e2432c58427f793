import { PKI_SERVICE } from './revocation-queue.ts'
import { SCEP_SERVICE } from './scep-call.ts'
import type { ServiceLocator } from './service-locator.ts'
import type { IntuneSettings } from './settings.ts'
import type { TokenSource } from './token-source.ts'

const services = { scep: SCEP_SERVICE, revocation: PKI_SERVICE } as const

/**
 * Asks each part that work depends on, one at a time, so that an administrator sees which of them fails. Changes nothing
 * anywhere.
 *
 * @throws ConnectorError `management/unauthorized`, `management/unavailable`, `management/bad-response`, `management/misconfigured`
 */
export interface IntuneProbe {
  /** What a token for Intune, or for Microsoft Graph, may do; undefined where it does not say. */
  loadRoles(
    audience: 'intune' | 'graph',
    signal: AbortSignal,
  ): Promise<readonly string[] | undefined>
  /** The host where a service of Intune answers, by what Graph says. */
  findHost(service: keyof typeof services, signal: AbortSignal): Promise<string>
}

/** Composes it of what the client uses for its work. */
export function createIntuneProbe(
  { intuneScope, graphScope }: IntuneSettings,
  tokens: TokenSource,
  locator: ServiceLocator,
): IntuneProbe {
  return {
    async loadRoles(audience, signal) {
      return (await tokens.get(audience === 'intune' ? intuneScope : graphScope, signal)).roles
    },
    async findHost(service, signal) {
      return new URL((await locator.find(services[service], signal)).uri).host
    },
  }
}
