import { resolve } from 'node:path'
import type { Command } from 'commander'
import { findConfiguration } from './configuration.ts'
import { openExistingStore } from './existing-store.ts'

/** `certconnector backup`: copies the store while the connector runs. */
export function addBackupCommand(program: Command): void {
  program
    .command('backup')
    .description(
      'copy the store into a new file, consistent as of one moment, while the connector runs',
    )
    .argument('<file>', 'file to write; it must not exist')
    .action(async (file: string, _options: unknown, command: Command) => {
      const { configuration } = findConfiguration(command)
      const store = await openExistingStore(configuration)
      try {
        const { bytes } = await store.backup(resolve(file))
        process.stdout.write(`${resolve(file)}: ${bytes} octets\n`)
        process.stdout.write(
          `Keep with it, from ${configuration.dataDir}: ca/, data.key, connector-id; and, elsewhere, ${configuration.passphraseFile}\n`,
        )
      } finally {
        await store.close()
      }
    })
}
