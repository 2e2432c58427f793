import { existsSync } from 'node:fs'
import { checkValue, featureNames } from '../../config/index.ts'

/** What is known so far, by the name of the question. */
export type Answers = ReadonlyMap<string, string>

/** One thing that a configuration needs. */
export interface Question {
  /** As commander names the option: `clientSecretFile` of `--client-secret-file`. */
  readonly name: string
  readonly flags: string
  readonly text: string
  /** Whether it matters, after the answers before. */
  readonly isFor: (answers: Answers) => boolean
  /** Taken where nothing is given; `''`: it is left out. Absent: it must be answered. */
  readonly fallback?: (given: Answers) => string
  /** Taken from its option or the fallback, never asked for. */
  readonly isQuiet?: boolean
  /** What is wrong with an answer, and what to do. Paths are absolute. */
  readonly check: (value: string) => string | undefined
  /** The answer is the path of a file. */
  readonly isFile?: boolean
  /** The file holds a secret, which may be typed instead; it is then written here. */
  readonly secretFile?: string
}

const CHALLENGES = ['intune', 'static', 'one-time']

/** What is switched on. */
export function listFeatures(answers: Answers): readonly string[] {
  return (answers.get('features') ?? '').split(',').map((name) => name.trim())
}

/** Whether the tenant is asked for anything. */
export function needsIntune(answers: Answers): boolean {
  const features = listFeatures(answers)
  if (features.includes('scep') && answers.get('challenge') === 'intune') return true
  return features.includes('revocation') && (answers.get('openServiceUrl') ?? '') === ''
}

const always = (): boolean => true
const has =
  (feature: string) =>
  (answers: Answers): boolean =>
    listFeatures(answers).includes(feature)
const isGiven =
  (name: string) =>
  (answers: Answers): boolean =>
    (answers.get(name) ?? '') !== ''
const isServiceNeeded = (answers: Answers): boolean =>
  listFeatures(answers).some((name) => name.startsWith('pkcs'))
const none = (): string => ''

