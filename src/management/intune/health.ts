import { describeError } from '../../kernel/index.ts'
import type { ManagementHealth } from '../ports.ts'
import { SCEP_SERVICE } from './scep-call.ts'
import type { ServiceLocator } from './service-locator.ts'
import type { IntuneSettings } from './settings.ts'
import type { TokenSource } from './token-source.ts'

const SCEP_ROLE = 'scep_challenge_provider'

/**
 * Checks that a token for Intune can be had and that the SCEP service is found. Uses both caches, so it costs no call
 * while they last. A role missing in the token and a map that could not be kept are warnings, not failures: Microsoft
 * does not promise the form of its tokens.
 */
export function createIntuneHealth(
  settings: IntuneSettings,
  tokens: TokenSource,
  locator: ServiceLocator,
): ManagementHealth {
  return {
    async check(signal) {
      try {
        const { uri } = await locator.find(SCEP_SERVICE, signal)
        const token = await tokens.get(settings.intuneScope, signal)
        const hasNoRole = token.roles !== undefined && !token.roles.includes(SCEP_ROLE)
        const warnings = [
          hasNoRole
            ? `the token lacks the role ${SCEP_ROLE}: grant it and give admin consent`
            : undefined,
          locator.warning(),
        ].filter((warning) => warning !== undefined)
        const host = new URL(uri).host
        const notes = warnings.map((warning) => `; warning: ${warning}`).join('')
        return { ok: true, detail: `token held, SCEP service at ${host}${notes}` }
      } catch (failure) {
        return { ok: false, detail: describeError(failure) }
      }
    },
  }
}
