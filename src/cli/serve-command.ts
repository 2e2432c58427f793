import type { Command } from 'commander'
import { findWholeConfiguration } from './configuration.ts'
import { DEMONSTRATION_PORTS_HELP } from './demonstration-ports.ts'
import { endOnFatalErrors } from './fatal-error.ts'
import { loadVersion } from './version.ts'
import { waitForEnd } from './wait-for-end.ts'

/** `certconnector serve`: runs the connector until it is told to stop. */
export function addServeCommand(program: Command): void {
  program
    .command('serve')
    .description(
      'run the connector; without a configuration file, the demonstration with a simulated Intune, on loopback',
    )
    .addHelpText('after', DEMONSTRATION_PORTS_HELP)
    .action(async (_options: unknown, command: Command) => {
      const { configuration, isDemonstration, warnings } = await findWholeConfiguration(command)
      // Where standard output is for machines, it holds events and nothing else.
      const greets = configuration.simulator.enabled && configuration.logging.console !== 'json'
      if (greets) {
        const why = isDemonstration ? 'no configuration file' : 'simulator.enabled'
        process.stdout.write(
          `Demonstration (${why}): a simulated Intune runs beside the connector. Not for production.\n` +
            `Data in ${configuration.dataDir}. The first start makes keys; that takes some seconds.\n${isDemonstration ? 'Other ports: certconnector serve --help\n' : ''}`,
        )
      }
      const ending = waitForEnd()
      // Told at once: a start that makes keys goes on to its end before it stops.
      void ending.then((why) => {
        process.stderr.write(`${why}: finishing what runs; once more ends it at once\n`)
      })
      // Loaded here, so that the other commands answer at once.
      const { startConnector } = await import('../compose/index.ts')
      const { createGreeting } = await import('./greeting.ts')
      const connector = await startConnector(configuration, {
        version: loadVersion(),
        console: process.stdout,
        warnings,
      })
      endOnFatalErrors(connector.journal)
      if (greets)
        process.stdout.write(
          (await createGreeting(connector, configuration, isDemonstration)) ?? '',
        )
      await ending
      await connector.stop()
    })
}
