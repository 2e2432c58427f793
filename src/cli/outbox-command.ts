import type { Command } from 'commander'
import { findConfiguration } from './configuration.ts'
import { openExistingStore } from './existing-store.ts'
import { EXIT } from './failure.ts'

const LIST_LIMIT = 1000

/** `certconnector outbox …`: notifications that the management service is owed. Works beside a connector that runs. */
export function addOutboxCommand(program: Command): void {
  const command = program.command('outbox').description('notifications that Intune is owed')

  command
    .command('list')
    .description('list what is not delivered, oldest first')
    .option('--all', 'also what was delivered')
    .action(async (options: { all?: boolean }, self: Command) => {
      const store = await openExistingStore(findConfiguration(self).configuration)
      try {
        const records = await store.outbox.list(
          options.all === true
            ? ['due', 'exhausted', 'failed', 'delivered']
            : ['due', 'exhausted', 'failed'],
          LIST_LIMIT,
        )
        for (const record of records)
          process.stdout.write(
            `${record.id}  ${record.state.padEnd(9)}  ${record.kind.padEnd(7)}  ${record.createdAt.toISOString()}  failed attempts ${record.attempts}  next ${record.dueAt.toISOString()}  transaction ${record.transactionId}${record.lastError === undefined ? '' : `\n    ${record.lastError}`}\n`,
          )
        process.stderr.write(`${records.length} notification${records.length === 1 ? '' : 's'}\n`)
      } finally {
        await store.close()
      }
    })

  command
    .command('redeliver')
    .description(
      'make undelivered notifications due now; a connector that runs delivers them within a second',
    )
    .argument('[id]', 'one of them; without it, all')
    .action(async (id: string | undefined, _options: unknown, self: Command) => {
      const store = await openExistingStore(findConfiguration(self).configuration)
      try {
        const count = await store.outbox.redeliver(new Date(), id)
        process.stdout.write(`${count} made due\n`)
        if (count > 0 || id === undefined) return
        process.stderr.write(
          `no undelivered notification ${id}: give the whole id, as certconnector outbox list shows it\n`,
        )
        process.exitCode = EXIT.failed
      } finally {
        await store.close()
      }
    })
}
