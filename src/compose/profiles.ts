import type { CaBackend } from '../ca/index.ts'
import type { Configuration } from '../config/index.ts'
import type { EnrolmentProfile } from '../connector/index.ts'
import { ConnectorError, equalBytes } from '../kernel/index.ts'
import { createStaticChallenge, type IntuneClient } from '../management/index.ts'
import { parseCertificate } from '../pki/index.ts'
import type { ComposedAuthorities, ComposedAuthority } from './authorities.ts'

const HOUR_MS = 3_600_000

/** Profiles as the enrolment needs them, by name, in the order of the configuration. */
export function composeProfiles(
  configuration: Configuration,
  cas: ReadonlyMap<string, CaBackend>,
  authorities: ComposedAuthorities,
  intune: IntuneClient | undefined,
): ReadonlyMap<string, EnrolmentProfile> {
  return new Map(
    configuration.profiles.map((settings) => {
      const ca = cas.get(settings.ca)
      if (ca === undefined)
        throw new ConnectorError(
          'config/invalid',
          `profile ${settings.name}: there is no CA with the id ${settings.ca}`,
        )
      return [
        settings.name,
        {
          name: settings.name,
          scep: settings.scep,
          capabilities: settings.capabilities,
          ...judgeOf(settings, intune),
          notifyMode: settings.notifyMode,
          certificate: settings.certificate,
          sids: intune?.sids,
          issuers: {
            backendFor: () => ca,
            findByName: (nameDer) => (isNameOf(nameDer, authorities.get(ca.id)) ? ca : undefined),
            list: () => [ca],
          },
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

/** Whether the issuing CA or its RA has this subject; by octets, as devices copy it from the certificate. */
function isNameOf(nameDer: Uint8Array, composed: ComposedAuthority | undefined): boolean {
  if (composed === undefined) return false
  const { issuingDer, ras } = composed.authority
  return [issuingDer, ...ras.map((ra) => ra.certificateDer)].some((der) =>
    equalBytes(parseCertificate(der).subjectDer, nameDer),
  )
}

/** Who judges challenges and who is told; a static challenge tells nobody. */
function judgeOf(
  settings: Configuration['profiles'][number],
  intune: IntuneClient | undefined,
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
  if (challenge.secret === undefined)
    throw new ConnectorError(
      'config/invalid',
      `profile ${settings.name}: the static challenge has no secretFile`,
    )
  return { validator: createStaticChallenge(challenge.secret), notifier: undefined }
}
