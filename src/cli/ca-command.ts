import { randomBytes, X509Certificate } from 'node:crypto'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { CaKeyType } from '../ca/index.ts'
import { ConnectorError } from '../kernel/index.ts'
import { getConfiguredCa } from './ca-folder.ts'
import { addCaRollCommand } from './ca-roll-command.ts'
import { showCa } from './ca-show.ts'
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
        const configured = getConfiguredCa(configuration, options.id)
        const { settings, directory } = configured
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
          raPair: settings.ra.pair,
          now: new Date(),
          random: randomBytes,
        })
        process.stdout.write(
          isNew ? `made ${directory}\n` : `${directory} exists; nothing was changed\n`,
        )
        await showCa(configured)
      },
    )

  ca.command('show')
    .description('show a CA with its generations: names, validity, fingerprints, files')
    .option('--id <id>', 'id of the CA in the configuration')
    .action(async (options: { id?: string }, command: Command) => {
      const { configuration } = findConfiguration(command)
      await showCa(getConfiguredCa(configuration, options.id))
    })

  ca.command('export')
    .description(
      'print a certificate as PEM, for example the root for a trusted-certificate profile',
    )
    .argument('[which]', 'root, issuing, ra or chain', parseWhich, 'root')
    .option('--id <id>', 'id of the CA in the configuration')
    .option('--der', 'DER instead of PEM, for Intune’s trusted-certificate profile (.cer)')
    .option('--next', 'of the next CA, which waits for its hand-over')
    .action(async (which: Which, options: ExportOptions, command: Command) => {
      const { configuration } = findConfiguration(command)
      const { directory } = getConfiguredCa(configuration, options.id)
      const { describeAuthority } = await loadCa()
      const { generations } = await describeAuthority(directory, new Date())
      const state = options.next === true ? 'next' : 'current'
      const generation = generations.find((one) => one.state === state)
      if (generation === undefined)
        throw new ConnectorError(
          'ca/refused',
          'there is no next CA; make one with: certconnector ca roll',
        )
      const roles = which === 'chain' ? ['issuing', 'root'] : [which]
      const wanted = roles.flatMap((role) =>
        generation.certificates.filter((one) => one.role === role && one.retiredAt === undefined),
      )
      if (options.der === true && wanted.length > 1)
        throw new ConnectorError(
          'config/invalid',
          '--der writes one certificate; leave it out where there are several',
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
      const configured = getConfiguredCa(configuration, options.id)
      const { settings, directory } = configured
      const { rotateRa } = await loadCa()
      const { loadPassphrase } = await import('../keys/index.ts')
      await rotateRa(directory, await loadPassphrase(configuration.passphraseFile), {
        now: new Date(),
        random: randomBytes,
        raDays: settings.ra.validityDays,
        overlapDays: settings.ra.overlapDays,
        raPair: settings.ra.pair,
      })
      await showCa(configured)
      process.stdout.write('A connector that runs takes it over within a minute.\n')
    })

  addCaRollCommand(ca)
}

/** Loaded when they are needed, so that help and the other commands answer at once. */
async function loadCa() {
  return await import('../ca/index.ts')
}

async function loadCompose() {
  return await import('../compose/index.ts')
}

interface ExportOptions {
  readonly id?: string
  readonly der?: boolean
  readonly next?: boolean
}

type Which = 'root' | 'issuing' | 'ra' | 'chain'

function parseWhich(text: string): Which {
  if (text !== 'root' && text !== 'issuing' && text !== 'ra' && text !== 'chain')
    throw new InvalidArgumentError('expected root, issuing, ra or chain')
  return text
}
