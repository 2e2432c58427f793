import { randomBytes, X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { CaKeyType } from '../ca/index.ts'
import type { Configuration } from '../config/index.ts'
import { ConnectorError } from '../kernel/index.ts'
import { findConfiguration } from './configuration.ts'

const keyTypes: readonly CaKeyType[] = ['rsa2048', 'rsa3072', 'rsa4096', 'p256', 'p384']

/** `certconnector ca …`: makes, shows and exports the embedded CA, and renews its RA certificate by hand. */
export function addCaCommand(program: Command): void {
  const ca = program.command('ca').description('make, show and export the embedded CA')

  ca.command('init')
    .description('make root, issuing CA and RA certificate; does nothing where they exist')
    .option('--id <id>', 'id of the CA in the configuration')
    .addOption(
      new Option('--key <type>', 'key of the issuing CA; overrides the configuration').choices(
        keyTypes,
      ),
    )
    .addOption(
      new Option('--root-key <type>', 'key of the root; overrides the configuration').choices(
        keyTypes,
      ),
    )
    .action(
      async (options: { id?: string; key?: CaKeyType; rootKey?: CaKeyType }, command: Command) => {
        const { configuration } = findConfiguration(command)
        const settings = findCa(configuration, options.id)
        const directory = join(configuration.dataDir, 'ca', settings.id)
        const { initAuthority } = await loadCa()
        const { loadOrMakePassphrase, namesOf } = await loadCompose()
        const passphrase = await loadOrMakePassphrase(
          configuration.passphraseFile,
          configuration.dataDir,
        )
        const { isNew } = await initAuthority(directory, passphrase, {
          names: namesOf(settings),
          rootKey: options.rootKey ?? settings.rootKey,
          issuingKey: options.key ?? settings.issuingKey,
          rootYears: settings.rootYears,
          issuingYears: settings.issuingYears,
          raDays: settings.ra.validityDays,
          now: new Date(),
          random: randomBytes,
        })
        process.stdout.write(
          isNew ? `made ${directory}\n` : `${directory} exists; nothing was changed\n`,
        )
        await show(directory)
      },
    )

  ca.command('show')
    .description('show the certificates of a CA: names, validity, fingerprints, files')
    .option('--id <id>', 'id of the CA in the configuration')
    .action(async (options: { id?: string }, command: Command) => {
      const { configuration } = findConfiguration(command)
      await show(join(configuration.dataDir, 'ca', findCa(configuration, options.id).id))
    })

  ca.command('export')
    .description(
      'print a certificate as PEM, for example the root for a trusted-certificate profile',
    )
    .argument('[which]', 'root, issuing, ra or chain', parseWhich, 'root')
    .option('--id <id>', 'id of the CA in the configuration')
    .option('--der', 'DER instead of PEM, for Intune’s trusted-certificate profile (.cer)')
    .action(async (which: Which, options: { id?: string; der?: boolean }, command: Command) => {
      const { configuration } = findConfiguration(command)
      const directory = join(configuration.dataDir, 'ca', findCa(configuration, options.id).id)
      const { describeAuthority } = await loadCa()
      const { certificates } = await describeAuthority(directory)
      const roles = which === 'chain' ? ['issuing', 'root'] : [which]
      const wanted = roles.flatMap(
        (role) =>
          certificates.find((one) => one.role === role && one.retiredAt === undefined) ?? [],
      )
      if (options.der === true && wanted.length > 1)
        throw new ConnectorError(
          'config/invalid',
          '--der writes one certificate; leave it out for a chain',
        )
      for (const one of wanted)
        process.stdout.write(
          options.der === true
            ? one.certificateDer
            : new X509Certificate(one.certificateDer).toString(),
        )
    })

  ca.command('rotate-ra')
    .description(
      'make a new RA key and certificate now; the old key decrypts on during the overlap',
    )
    .option('--id <id>', 'id of the CA in the configuration')
    .action(async (options: { id?: string }, command: Command) => {
      const { configuration } = findConfiguration(command)
      const settings = findCa(configuration, options.id)
      const directory = join(configuration.dataDir, 'ca', settings.id)
      const { rotateRa } = await loadCa()
      const { loadPassphrase } = await import('../keys/index.ts')
      await rotateRa(directory, await loadPassphrase(configuration.passphraseFile), {
        now: new Date(),
        random: randomBytes,
        raDays: settings.ra.validityDays,
        overlapDays: settings.ra.overlapDays,
      })
      await show(directory)
      process.stdout.write('A connector that runs takes it over within a minute.\n')
    })
}

/** Loaded when they are needed, so that help and the other commands answer at once. */
async function loadCa() {
  return await import('../ca/index.ts')
}

async function loadCompose() {
  return await import('../compose/index.ts')
}

async function show(directory: string): Promise<void> {
  const { describeAuthority } = await loadCa()
  const description = await describeAuthority(directory)
  for (const one of description.certificates) {
    const key = one.publicKey
    process.stdout.write(`
${one.role}${one.retiredAt === undefined ? '' : ` (retired ${one.retiredAt.toISOString()})`}
  subject      ${one.subject}
  issuer       ${one.issuer}
  serial       ${one.serialHex}
  valid        ${one.notBefore.toISOString()} to ${one.notAfter.toISOString()}
  key          ${key.curve ?? `${key.algorithm.toUpperCase()} ${key.bits}`}
  SHA-1        ${one.sha1Hex}
  SHA-256      ${one.sha256Hex}
  certificate  ${one.certificatePath}
  private key  ${one.hasKeyFile ? one.keyPath : 'not here'}
`)
  }
}

function findCa(configuration: Configuration, id: string | undefined) {
  const found = id === undefined ? configuration.ca[0] : configuration.ca.find((ca) => ca.id === id)
  if (found === undefined)
    throw new ConnectorError(
      'config/invalid',
      `--id: there is no CA ${id ?? ''}; configured are ${configuration.ca.map((ca) => ca.id).join(', ')}`,
    )
  return found
}

type Which = 'root' | 'issuing' | 'ra' | 'chain'

function parseWhich(text: string): Which {
  if (text !== 'root' && text !== 'issuing' && text !== 'ra' && text !== 'chain')
    throw new InvalidArgumentError('expected root, issuing, ra or chain')
  return text
}
