import { join } from 'node:path'
import type { Command } from 'commander'
import type { Configuration } from '../config/index.ts'
import { findConfiguration } from './configuration.ts'
import { openExistingStore } from './existing-store.ts'
import { EXIT } from './failure.ts'
import { loadVersion } from './version.ts'

/** How long a connector that runs is waited for, in milliseconds. */
const ANSWER_MS = 2000

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
      const adminUrl = await findRunning(configuration)
      if (adminUrl !== undefined) {
        process.stdout.write(
          `A connector runs (${adminUrl}) and replays its spool by itself, within a second after the store can be written again.\nNothing was done. For files that were put into the folder by hand, start it anew.\n`,
        )
        return
      }
      const { replaySpool } = await import('../compose/index.ts')
      const store = await openExistingStore(configuration)
      try {
        const { replayed, left } = await replaySpool(configuration, store, loadVersion())
        process.stdout.write(`${replayed} replayed, ${left} left\n`)
        if (left === 0) return
        process.stderr.write('certconnector events --id 72 tells why\n')
        process.exitCode = EXIT.failed
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

/** Address of the admin listener, if something answers there as a connector does. */
async function findRunning({ listeners }: Configuration): Promise<string | undefined> {
  const { host, port } = listeners.admin
  const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  const url = `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`
  try {
    const answer = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(ANSWER_MS) })
    return answer.ok ? url : undefined
  } catch {
    // Nobody listens; who does not answer in time does not run well enough to replay either, and twice is harmless.
    return undefined
  }
}
