import type { Command } from 'commander'
import { findConfiguration } from './configuration.ts'
import { loadVersion } from './version.ts'

/** `certconnector drain` and `certconnector leave`: this connector as one of the connector service's. */
export function addMembershipCommands(program: Command): void {
  program
    .command('drain')
    .description(
      'take no more work from the connector service; the connector that runs finishes what it holds',
    )
    .option('--end', 'take work again')
    .action(async ({ end = false }: { end?: boolean }, self: Command) => {
      const { pauseAtService } = await import('../compose/index.ts')
      await pauseAtService(findConfiguration(self).configuration, loadVersion(), !end)
      process.stdout.write(
        end
          ? 'the connector service gives work again\n'
          : 'the connector service gives no more work; certconnector status tells what is left, and SIGTERM gives back what is not begun\n',
      )
    })

  program
    .command('leave')
    .description(
      'end the enrolment at the connector service and delete its keys; only while no connector runs',
    )
    .action(async (_options: unknown, self: Command) => {
      const { leaveService } = await import('../compose/index.ts')
      const connectorId = await leaveService(findConfiguration(self).configuration, loadVersion())
      process.stdout.write(`connector ${connectorId} is no more\n`)
    })
}
