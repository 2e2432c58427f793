import type { Configuration } from '../../config/index.ts'
import { ConnectorError, describeError } from '../../kernel/index.ts'
import type { IntuneClient } from '../../management/index.ts'
import type { Finding, Probe } from './probe.ts'

const INTUNE_ROLE = 'scep_challenge_provider'

/** What Microsoft Graph is asked of users and devices where a profile verifies SIDs. */
const SID_ROLES = ['User.Read.All', 'Device.Read.All', 'DeviceManagementManagedDevices.Read.All']

const consent =
  'in Entra ID: API permissions of the app registration, application permissions, then grant admin consent; it takes some minutes'
const away =
  'let this machine reach login.microsoftonline.com, graph.microsoft.com and *.manage.microsoft.com over HTTPS, or configure proxy'
const remedies: Readonly<Record<string, string>> = {
  'management/unauthorized':
    'check intune.tenant, intune.clientId and the credential: the value of the secret, not its id, and not expired',
  'management/unavailable': away,
  'management/bad-response':
    'something between answers in Microsoft’s place: check proxy, and intune.trustedCaFile where it opens TLS',
  'management/misconfigured': 'check intune.tenant, intune.clientId and intune.cloud',
  'config/invalid': 'check the files that intune names',
}

/** What the tenant must give: a token with its role, the addresses of the services, permissions for SIDs. */
export function listIntuneProbes(
  { features, profiles }: Configuration,
  { probe }: Pick<IntuneClient, 'probe'>,
): readonly Probe[] {
  const asksScep = features.scep && profiles.some(({ challenge }) => challenge.kind === 'intune')
  const verifiesSids =
    features.scep &&
    profiles.some(({ certificate, templates }) =>
      [certificate, ...templates.map((one) => one.certificate)].some(
        ({ sid }) => sid === 'verified',
      ),
    )
  const services = [
    ...(asksScep ? (['scep'] as const) : []),
    ...(features.revocation ? (['revocation'] as const) : []),
  ]
  return [
    {
      name: 'Entra ID',
      remedies,
      run: async (signal) =>
        judgeRoles(await probe.loadRoles('intune', signal), [INTUNE_ROLE], 'Intune'),
    },
    ...services.map(
      (service): Probe => ({
        name: `Intune ${service}`,
        remedies: {
          ...remedies,
          'management/unauthorized': `Microsoft Graph wants Application.Read.All: ${consent}`,
          'management/misconfigured': `give the app the Intune permission ${INTUNE_ROLE} (${consent}), and check the tenant’s Intune licence`,
        },
        run: async (signal) =>
          (await judgeGraphToken(probe, signal)) ?? {
            status: 'ok',
            reason: `found at ${await probe.findHost(service, signal)}`,
          },
      }),
    ),
    ...(verifiesSids
      ? [
          {
            name: 'Microsoft Graph',
            remedies,
            run: async (signal: AbortSignal) =>
              judgeRoles(await probe.loadRoles('graph', signal), SID_ROLES, 'Microsoft Graph'),
          },
        ]
      : []),
  ]
}

/** Without a token the address is not asked for: what Graph would refuse, no consent mends. */
async function judgeGraphToken(
  probe: IntuneClient['probe'],
  signal: AbortSignal,
): Promise<Omit<Finding, 'name'> | undefined> {
  try {
    await probe.loadRoles('graph', signal)
    return undefined
  } catch (error) {
    const remedy = error instanceof ConnectorError ? remedies[error.code] : undefined
    return {
      status: 'failed',
      reason: `no token for Microsoft Graph, which knows the address: ${describeError(error)}`,
      ...(remedy === undefined ? {} : { remedy }),
    }
  }
}

function judgeRoles(
  roles: readonly string[] | undefined,
  wanted: readonly string[],
  audience: string,
): Omit<Finding, 'name'> {
  if (roles === undefined)
    return {
      status: 'doubtful',
      reason: 'a token was given; what it may do cannot be read from it',
      remedy: `make sure of the permissions ${wanted.join(', ')}: ${consent}`,
    }
  const missing = wanted.filter((role) => !roles.includes(role))
  if (missing.length === 0)
    return { status: 'ok', reason: `a token was given, with ${wanted.join(', ')}` }
  return {
    status: 'failed',
    reason: `a token was given, without ${missing.join(', ')}`,
    remedy: `add the ${audience} permission ${missing.join(', ')}: ${consent}`,
  }
}
