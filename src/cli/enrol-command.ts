import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { ConnectorError, Secret } from '../kernel/index.ts'
import { findConfiguration } from './configuration.ts'
import type {
  DeviceKeyKind,
  EnrolledDevice,
  RequestCipher,
  RequestDigest,
  RequestedName,
  RequestKeyTransport,
} from './enrolment-client/index.ts'
import { openExistingStore } from './existing-store.ts'
import { printEvents, printStep } from './shown-steps.ts'
import { writeNew } from './write-new.ts'

const ciphers: readonly RequestCipher[] = [
  'aes-128-cbc',
  'aes-192-cbc',
  'aes-256-cbc',
  'des-ede3-cbc',
  'des-cbc',
]

const keyTransports: readonly RequestKeyTransport[] = [
  'pkcs1',
  'oaep-sha1',
  'oaep-sha256',
  'oaep-sha384',
  'oaep-sha512',
]

interface EnrolOptions {
  readonly url: string
  readonly subject: string
  readonly san?: readonly RequestedName[]
  readonly challengeFile?: string
  readonly control: string
  readonly key: DeviceKeyKind
  readonly method?: 'GET' | 'POST'
  readonly digest?: RequestDigest
  readonly cipher?: RequestCipher
  readonly keyTransport?: RequestKeyTransport
  readonly rootFingerprint?: string
  /** In minutes. */
  readonly wait?: number
  readonly out?: string
}

/** `certconnector enrol`: enrols one device over SCEP and shows each step as it happens. */
export function addEnrolCommand(program: Command): void {
  program
    .command('enrol')
    .description('enrol one device over SCEP, as a device would, and show each step')
    .argument(
      '[challenge]',
      'challenge password; without one the simulator is asked for a fresh one. On a shared machine use --challenge-file: arguments are visible to others',
    )
    .option(
      '--url <url>',
      'SCEP URL',
      parseHttpUrl,
      'http://127.0.0.1:8080/certsrv/mscep/mscep.dll',
    )
    .option('--subject <name>', 'subject, RFC 4514', 'CN=demo-device')
    .option(
      '--san <kind:value>',
      'subjectAltName entry: dns, email, uri, ip or upn; may be given again',
      collectSan,
    )
    .option('--challenge-file <file>', 'read the challenge from this file (- is standard input)')
    .option(
      '--control <url>',
      'control listener of the simulator',
      parseHttpUrl,
      'http://127.0.0.1:8090',
    )
    .addOption(
      new Option('--key <kind>', 'key of the device')
        .choices(['rsa2048', 'rsa3072', 'rsa4096', 'p256', 'p384'])
        .default('rsa2048'),
    )
    .addOption(new Option('--method <method>', 'how the request travels').choices(['GET', 'POST']))
    .addOption(
      new Option('--digest <name>', 'digest of the request').choices([
        'md5',
        'sha1',
        'sha256',
        'sha384',
        'sha512',
      ]),
    )
    .addOption(new Option('--cipher <name>', 'content cipher of the request').choices(ciphers))
    .addOption(
      new Option('--key-transport <name>', 'how its content key is encrypted').choices(
        keyTransports,
      ),
    )
    .option(
      '--root-fingerprint <hex>',
      'SHA-1 or SHA-256 of the root certificate to trust',
      parseFingerprint,
    )
    .option(
      '--wait <minutes>',
      'while the server answers PENDING send the same request again, every 5 seconds',
      parseMinutes,
    )
    .option('--out <prefix>', 'write <prefix>.pem and <prefix>.key (mode 0600)')
    .action(async (challenge: string | undefined, options: EnrolOptions, command: Command) => {
      const { enrolDevice } = await loadClient()
      const device = await enrolDevice({
        url: options.url,
        subject: options.subject,
        sans: options.san ?? [],
        challenge: await findChallenge(challenge, options),
        key: options.key,
        ...(options.method === undefined ? {} : { method: options.method }),
        ...(options.digest === undefined ? {} : { digest: options.digest }),
        ...(options.cipher === undefined ? {} : { cipher: options.cipher }),
        ...(options.keyTransport === undefined ? {} : { keyTransport: options.keyTransport }),
        ...(options.rootFingerprint === undefined
          ? {}
          : { rootFingerprintHex: options.rootFingerprint }),
        ...(options.wait === undefined ? {} : { waitMs: options.wait * 60_000 }),
        onStep: printStep,
      })
      process.stdout.write(`\n${device.chainPem}`)
      if (options.out !== undefined) await writeDevice(options.out, device)
      await showEvents(device.transactionId, command)
    })
}

/**
 * `certconnector challenge`: makes a one-time challenge of a profile, or asks the simulator for one, as Intune hands one
 * to a device.
 */
