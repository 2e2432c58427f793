import { writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { describeConfiguration, renderExample } from '../config/index.ts'
import { describeEvents } from '../events/index.ts'

/** `certconnector docs`: writes the generated documents anew; for contributors. */
export function addDocsCommand(program: Command): void {
  program
    .command('docs', { hidden: true })
    .description('write docs/events.md, docs/configuration.md and connector.example.yaml anew')
    .action(() => {
      writeFileSync('docs/events.md', describeEvents())
      writeFileSync('docs/configuration.md', describeConfiguration())
      writeFileSync('connector.example.yaml', renderExample())
    })
}
