import { join } from 'node:path'
import type { Command } from 'commander'
import type { Configuration } from '../config/index.ts'
import { ConnectorError } from '../kernel/index.ts'
import { findConfiguration } from './configuration.ts'
import { openExistingStore } from './existing-store.ts'
import { EXIT } from './failure.ts'
import { loadVersion } from './version.ts'

/** `certconnector spool …`: what waits on disk because the store could not be written. */
export function addSpoolCommand(program: Command): void {
  const command = program.command('spool').description('what waits on disk for the store')

  command
    .command('list')
    .description('list what is spooled, oldest first')
    .action(async (_options: unknown, self: Command) => {
      await list(findConfiguration(self).configuration)
    })

  command
    .command('replay')
    .description(
      'bring what is spooled into the store; only while no connector runs, because one that runs does so by itself',
    )
    .action(async (_options: unknown, self: Command) => {
      const { configuration } = findConfiguration(self)
      const { replaySpool } = await import('../compose/index.ts')
      const store = await openExistingStore(configuration)
      try {
        const { replayed, left } = await replaySpool(configuration, store, loadVersion())
        process.stdout.write(`${replayed} replayed, ${left} left\n`)
        if (left === 0) return
        process.stderr.write('certconnector events --id 72 tells why\n')
        process.exitCode = EXIT.failed
      } catch (error) {
        if (!(error instanceof ConnectorError) || error.code !== 'store/conflict') throw error
        process.stdout.write(
          `A connector works on ${configuration.dataDir} and replays its spool by itself, within a second after the store can be written again.\nNothing was done. For files that were put into the folder by hand, start it anew.\n`,
        )
      } finally {
        await store.close()
      }
    })
}

async function list({ dataDir }: Configuration): Promise<void> {
  const { openSpool } = await import('../store/index.ts')
  const { entries, unreadable } = await openSpool(join(dataDir, 'spool')).list()
  for (const entry of entries)
    process.stdout.write(
      `${entry.id}  ${entry.savedAt.toISOString()}  ${entry.payload.byteLength} octets\n`,
    )
  for (const name of unreadable) process.stdout.write(`${name}  unreadable, set aside\n`)
  process.stderr.write(`${entries.length} waiting\n`)
}
