import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
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
        const { dataDir, passphraseFile } = configuration
        const kept = [
          'ca/',
          'data.key',
          'connector-id',
          // Without the first imported PFX open no more, without the second copies for connectors.
          ...['keyring/', 'open-service/'].filter((name) => existsSync(join(dataDir, name))),
        ]
        process.stdout.write(
          `Keep with it, from ${dataDir}: ${kept.join(', ')}; and, elsewhere, ${passphraseFile}\n`,
        )
      } finally {
        await store.close()
      }
    })
}
