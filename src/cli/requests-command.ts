import type { Command } from 'commander'
import { ConnectorError } from '../kernel/index.ts'
import type { PendingRecord } from '../store/index.ts'
import { findConfiguration } from './configuration.ts'
import { openExistingStore } from './existing-store.ts'

const LIST_LIMIT = 1000
const LEAST_DIGITS = 8

const NEXT_STEP = `
The device learns of it when it asks the next time: most ask every few minutes.`

/** `certconnector requests`, `approve` and `deny`: requests that wait. They work beside a connector that runs. */
export function addRequestsCommand(program: Command): void {
  program
    .command('requests')
    .description('requests that wait for an approval or for the end of an outage, oldest first')
    .option('--all', 'also those that have got their answer')
    .action(async (options: { all?: boolean }, self: Command) => {
      const store = await openExistingStore(findConfiguration(self).configuration)
      try {
        const records = await store.pending.list(
          options.all === true
            ? ['waiting', 'approved', 'denied', 'issued', 'failed']
            : ['waiting', 'approved', 'denied'],
          LIST_LIMIT + 1,
        )
        const shown = records.slice(0, LIST_LIMIT)
        for (const record of shown) process.stdout.write(`${describe(record)}\n`)
        process.stderr.write(`${shown.length} request${shown.length === 1 ? '' : 's'}\n`)
        if (records.length > LIST_LIMIT)
          process.stderr.write('There are more; these are the oldest.\n')
      } finally {
        await store.close()
      }
    })

  program
    .command('approve')
    .description('let a request that waits for an approval have its certificate')
    .argument('<id>', 'as certconnector requests lists it; its first 8 digits suffice')
    .addHelpText('after', NEXT_STEP)
    .action(async (id: string, _options: unknown, self: Command) => {
      await decide(self, id, 'approved', undefined)
    })

  program
    .command('deny')
    .description('refuse a request that waits for an approval')
    .argument('<id>', 'as certconnector requests lists it; its first 8 digits suffice')
    .option('--reason <text>', 'told to the device and kept on record, at most 100 characters')
    .addHelpText('after', NEXT_STEP)
    .action(async (id: string, options: { reason?: string }, self: Command) => {
      const reason = options.reason
      if (reason !== undefined && !/^[^\p{Cc}\p{Cf}]{1,100}$/u.test(reason))
        throw new ConnectorError(
          'config/invalid',
          '--reason is 1 to 100 characters without control characters',
        )
      await decide(self, id, 'denied', reason)
    })
}

async function decide(
  self: Command,
  id: string,
  state: 'approved' | 'denied',
  reason: string | undefined,
): Promise<void> {
  // Whoever leaves the id out, as a script with an empty variable does, means no request.
  if (id.length < LEAST_DIGITS)
    throw new ConnectorError('config/invalid', `give the id, or its first ${LEAST_DIGITS} digits`)
  const store = await openExistingStore(findConfiguration(self).configuration)
  try {
    const waiting = await store.pending.list(['waiting'], LIST_LIMIT)
    const meant = waiting.filter((record) => record.id.startsWith(id.toLowerCase()))
    const [record, another] = meant
    if (record === undefined) throw notWaiting(id)
    if (another !== undefined)
      throw new ConnectorError(
        'config/invalid',
        `${id} begins ${meant.length} ids: give more of it`,
      )
    if (record.cause !== 'approval')
      throw new ConnectorError(
        'store/conflict',
        `${record.id} waits for no approval: ${record.cause === 'outage' ? 'an outage holds it up' : 'it is still at work'}`,
      )
    if (!(await store.pending.decide(record.id, { state, reason, at: new Date() })))
      throw notWaiting(id)
    process.stdout.write(`${state} ${record.id}: ${describeNames(record)}\n`)
  } finally {
    await store.close()
  }
}

function notWaiting(id: string): ConnectorError {
  return new ConnectorError(
    'store/conflict',
    `no request ${id.slice(0, 40)} waits; certconnector requests --all shows what became of it`,
  )
}

function describe(record: PendingRecord): string {
  const { id, state, cause, createdAt, expiresAt, profile, transactionId } = record
  const until = state === 'waiting' ? `until ${expiresAt.toISOString()}` : (record.reason ?? '')
  return `${id}  ${state.padEnd(8)}  ${cause.padEnd(8)}  since ${createdAt.toISOString()}  ${until}\n    profile ${profile}  transaction ${transactionId}  ${describeNames(record)}`
}

/** Who the certificate would be for: its other names count as much as its subject, and for Windows more. */
function describeNames({ subject, altNames }: PendingRecord): string {
  return altNames === '' ? subject : `${subject}\n    other names: ${altNames}`
}
