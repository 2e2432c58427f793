import { resolve } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { waitForEnd } from './wait-for-end.ts'

/** `certconnector simulate`: runs the simulator of Entra ID, Graph, Intune and a connector service alone. */
export function addSimulateCommand(program: Command): void {
  program
    .command('simulate')
    .description(
      'run the simulator of Entra ID, Graph, Intune and a connector service alone, for development and tests',
    )
    .option(
      '--host <address>',
      'address to listen on; it has no protection of its own',
      '127.0.0.1',
    )
    .option('--https-port <port>', 'port of the simulated services', parsePort, 8443)
    .option('--control-port <port>', 'port of the control calls', parsePort, 8090)
    .action(
      async (
        options: { host: string; httpsPort: number; controlPort: number },
        command: Command,
      ) => {
        const { dataDir = 'data' } = command.optsWithGlobals<{ dataDir?: string }>()
        const ending = waitForEnd()
        const { startSimulator } = await import('../simulator/index.ts')
        const simulator = await startSimulator({
          dataDir: resolve(dataDir),
          host: options.host,
          httpsPort: options.httpsPort,
          controlPort: options.controlPort,
        })
        process.stdout.write(`Simulator of Entra ID, Graph, Intune and a connector service. Settings for a connector:

intune:
  tenant: ${simulator.tenantId}
  clientId: ${simulator.clientId}
  authorityUrl: ${simulator.authorityUrl}
  graphUrl: ${simulator.graphUrl}
  intuneResourceUrl: ${simulator.intuneResourceUrl}
  trustedCaFile: ${simulator.caFile}
  allowedHostSuffixes: [${new URL(simulator.httpsUrl).hostname}]
# secret, as CONNECTOR_INTUNE_CLIENT_SECRET: ${simulator.clientSecret}

management:
  openService:
    url: ${simulator.httpsUrl}
    caFile: ${simulator.caFile}
# secret, as CONNECTOR_MANAGEMENT_OPEN_SERVICE_ENROLMENT_TOKEN: ${simulator.enrolmentToken}

Control: ${simulator.controlUrl}/control/notifications, /control/faults, …  Stop with Ctrl-C.
`)
        await ending
        await simulator.close()
      },
    )
}

function parsePort(text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new InvalidArgumentError('expected a port, 0 to 65535')
  return port
}
