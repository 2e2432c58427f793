import type { Configuration } from '../config/index.ts'
import type { EnrolmentProfile } from '../connector/index.ts'
import { type Clock, ConnectorError } from '../kernel/index.ts'
import { createStaticChallenge, type IntuneClient } from '../management/index.ts'
import type { ScepRules } from '../scep/index.ts'
import type { CaBackends, ComposedAuthorities } from './authorities.ts'
import type { ProfileChallenges } from './challenges.ts'
import { createProfileIssuers } from './profile-issuers.ts'

const HOUR_MS = 3_600_000

/** Profiles as the enrolment needs them, by name, in the order of the configuration. */
export function composeProfiles(
  configuration: Configuration,
  cas: CaBackends,
  authorities: ComposedAuthorities,
  intune: IntuneClient | undefined,
  clock: Clock,
  challenges: ProfileChallenges,
): ReadonlyMap<string, EnrolmentProfile> {
  return new Map(
    configuration.profiles.map((settings) => {
      const composed = authorities.get(settings.ca)
      if (composed === undefined)
        throw new ConnectorError(
          'config/invalid',
          `profile ${settings.name}: there is no CA with the id ${settings.ca}`,
        )
      return [
        settings.name,
        {
          name: settings.name,
          scep: scepRulesOf(settings),
          capabilities: settings.capabilities,
          ...judgeOf(settings, intune, challenges),
          notifyMode: settings.notifyMode,
          certificate: settings.certificate,
          sids: intune?.sids,
          issuers: createProfileIssuers(composed, cas, clock),
          templates: settings.templates,
          renewal: {
            allowCertificateOnly: settings.allowCertificateOnlyRenewal,
            windowDays: settings.renewalWindowDays,
            graceDays: settings.renewalGraceDays,
          },
          queries: settings.queries,
          waiting: {
            manualApproval: settings.manualApproval,
            approvalDays: settings.approvalDays,
            syncTimeoutMs: settings.syncTimeoutSeconds * 1000,
            outageReply: settings.outageReply,
            outageMinutes: settings.outagePendingMinutes,
            maxRequests: settings.maxPendingRequests,
          },
          caParameters: settings.caParameters,
          replayWindowMs: settings.replayWindowHours * HOUR_MS,
        },
      ]
    }),
  )
}

/** Where all devices share a challenge, they may encrypt by it (REQ-105). */
function scepRulesOf({ scep, challenge }: Configuration['profiles'][number]): ScepRules {
  return challenge.kind === 'static' && challenge.secret !== undefined
    ? { ...scep, recipientPassword: challenge.secret }
    : scep
}

/** Who judges challenges and who is told; where Intune does not judge, nobody is. */
function judgeOf(
  settings: Configuration['profiles'][number],
  intune: IntuneClient | undefined,
  challenges: ProfileChallenges,
): Pick<EnrolmentProfile, 'validator' | 'notifier'> {
  const { challenge } = settings
  if (challenge.kind === 'intune') {
    if (intune === undefined)
      throw new ConnectorError(
        'config/invalid',
        `profile ${settings.name} validates with Intune: the section intune is missing`,
      )
    return { validator: intune.validator, notifier: intune.notifier }
  }
  if (challenge.kind === 'one-time') {
    const validator = challenges.get(settings.name)?.validator
    if (validator === undefined)
      throw new ConnectorError('internal/bug', `profile ${settings.name} has no challenges`)
    return { validator, notifier: undefined }
  }
  if (challenge.secret === undefined)
    throw new ConnectorError(
      'config/invalid',
      `profile ${settings.name}: the static challenge has no secretFile`,
    )
  return { validator: createStaticChallenge(challenge.secret), notifier: undefined }
}
