import { stringify } from 'yaml'
import { featureNames } from '../../config/index.ts'
import { type Answers, listFeatures, needsIntune } from './questions.ts'

/**
 * The commented `connector.yaml`. Holds no secret, only the paths of their files.
 *
 * @param answers paths as they are to stand in the file
 */
export function renderConfiguration(answers: Answers): string {
  const of = (name: string): string => scalar(answers.get(name) ?? '')
  const has = (name: string): boolean => answers.has(name)
  const features = listFeatures(answers)
  const sections = [
    [
      '# Written by `certconnector init`. docs/configuration.md has every key, connector.example.yaml shows them;',
      '# `certconnector check-config` checks this file, and with --online what it needs outside.',
    ],
    ['connector:', '  # For people, in events and on the status page.', `  name: ${of('name')}`],
    ['# Store, logs, spool and encrypted keys, on a local disk.', 'dataDir: data'],
    [
      '# Encrypts every key under dataDir. Keep a copy elsewhere: a backup without it is worthless.',
      `passphraseFile: ${of('passphraseFile')}`,
    ],
    [
      'listeners:',
      '  device:',
      '    # HTTPS for devices: listeners.device.tls, or a reverse proxy in front, whose X-Forwarded-For is then to be believed:',
      '    # without this all devices are one address, which is shed after requestsPerMinute.',
      '    #trustProxy: 1',
      `    host: ${of('host')}`,
      `    port: ${answers.get('port')}`,
      '    # In every certificate the addresses of CRL and CA certificate begin with this: it cannot be changed later.',
      `    publicUrl: ${of('publicUrl')}`,
      '  # Health, metrics and status page. It asks for no password: keep it inside.',
      '  admin:',
      '    host: 127.0.0.1',
      `    port: ${answers.get('adminPort')}`,
    ],
    [
      '# What is off opens no connection and polls nothing; it may be changed at any time.',
      'features:',
      ...featureNames.map((name) => `  ${name}: ${features.includes(name)}`),
    ],
    needsIntune(answers)
      ? [
          '# The tenant, and the app registration that the connector is in Entra ID.',
          'intune:',
          `  tenant: ${of('tenant')}`,
          `  clientId: ${of('clientId')}`,
          ...optional(answers, {
            clientSecretFile: '',
            clientCertificateFile: '',
            clientKeyFile: '',
          }),
          `  cloud: ${of('cloud')}`,
        ]
      : [],
    has('openServiceUrl')
      ? [
          '# The service that queues work and keeps the list of connectors (docs/open-connector-service.md).',
          'management:',
          '  openService:',
          `    url: ${of('openServiceUrl')}`,
          `    # Needed once, until this connector is enrolled.`,
          `    enrolmentTokenFile: ${of('enrolmentTokenFile')}`,
          ...(has('openServiceCaFile') ? [`    caFile: ${of('openServiceCaFile')}`] : []),
        ]
      : [],
    has('deviceIssuersFile') && features.includes('pkcs')
      ? renderPkcs(of('deviceIssuersFile'))
      : [],
    has('deviceIssuersFile') && features.includes('pkcsImport')
      ? [
          '# Imported PFX: their passwords are sealed for devices of these CAs only. `certconnector keyring` holds the keys.',
          'pfxImport:',
          `  deviceIssuersFile: ${of('deviceIssuersFile')}`,
        ]
      : [],
    has('proxyUrl')
      ? [
          '# For all calls outwards. The environment’s HTTPS_PROXY is not read.',
          'proxy:',
          `  url: ${of('proxyUrl')}`,
          ...optional(answers, { proxyUser: 'username', proxyPasswordFile: 'passwordFile' }),
        ]
      : [],
    [
      'ca:',
      '  - id: default',
      '    # Names and keys are read once, when the CA is made.',
      `    name: ${of('caName')}`,
    ],
    has('challenge') ? renderProfiles(answers) : [],
  ]
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`
}

function renderProfiles(answers: Answers): string[] {
  const file = answers.get('staticChallengeFile')
  return [
    'profiles:',
    '  # /scep/default, and /certsrv/mscep/mscep.dll as with NDES.',
    '  - name: default',
    '    challenge:',
    `      kind: ${answers.get('challenge')}`,
    ...(file === undefined ? [] : [`      secretFile: ${scalar(file)}`]),
    '    certificate:',
    '      validityDays: 365',
  ]
}

/** Lines of a section, by the name of the answer; the key where it is another. */
function optional(answers: Answers, keys: Readonly<Record<string, string>>): string[] {
  return Object.entries(keys).flatMap(([name, key]) => {
    const value = answers.get(name)
    return value === undefined ? [] : [`  ${key === '' ? name : key}: ${scalar(value)}`]
  })
}

function scalar(value: string): string {
  return stringify(value, { lineWidth: 0 }).trim()
}

/** A template that nobody asks for until it is made the one that the service names. */
function renderPkcs(deviceIssuersFile: string): readonly string[] {
  return [
    '# Certificates with their keys: for devices of these CAs, and for what the templates allow; all else is refused.',
    'pkcs:',
    `  deviceIssuersFile: ${deviceIssuersFile}`,
    '  templates:',
    '    # Replace by CA, template and names of the service’s profiles.',
    '    - certificationAuthority: ca.example.org',
    '      certificationAuthorityName: Example Issuing CA',
    '      certificateTemplateName: Device',
    "      subject: ['CN=*']",
    '      subjectAltNames: []',
  ]
}
