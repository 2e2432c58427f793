import { Secret } from '../kernel/index.ts'
import { formatFound, type Problem } from './problem.ts'
import { findRaw, isRawObject, putRaw, type RawObject, type RawPath } from './raw-tree.ts'
import { findSimilar } from './suggestion.ts'

interface Setting {
  /** Microsoft's C# library, then its Java library where that one differs. */
  readonly names: readonly string[]
  /** The key of ours; undefined where the setting has no effect here. */
  readonly path: RawPath | undefined
  readonly isSecret?: true
}

const intune = (key: string, ...names: string[]): Setting => ({ names, path: ['intune', key] })

/** Settings of Microsoft's two SCEP libraries, except the address of the proxy, which is put together from two. */
const settings: readonly Setting[] = [
  intune('tenant', 'TENANT'),
  intune('clientId', 'AAD_APP_ID'),
  { names: ['AAD_APP_KEY'], path: ['intune', 'clientSecret'], isSecret: true },
  intune('providerName', 'PROVIDER_NAME_AND_VERSION'),
  intune('authorityUrl', 'AUTH_AUTHORITY'),
  intune('intuneResourceUrl', 'INTUNE_RESOURCE_URL'),
  intune('intuneAppId', 'INTUNE_APP_ID'),
  intune('graphUrl', 'MSAL_GRAPH_RESOURCE_URL', 'MS_GRAPH_RESOURCE_URL'),
  intune('graphVersion', 'MS_GRAPH_API_VERSION'),
  intune('scepServiceVersion', 'ScepRequestValidationFEServiceVersion'),
  intune('revocationServiceVersion', 'PkiConnectorFEServiceVersion'),
  // Azure AD Graph is retired.
  { names: ['AAD_GRAPH_RESOURCE_URL', 'GRAPH_RESOURCE_URL'], path: undefined },
  { names: ['AAD_GRAPH_API_VERSION', 'GRAPH_API_VERSION'], path: undefined },
  { names: ['PROXY_USER'], path: ['proxy', 'username'] },
  { names: ['PROXY_PASS'], path: ['proxy', 'password'], isSecret: true },
]
const proxyNames = ['PROXY_HOST', 'PROXY_PORT']

/**
 * Takes `intune.microsoftSettings` over into our keys, in both spellings of Microsoft's libraries.
 *
 * @param isFromEnvironment whether the map came from the environment; only then may it hold secrets
 */
export function applyMicrosoftSettings(
  raw: RawObject,
  isFromEnvironment: (path: RawPath) => boolean,
): { readonly problems: readonly Problem[]; readonly warnings: readonly Problem[] } {
  const at: RawPath = ['intune', 'microsoftSettings']
  const given = findRaw(raw, at)
  if (!isRawObject(given)) return { problems: [], warnings: [] }
  const values = readValues(given)
  const problems = checkNames(given)
  const warnings: Problem[] = []

  for (const { names, path, isSecret } of settings) {
    const spelt = names.filter((name) => values.has(name))
    const [name] = spelt
    if (name === undefined) continue
    const value = values.get(name) ?? ''
    const place = { path: `intune.microsoftSettings.${name}` }
    if (new Set(spelt.map((each) => values.get(each))).size > 1) {
      problems.push({ ...place, found: `another value than ${spelt[1]}`, ...oneOf(spelt) })
    } else if (path === undefined) {
      warnings.push({
        ...place,
        found: formatFound(value),
        expected: 'no such setting: it has no effect here',
        remedy: 'remove it',
      })
    } else if (isSecret === true && !isFromEnvironment([...at, name])) {
      problems.push({
        ...place,
        found: '[secret]',
        expected: 'no secret in the configuration file',
        remedy: `write it into a file and name that in ${path.join('.')}File`,
      })
    } else {
      const problem = takeOver(raw, path, isSecret === true ? new Secret(value) : value, place.path)
      if (problem !== undefined) problems.push(problem)
    }
  }
  const host = values.get('PROXY_HOST')
  if (host !== undefined) {
    const url = `http://${host}:${values.get('PROXY_PORT') ?? '80'}`
    const problem = takeOver(raw, ['proxy', 'url'], url, 'intune.microsoftSettings.PROXY_HOST')
    if (problem !== undefined) problems.push(problem)
  }
  // What was taken over is not looked at again, and the map must not keep a secret.
  putRaw(raw, at, Object.fromEntries([...values].filter(([name]) => !isSecretName(name))))
  return { problems, warnings }
}

function takeOver(
  raw: RawObject,
  path: RawPath,
  value: unknown,
  from: string,
): Problem | undefined {
  const existing = findRaw(raw, path)
  if (existing === undefined || existing === value) {
    putRaw(raw, path, value)
    return undefined
  }
  const ours = path.join('.')
  return { path: from, found: `another value than ${ours}`, ...oneOf([from, ours]) }
}

function oneOf(names: readonly string[]): Pick<Problem, 'expected' | 'remedy'> {
  return { expected: 'one value', remedy: `keep ${names.join(' or ')}` }
}

/** Blank means absent, as in Microsoft's libraries; YAML reads a bare port as a number. */
function readValues(given: RawObject): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  for (const [name, value] of Object.entries(given)) {
    if (typeof value !== 'string' && typeof value !== 'number') continue
    const text = String(value).trim()
    if (text !== '') values.set(name, text)
  }
  return values
}

function checkNames(given: RawObject): Problem[] {
  const known = [...settings.flatMap((setting) => setting.names), ...proxyNames]
  return Object.keys(given)
    .filter((name) => !known.includes(name))
    .map((name) => {
      const similar = findSimilar(name, known)
      return {
        path: `intune.microsoftSettings.${name}`,
        found: 'no setting of Microsoft’s libraries',
        expected: 'one of theirs, in either spelling',
        remedy: similar === undefined ? 'remove it' : `did you mean ${similar}?`,
      }
    })
}

function isSecretName(name: string): boolean {
  return settings.some((setting) => setting.isSecret === true && setting.names.includes(name))
}