export function addChallengeCommand(program: Command): void {
  program
    .command('challenge')
    .description('make a one-time challenge of a profile, or ask the simulator for a fresh one')
    .addOption(
      new Option(
        '--profile <name>',
        'make one of this profile, whose challenge.kind is one-time; the options below are for the simulator alone',
      ).conflicts(['control', 'subject', 'san', 'validMinutes']),
    )
    .option(
      '--control <url>',
      'control listener of the simulator',
      parseHttpUrl,
      'http://127.0.0.1:8090',
    )
    .option('--subject <name>', 'the only subject that the challenge is good for, RFC 4514')
    .option('--san <kind:value>', 'a subjectAltName entry it is good for', collectSan)
    .option('--valid-minutes <minutes>', 'how long it is good', parseMinutes)
    .action(
      async (
        options: {
          profile?: string
          control: string
          subject?: string
          san?: readonly RequestedName[]
          validMinutes?: number
        },
        self: Command,
      ) => {
        if (options.profile !== undefined) return await makeOneTimeChallenge(options.profile, self)
        const { createChallenge } = await loadClient()
        const made = await createChallenge(options.control, {
          ...(options.subject === undefined ? {} : { subject: options.subject }),
          ...(options.san === undefined
            ? {}
            : { sans: options.san.map(({ kind, value }) => ({ type: kind, value })) }),
          ...(options.validMinutes === undefined ? {} : { validMinutes: options.validMinutes }),
        })
        process.stdout.write(`${made.challenge.reveal()}\n`)
        process.stderr.write(`good until ${made.expires.toISOString()}\n`)
      },
    )
}

/** Works beside a connector that runs: the store takes the hash. */
async function makeOneTimeChallenge(profile: string, self: Command): Promise<void> {
  const { configuration } = findConfiguration(self)
  const store = await openExistingStore(configuration)
  try {
    const { makeChallenge } = await import('../compose/index.ts')
    const { challenge, expiresAt } = await makeChallenge(configuration, profile, store)
    process.stdout.write(`${challenge.reveal()}\n`)
    process.stderr.write(`good once, until ${expiresAt.toISOString()}\n`)
  } finally {
    await store.close()
  }
}

/** Loaded when it is needed, so that help and the other commands answer at once. */
async function loadClient() {
  return await import('./enrolment-client/index.ts')
}

/** What the connector recorded, where it runs on this machine. */
async function showEvents(transactionId: string, command: Command): Promise<void> {
  const { dataDir = 'data' } = command.optsWithGlobals<{ dataDir?: string }>()
  await printEvents(join(resolve(dataDir), 'logs'), transactionId)
}

async function findChallenge(argument: string | undefined, options: EnrolOptions): Promise<Secret> {
  if (argument !== undefined) return new Secret(argument)
  const file = options.challengeFile
  if (file !== undefined) return readChallengeFile(file)
  const { createChallenge } = await loadClient()
  const made = await createChallenge(options.control, { subject: options.subject })
  process.stdout.write(
    `challenge   the simulator made one, good until ${made.expires.toISOString()}\n`,
  )
  return made.challenge
}

function readChallengeFile(file: string): Secret {
  try {
    return new Secret(readFileSync(file === '-' ? 0 : file, 'utf8').replace(/\r?\n$/, ''))
  } catch (cause) {
    throw new ConnectorError(
      'config/invalid',
      `--challenge-file: ${file} cannot be read; check its path and its permissions`,
      { cause },
    )
  }
}

async function writeDevice(prefix: string, device: EnrolledDevice): Promise<void> {
  const key = device.keys.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
  await writeNew(`${prefix}.key`, key, 0o600)
  await writeNew(`${prefix}.pem`, device.chainPem, 0o644)
  process.stdout.write(
    `\nWritten: ${prefix}.pem (certificate and chain), ${prefix}.key (private key)\n`,
  )
}

function collectSan(text: string, before: readonly RequestedName[] = []): readonly RequestedName[] {
  const [, kind, value] = /^(dns|email|uri|ip|upn):(.+)$/.exec(text) ?? []
  if (kind === undefined || value === undefined)
    throw new InvalidArgumentError('expected dns:…, email:…, uri:…, ip:… or upn:…')
  return [...before, { kind: kind as RequestedName['kind'], value }]
}

function parseHttpUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return text
  throw new InvalidArgumentError('expected http://… or https://…')
}

function parseFingerprint(text: string): string {
  const hex = text.replaceAll(/[:\s]/g, '')
  if (/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i.test(hex)) return hex
  throw new InvalidArgumentError('expected 40 (SHA-1) or 64 (SHA-256) hexadecimal digits')
}

function parseMinutes(text: string): number {
  const minutes = Number(text)
  if (minutes > 0 && Number.isFinite(minutes)) return minutes
  throw new InvalidArgumentError('expected a number of minutes above 0')
}
