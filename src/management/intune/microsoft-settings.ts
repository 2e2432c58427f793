import { ConnectorError, Secret } from '../../kernel/index.ts'
import { CLOUDS } from './clouds.ts'
import type { IntuneOptions } from './options.ts'
import { parseOptions } from './settings.ts'

/** Settings of Microsoft's two libraries as options of ours. */
export interface MicrosoftSettings {
  readonly options: IntuneOptions
  /** Keys that were read and have no effect here: Azure AD Graph is retired. */
  readonly ignored: readonly string[]
}

const KNOWN_KEYS = [
  ['TENANT'],
  ['AAD_APP_ID'],
  ['AAD_APP_KEY'],
  ['PROVIDER_NAME_AND_VERSION'],
  ['AUTH_AUTHORITY'],
  ['INTUNE_RESOURCE_URL'],
  ['INTUNE_APP_ID'],
  // C# and Java spell these four differently.
  ['MSAL_GRAPH_RESOURCE_URL', 'MS_GRAPH_RESOURCE_URL'],
  ['MS_GRAPH_API_VERSION'],
  ['AAD_GRAPH_RESOURCE_URL', 'GRAPH_RESOURCE_URL'],
  ['AAD_GRAPH_API_VERSION', 'GRAPH_API_VERSION'],
  ['ScepRequestValidationFEServiceVersion'],
  ['PkiConnectorFEServiceVersion'],
  ['PROXY_HOST'],
  ['PROXY_PORT'],
  ['PROXY_USER'],
  ['PROXY_PASS'],
] as const
type KnownKey = (typeof KNOWN_KEYS)[number][0]

const REQUIRED = ['TENANT', 'AAD_APP_ID', 'AAD_APP_KEY', 'PROVIDER_NAME_AND_VERSION'] as const
const WITHOUT_EFFECT: readonly KnownKey[] = ['AAD_GRAPH_RESOURCE_URL', 'AAD_GRAPH_API_VERSION']

/**
 * Reads the settings of Microsoft's C# or Java library, so that a configuration can be taken over as it is.
 * Both spellings are accepted; null, undefined and blank mean absent. All problems are reported at once.
 *
 * @throws ConnectorError `management/misconfigured` a required key is absent, a key is unknown, two spellings disagree, or a
 *   value cannot be right
 * @see intune-api.md, 0.3
 */
export function parseMicrosoftSettings(
  record: Readonly<Record<string, string | null | undefined>>,
): MicrosoftSettings {
  const problems: string[] = []
  const values = readKeys(record, problems)
  for (const key of REQUIRED) if (!values.has(key)) problems.push(`${key} is missing or blank`)
  const port = values.get('PROXY_PORT')
  if (port !== undefined && !/^\d{1,5}$/.test(port))
    problems.push(`PROXY_PORT is '${port}': give a number`)
  if (problems.length > 0) throw new ConnectorError('management/misconfigured', problems.join('; '))
  const options: IntuneOptions = {
    tenant: values.get('TENANT') ?? '',
    clientId: values.get('AAD_APP_ID') ?? '',
    credential: { secret: new Secret(values.get('AAD_APP_KEY') ?? '') },
    provider: values.get('PROVIDER_NAME_AND_VERSION') ?? '',
    cloud: {
      authorityUrl: values.get('AUTH_AUTHORITY') ?? CLOUDS.global.authorityUrl,
      graphUrl: values.get('MSAL_GRAPH_RESOURCE_URL') ?? CLOUDS.global.graphUrl,
      intuneResourceUrl: values.get('INTUNE_RESOURCE_URL') ?? CLOUDS.global.intuneResourceUrl,
    },
    ...optional('intuneAppId', values.get('INTUNE_APP_ID')),
    ...optional('graphVersion', values.get('MS_GRAPH_API_VERSION')),
    ...optional('scepApiVersion', values.get('ScepRequestValidationFEServiceVersion')),
    ...optional('revocationApiVersion', values.get('PkiConnectorFEServiceVersion')),
    ...readProxy(values),
  }
  parseOptions(options)
  return { options, ignored: WITHOUT_EFFECT.filter((key) => values.has(key)) }
}

function readKeys(
  record: Readonly<Record<string, string | null | undefined>>,
  problems: string[],
): ReadonlyMap<KnownKey, string> {
  const values = new Map<KnownKey, string>()
  const known = new Set<string>(KNOWN_KEYS.flat())
  for (const key of Object.keys(record)) {
    if (!known.has(key)) problems.push(`${key.slice(0, 60)} is no setting of Microsoft's libraries`)
  }
  for (const [key, otherSpelling] of KNOWN_KEYS) {
    const one = textOf(record[key])
    const other = otherSpelling === undefined ? undefined : textOf(record[otherSpelling])
    if (one !== undefined && other !== undefined && one !== other) {
      problems.push(`${key} and ${otherSpelling} mean the same and differ: keep one`)
    }
    const value = one ?? other
    if (value !== undefined) values.set(key, value)
  }
  return values
}

function readProxy(values: ReadonlyMap<KnownKey, string>): Pick<IntuneOptions, 'proxy'> {
  const host = values.get('PROXY_HOST')
  if (host === undefined) return {}
  const port = values.get('PROXY_PORT') ?? '80'
  const password = values.get('PROXY_PASS')
  return {
    proxy: {
      url: `http://${host}:${port}`,
      ...optional('username', values.get('PROXY_USER')),
      ...(password === undefined ? {} : { password: new Secret(password) }),
    },
  }
}

function optional<K extends string>(key: K, value: string | undefined): { [key in K]?: string } {
  const part: { [key in K]?: string } = {}
  if (value !== undefined) part[key] = value
  return part
}

function textOf(value: string | null | undefined): string | undefined {
  const text = value?.trim()
  return text === undefined || text === '' ? undefined : text
}
