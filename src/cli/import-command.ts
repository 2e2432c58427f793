import { type Command, InvalidArgumentError, Option } from 'commander'
import type {
  ImportDelivery,
  ImportedPfx,
  ImportKeeper,
  OpenedPfxImports,
} from '../compose/index.ts'
import type { Configuration } from '../config/index.ts'
import { ConnectorError } from '../kernel/index.ts'
import type { PaddingScheme } from '../keys/index.ts'
import { findConfiguration } from './configuration.ts'
import { openConfiguredKeyRing } from './configured-key-ring.ts'
import { CommandEnd, EXIT } from './failure.ts'
import { type AddOptions, type PreparedImport, prepareImport } from './prepare-import.ts'
import { loadVersion } from './version.ts'

const purposes = ['unassigned', 'smimeEncryption', 'smimeSigning', 'wifi', 'vpn'] as const
const paddings: readonly PaddingScheme[] = ['oaepSha256', 'oaepSha384', 'oaepSha512', 'pkcs1']
const DAY_MS = 24 * 3_600_000
const DEADLINE_MS = 300_000

interface KeeperChoice {
  readonly user?: string
  readonly at?: ImportKeeper
}

interface RemoveOptions extends KeeperChoice {
  readonly user: string
}

function keeperOption(): Option {
  return new Option(
    '--at <keeper>',
    'who keeps the records; default Intune where it is configured, else the connector service',
  ).choices(['intune', 'open-service'])
}

/** `certconnector import …`: PFX of users, recorded for their devices in Intune or at the connector service. */
export function addImportCommand(program: Command): void {
  const command = program
    .command('import')
    .description(
      'PFX of users for their devices: record them in Intune or at the connector service, list, check, remove',
    )
  addAdd(command)
  addList(command)
  addRemove(command)
  addStatus(command)
}

function addAdd(command: Command): void {
  command
    .command('add')
    .description('check a PFX, encrypt its password to a key, and record both')
    .argument('<pfx-file>', 'PKCS #12: one private key, its certificate, best with its chain')
    .requiredOption('--user <upn>', 'user principal name of the owner')
    .requiredOption('--key <key-name>', 'key that the password is encrypted to, of the key ring')
    .option('--provider <name>', 'its provider; default Microsoft Software Key Storage Provider')
    .option(
      '--public-key-file <file>',
      'its public half (PEM or CNG), where the key ring is elsewhere',
    )
    .addOption(
      new Option('--purpose <name>', 'profiles choose certificates by it')
        .choices(purposes)
        .default('unassigned'),
    )
    .addOption(
      new Option('--padding <name>', 'of the password; pkcs1 only where nothing else works')
        .choices(paddings)
        .default('oaepSha512'),
    )
    .option('--password-file <file>', 'password of the PFX, first line; otherwise it is asked for')
    .option('--new-password', 'record a new PFX with a random password instead of the file')
    .addOption(
      new Option('--pfx-encryption <name>', 'of that new PFX; tripleDes for old devices')
        .choices(['aes256', 'tripleDes'])
        .default('aes256'),
    )
    .option('--allow-expired', 'also a certificate that has ended, for reading old mail')
    .option('--replace', 'write over the record of this user and certificate')
    .option('--dry-run', 'check only, without asking anybody')
    .addOption(keeperOption())
    .action(async (file: string, options: AddOptions, self: Command) => {
      const configuration =
        options.dryRun === true ? findConfiguration(self).configuration : findTenant(self)
      const prepared = await prepareImport(file, options, configuration, new Date())
      tell(prepared)
      if (options.dryRun === true) {
        process.stdout.write(`${describe(prepared.record)}\nnothing was recorded: --dry-run\n`)
        return
      }
      await withImports(configuration, options.at, async ({ imports }, signal) => {
        const userId = await getUserId(imports, options.user, signal)
        const { record } = prepared
        const before = await imports.find(userId, record.thumbprint, signal)
        if (before === undefined) await imports.add(record, signal)
        else if (options.replace === true) await imports.replace(userId, record, signal)
        else
          throw new ConnectorError(
            'import/refused',
            `${options.user} has this certificate already (${record.thumbprint}); --replace writes over it`,
          )
        process.stdout.write(`${describe(record)}\nrecorded\n`)
      })
    })
}

function addList(command: Command): void {
  command
    .command('list')
    .description('show what is recorded, of one user or of all')
    .option('--user <upn>', 'of this user only')
    .option('--json', 'one JSON object a line')
    .addOption(keeperOption())
    .action(async ({ user, json, at }: KeeperChoice & { json?: boolean }, self: Command) => {
      const configuration = findTenant(self)
      await withImports(configuration, at, async ({ imports }, signal) => {
        const records = await imports.list(user, signal)
        for (const record of records)
          process.stdout.write(`${json === true ? JSON.stringify(record) : describe(record)}\n`)
        tellCount(records.length)
      })
    })
}

function addRemove(command: Command): void {
  command
    .command('remove')
    .description('remove a record; devices lose the certificate')
    .argument('<thumbprint>', 'SHA-1 of the certificate, hexadecimal', parseThumbprint)
    .requiredOption('--user <upn>', 'user principal name of the owner')
    .addOption(keeperOption())
    .action(async (thumbprint: string, { user, at }: RemoveOptions, self: Command) => {
      const configuration = findTenant(self)
      await withImports(configuration, at, async ({ imports }, signal) => {
        const userId = await getUserId(imports, user, signal)
        if (!(await imports.remove(userId, thumbprint, signal)))
          throw new ConnectorError('import/refused', `${user} has no record of ${thumbprint}`)
        process.stdout.write(`removed ${thumbprint} of ${user}\n`)
      })
    })
}

