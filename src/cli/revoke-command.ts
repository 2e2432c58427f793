import { join } from 'node:path'
import { type Command, Option } from 'commander'
import type { RevocationReason } from '../ca/index.ts'
import type { Configuration } from '../config/index.ts'
import { ConnectorError } from '../kernel/index.ts'
import type { CertificateRecord, Store } from '../store/index.ts'
import { findConfiguration } from './configuration.ts'
import { openExistingStore } from './existing-store.ts'

/** Names of RFC 5280, section 5.3.1, that a revocation may have. */
const reasons: Readonly<Record<string, RevocationReason>> = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  privilegeWithdrawn: 9,
  aACompromise: 10,
}

interface Options {
  readonly ca?: string
  readonly reason: string
  readonly release?: boolean
}

/** `certconnector revoke`: takes a certificate back, or puts it on hold, beside a connector that runs or without one. */
export function addRevokeCommand(program: Command): void {
  program
    .command('revoke')
    .description('revoke a certificate, put it on hold, or release it from there')
    .argument(
      '<serial-or-thumbprint>',
      'in hexadecimal, with or without colons; the thumbprint is the SHA-1 of the certificate',
    )
    .option('--ca <id>', 'the CA that issued it; default: whichever did')
    .addOption(
      new Option('--reason <name>', 'why; certificateHold can be released later')
        .choices(Object.keys(reasons))
        .default('unspecified'),
    )
    .addOption(new Option('--release', 'lift a hold').conflicts('reason'))
    .addHelpText(
      'after',
      `
A connector that runs publishes the CRL that says so, at the latest after ca[].crl.debounceSeconds; otherwise its next start does.
A device may go on with an older CRL until that ends (ca[].crl.validityHours).`,
    )
    .action(async (given: string, options: Options, self: Command) => {
      const { configuration } = findConfiguration(self)
      const store = await openExistingStore(configuration)
      try {
        const record = await find(store, given, options.ca, await listIds(configuration))
        process.stdout.write(await apply(store, record, options))
      } finally {
        await store.close()
      }
    })
}

async function apply(store: Store, record: CertificateRecord, options: Options): Promise<string> {
  const { caId, subject } = record
  const serialHex = serialOf(record)
  const what = `${serialHex} of CA ${caId} (${subject})`
  const now = new Date()
  if (options.release === true) {
    if (await store.certificates.release(caId, serialHex, now))
      return `released ${what}: it is good again\n`
    throw new ConnectorError('ca/refused', `${what} is not on hold: there is nothing to release`)
  }
  const reason = reasons[options.reason] ?? 0
  const before = record.revocationReason
  if (!(await store.certificates.revoke(caId, serialHex, reason, now)))
    throw new ConnectorError('ca/refused', `${what} was never issued: there is nothing to revoke`)
  const stays = before === 1 || (before !== 6 && reason !== 1) || before === reason
  if (before !== undefined && stays)
    return `${what} was revoked before, at ${record.revokedAt?.toISOString()}, as ${nameOf(before)}; that stays\n`
  return `${reason === 6 ? 'put on hold' : 'revoked'} ${what} as ${nameOf(reason)}\n`
}

/** Of all generations: certificates of a previous one are revoked as before. */
async function listIds({ ca, dataDir }: Configuration): Promise<readonly string[]> {
  const { listCaIds } = await import('../ca/index.ts')
  const perCa = ca.map(async ({ id }) => await listCaIds(join(dataDir, 'ca', id), id))
  return (await Promise.all(perCa)).flat()
}

async function findBySerial(
  store: Store,
  serialHex: string,
  caIds: readonly string[],
): Promise<CertificateRecord | undefined> {
  for (const caId of caIds) {
    const record = await store.certificates.findBySerial(caId, serialHex)
    if (record !== undefined) return record
  }
  return undefined
}

async function find(
  store: Store,
  given: string,
  caId: string | undefined,
  caIds: readonly string[],
): Promise<CertificateRecord> {
  const hex = given.replaceAll(/[:\s]/g, '').toUpperCase()
  if (!/^(?:[0-9A-F]{2}){1,64}$/.test(hex))
    throw new ConnectorError(
      'config/invalid',
      `'${given.slice(0, 80)}' is neither a serial number nor a thumbprint: hexadecimal digits, two an octet`,
    )
  const byThumbprint =
    hex.length === 40 ? await store.certificates.findByThumbprint(hex) : undefined
  const record = byThumbprint ?? (await findBySerial(store, hex, caIds))
  if (record !== undefined && (caId === undefined || record.caId === caId)) return record
  throw new ConnectorError(
    'ca/refused',
    `no certificate ${hex}${caId === undefined ? '' : ` of CA ${caId}`} is on record; certconnector events --id 4006 shows what was issued`,
  )
}

function serialOf({ issuedSerialHex, order }: CertificateRecord): string {
  return issuedSerialHex ?? order.serialHex
}

function nameOf(reason: RevocationReason): string {
  return Object.entries(reasons).find(([, number]) => number === reason)?.[0] ?? String(reason)
}
