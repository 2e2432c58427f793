import type { Command } from 'commander'
import { type RunningConnector, startConnector } from '../compose/index.ts'
import type { Configuration } from '../config/index.ts'
import { findConfiguration } from './configuration.ts'
import { createChallenge } from './enrolment-client/index.ts'
import { loadVersion } from './version.ts'
import { waitForEnd } from './wait-for-end.ts'

/** `certconnector serve`: runs the connector until it is told to stop. */
export function addServeCommand(program: Command): void {
  program
    .command('serve')
    .description(
      'run the connector; without a configuration file, the demonstration with a simulated Intune, on loopback',
    )
    .action(async (_options: unknown, command: Command) => {
      const { configuration, isDemonstration } = findConfiguration(command)
      if (isDemonstration) {
        process.stdout.write(
          'Demonstration: no configuration file, so everything runs on loopback with a simulated Intune. Not for production.\n',
        )
        process.stdout.write(
          `Data in ${configuration.dataDir}. The first start makes keys; that takes some seconds.\n`,
        )
      }
      const ending = waitForEnd()
      const connector = await startConnector(configuration, {
        version: loadVersion(),
        console: process.stdout,
      })
      if (isDemonstration) await greet(connector, configuration)
      const why = await ending
      process.stderr.write(`${why}: finishing what runs\n`)
      await connector.stop()
    })
}

async function greet(connector: RunningConnector, configuration: Configuration): Promise<void> {
  const { publicUrl } = configuration.listeners.device
  const { simulator } = connector
  if (simulator === undefined) return
  const { challenge, expires } = await createChallenge(simulator.controlUrl, {})
  process.stdout.write(`
SCEP URL    ${publicUrl}/certsrv/mscep/mscep.dll
            ${publicUrl}/scep/static and /scep/legacy (challenge: secret)
Readiness   ${connector.adminUrl}/readyz     Status page ${connector.adminUrl}/
Simulator   ${simulator.controlUrl}/control/notifications shows what Intune was told
Challenge   ${challenge.reveal()}
            (good for one hour, until ${expires.toISOString()}; certconnector challenge makes another)

Enrol a device, in a second terminal:

  npm run enrol

which asks the simulator for a challenge of its own. Stop with Ctrl-C. Events follow.

`)
}