function addStatus(command: Command): void {
  command
    .command('status')
    .description(
      'check that every record can be delivered: its key, its padding, its dates; a connector service also tells on which devices it is',
    )
    .option('--user <upn>', 'of this user only')
    .addOption(keeperOption())
    .action(async ({ user, at }: KeeperChoice, self: Command) => {
      const configuration = findTenant(self)
      const ring = await openConfiguredKeyRing(configuration)
      let undeliverable = 0
      await withImports(configuration, at, async ({ imports }, signal) => {
        const records = await imports.list(user, signal)
        tellCount(records.length)
        for (const record of records) {
          const key = { provider: record.providerName, key: record.keyName }
          const problem = checkRecord(record, (await ring.find(key)) !== undefined)
          if (problem !== undefined) undeliverable += 1
          const state = problem ?? describeDates(record, new Date())
          process.stdout.write(`${describe(record)}\n  ${state}\n`)
          for (const delivery of await listDeliveries(imports, record, signal))
            process.stdout.write(`  ${describeDelivery(delivery)}\n`)
        }
      })
      if (undeliverable > 0) {
        process.stderr.write(`${undeliverable} cannot be delivered by this connector\n`)
        throw new CommandEnd(EXIT.failed)
      }
    })
}

/** On standard error: nothing at all would look like a command that did nothing. */
function tellCount(count: number): void {
  process.stderr.write(`${count} record${count === 1 ? '' : 's'}\n`)
}

/**
 * The configuration of a tenant. The demonstration's client secret is known to its own process alone.
 *
 * @throws ConnectorError `config/invalid` there is none
 */
function findTenant(self: Command): Configuration {
  const { configuration, isDemonstration } = findConfiguration(self)
  if (!isDemonstration) return configuration
  throw new ConnectorError(
    'config/invalid',
    'the demonstration has no tenant that this command could ask; give --config with a configuration that has intune',
  )
}

async function withImports(
  configuration: Configuration,
  keeper: ImportKeeper | undefined,
  work: (opened: OpenedPfxImports, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const { openPfxImports } = await import('../compose/index.ts')
  const opened = await openPfxImports(configuration, loadVersion(), keeper)
  try {
    await work(opened, AbortSignal.timeout(DEADLINE_MS))
  } finally {
    await opened.close()
  }
}

async function listDeliveries(
  imports: OpenedPfxImports['imports'],
  { userPrincipalName, thumbprint }: ImportedPfx,
  signal: AbortSignal,
): Promise<readonly ImportDelivery[]> {
  if (imports.listDeliveries === undefined) return []
  const userId = await imports.findUserId(userPrincipalName, signal)
  return userId === undefined ? [] : await imports.listDeliveries(userId, thumbprint, signal)
}

async function getUserId(
  imports: OpenedPfxImports['imports'],
  user: string,
  signal: AbortSignal,
): Promise<string> {
  const userId = await imports.findUserId(user, signal)
  if (userId !== undefined) return userId
  throw new ConnectorError(
    'import/refused',
    `the tenant has no user '${user.slice(0, 120)}': give the user principal name, which is not always the mail address`,
  )
}

/** Problems all at once, since each of them costs a run. */
function tell({ problems, warnings }: PreparedImport): void {
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`)
  for (const problem of problems) process.stderr.write(`refused: ${problem}\n`)
  if (problems.length > 0) throw new CommandEnd(EXIT.failed)
}

function describe(record: Omit<ImportedPfx, 'lastModifiedDateTime'>): string {
  const { thumbprint, userPrincipalName, intendedPurpose, keyName, expirationDateTime } = record
  const until = expirationDateTime.toISOString().slice(0, 10)
  return `${thumbprint}  ${userPrincipalName}  ${intendedPurpose}  until ${until}  key ${keyName}  ${record.paddingScheme}`
}

function describeDelivery({ deviceId, state, at, problem }: ImportDelivery): string {
  const why = problem === undefined ? '' : `: ${problem}`
  return `device ${deviceId}  ${state} ${at.toISOString()}${why}`
}

function checkRecord(record: ImportedPfx, hasKey: boolean): string | undefined {
  const { paddingScheme, keyName, providerName } = record
  if (!hasKey)
    return `cannot be delivered: the key ring has no key '${keyName}' of provider '${providerName}'`
  // Microsoft's tool takes no choice for its default.
  if (paddingScheme === 'none' || (paddings as readonly string[]).includes(paddingScheme))
    return undefined
  return `cannot be delivered: padding ${paddingScheme} is not accepted; import it again`
}

function describeDates({ expirationDateTime }: ImportedPfx, now: Date): string {
  const days = Math.floor((expirationDateTime.getTime() - now.getTime()) / DAY_MS)
  return days < 0 ? `ended ${-days} days ago; kept for old mail` : `good for ${days} days`
}

function parseThumbprint(text: string): string {
  const hex = text.replaceAll(/[:\s]/g, '').toLowerCase()
  if (/^[0-9a-f]{40}$/.test(hex)) return hex
  throw new InvalidArgumentError('expected 40 hexadecimal digits')
}