/** In the order in which they are asked: what decides about others comes first. */
export const questions: readonly Question[] = [
  {
    name: 'name',
    flags: '--name <text>',
    text: 'Name of this connector, for people',
    isFor: always,
    fallback: () => 'Certificate Connector',
    isQuiet: true,
    check: byKey('connector.name'),
  },
  {
    name: 'features',
    flags: '--features <list>',
    text: `Features, with commas between them (${featureNames.join(', ')})`,
    isFor: always,
    fallback: () => 'scep',
    check(value) {
      const names = value.split(',').map((name) => name.trim())
      const unknown = names.filter((name) => !featureNames.includes(name))
      if (unknown.length === 0) return undefined
      return `there is no feature "${unknown.join('", "')}"; choose of ${featureNames.join(', ')}`
    },
  },
  {
    name: 'publicUrl',
    flags: '--public-url <url>',
    text: 'URL under which devices reach it; it stands in every certificate and cannot be changed later',
    isFor: always,
    check: byKey('listeners.device.publicUrl'),
  },
  {
    name: 'host',
    flags: '--host <address>',
    text: 'Address to listen on for devices; 0.0.0.0 in a container',
    isFor: always,
    fallback: () => '127.0.0.1',
    isQuiet: true,
    check: byKey('listeners.device.host'),
  },
  {
    name: 'port',
    flags: '--port <number>',
    text: 'Port to listen on for devices',
    isFor: always,
    fallback: () => '8080',
    isQuiet: true,
    check: (value) => byKey('listeners.device.port')(/^\d+$/.test(value) ? Number(value) : value),
  },
  {
    name: 'adminPort',
    flags: '--admin-port <number>',
    text: 'Port for health, metrics and the status page, on loopback',
    isFor: always,
    fallback: () => '8081',
    isQuiet: true,
    check: (value) => byKey('listeners.admin.port')(/^\d+$/.test(value) ? Number(value) : value),
  },
  {
    name: 'caName',
    flags: '--ca-name <text>',
    text: 'Name of the CA; it is read once, when the CA is made',
    isFor: always,
    fallback: () => 'Device CA',
    check: byKey('ca[].name'),
  },
  {
    name: 'challenge',
    flags: '--challenge <kind>',
    text: `Who judges SCEP challenges (${CHALLENGES.join(', ')})`,
    isFor: has('scep'),
    fallback: () => 'intune',
    check: oneOf(CHALLENGES),
  },
  {
    name: 'staticChallengeFile',
    flags: '--static-challenge-file <file>',
    text: 'File with the static challenge',
    isFor: (answers) => has('scep')(answers) && answers.get('challenge') === 'static',
    // A random one is made.
    fallback: none,
    isQuiet: true,
    isFile: true,
    check: isThere,
  },
  {
    name: 'openServiceUrl',
    flags: '--open-service-url <url>',
    text: 'URL of the connector service',
    isFor: isServiceNeeded,
    check: byKey('management.openService.url'),
  },
  {
    name: 'openServiceUrl',
    flags: '--open-service-url <url>',
    text: 'URL of a connector service, beside or instead of Intune; Enter for none',
    isFor: (answers) => has('revocation')(answers) && !isServiceNeeded(answers),
    fallback: none,
    check: byKey('management.openService.url'),
  },
  {
    name: 'enrolmentTokenFile',
    flags: '--enrolment-token-file <file>',
    text: 'File with the token to enrol at it',
    isFor: isGiven('openServiceUrl'),
    isFile: true,
    secretFile: 'secrets/enrolment-token',
    check: isThere,
  },
  {
    name: 'openServiceCaFile',
    flags: '--open-service-ca-file <file>',
    text: 'PEM file of the CA of its TLS certificate; Enter for the well-known roots',
    isFor: isGiven('openServiceUrl'),
    fallback: none,
    isFile: true,
    check: isThere,
  },
  {
    name: 'deviceIssuersFile',
    flags: '--device-issuers-file <file>',
    text: 'PEM file of the CAs that issue device certificates',
    isFor: isServiceNeeded,
    isFile: true,
    check: isThere,
  },
  {
    name: 'tenant',
    flags: '--tenant <name>',
    text: 'Tenant: its GUID or a domain of it',
    isFor: needsIntune,
    check: byKey('intune.tenant'),
  },
  {
    name: 'clientId',
    flags: '--client-id <guid>',
    text: 'Application (client) id of the app registration in Entra ID',
    isFor: needsIntune,
    check: byKey('intune.clientId'),
  },
  {
    name: 'cloud',
    flags: '--cloud <name>',
    text: 'National cloud of the tenant',
    isFor: needsIntune,
    fallback: () => 'global',
    isQuiet: true,
    check: byKey('intune.cloud'),
  },
  {
    name: 'credential',
    flags: '--credential <kind>',
    text: 'How the application proves itself (secret, certificate)',
    isFor: needsIntune,
    fallback: (given) => (isGiven('clientCertificateFile')(given) ? 'certificate' : 'secret'),
    check: oneOf(['secret', 'certificate']),
  },
  {
    name: 'clientSecretFile',
    flags: '--client-secret-file <file>',
    text: 'File with the client secret',
    isFor: (answers) => needsIntune(answers) && answers.get('credential') === 'secret',
    isFile: true,
    secretFile: 'secrets/intune-client-secret',
    check: isThere,
  },
  {
    name: 'clientCertificateFile',
    flags: '--client-certificate-file <file>',
    text: 'PEM file of the certificate that is registered with the application',
    isFor: (answers) => needsIntune(answers) && answers.get('credential') === 'certificate',
    isFile: true,
    check: isThere,
  },
  {
    name: 'clientKeyFile',
    flags: '--client-key-file <file>',
    text: 'PEM file of its private key, PKCS #8',
    isFor: (answers) => needsIntune(answers) && answers.get('credential') === 'certificate',
    isFile: true,
    check: isThere,
  },
  {
    name: 'proxyUrl',
    flags: '--proxy-url <url>',
    text: 'HTTP proxy for calls outwards, with http:// or https://; Enter for none',
    isFor: (answers) => needsIntune(answers) || isGiven('openServiceUrl')(answers),
    fallback: none,
    check: byKey('proxy.url'),
  },
  {
    name: 'proxyUser',
    flags: '--proxy-user <name>',
    text: 'User at the proxy; Enter for none',
    isFor: isGiven('proxyUrl'),
    fallback: none,
    check: byKey('proxy.username'),
  },
  {
    name: 'proxyPasswordFile',
    flags: '--proxy-password-file <file>',
    text: 'File with the password at the proxy',
    isFor: isGiven('proxyUser'),
    isFile: true,
    secretFile: 'secrets/proxy-password',
    check: isThere,
  },
  {
    name: 'passphraseFile',
    flags: '--passphrase-file <file>',
    text: 'File with the passphrase that encrypts all keys',
    isFor: always,
    // A random one is made.
    fallback: none,
    isQuiet: true,
    isFile: true,
    check: isThere,
  },
]

/** As the configuration itself checks the key. */
function byKey(path: string): (value: unknown) => string | undefined {
  return (value) => {
    const problem = checkValue(path, value)
    if (problem === undefined) return undefined
    return `${problem.found} will not do; expected ${problem.expected}; ${problem.remedy}`
  }
}

function oneOf(values: readonly string[]): (value: string) => string | undefined {
  return (value) => (values.includes(value) ? undefined : `choose one of ${values.join(', ')}`)
}

function isThere(path: string): string | undefined {
  return existsSync(path) ? undefined : `${path} is not there; check the path`
}
