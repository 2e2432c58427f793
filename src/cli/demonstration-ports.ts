import type { DemonstrationPorts } from '../config/index.ts'
import { ConnectorError } from '../kernel/index.ts'

/** The variable of each port; each is the name that the key has in docs/configuration.md. */
const variables = {
  device: 'CONNECTOR_LISTENERS_DEVICE_PORT',
  admin: 'CONNECTOR_LISTENERS_ADMIN_PORT',
  simulator: 'CONNECTOR_SIMULATOR_HTTPS_PORT',
  control: 'CONNECTOR_SIMULATOR_CONTROL_PORT',
} as const satisfies Readonly<Record<keyof DemonstrationPorts, string>>

/** What help says of them, for whoever finds a usual port taken. */
export const DEMONSTRATION_PORTS_HELP = `
The demonstration listens on 127.0.0.1, ports 8080, 8081, 8443 and 8090. Where one is taken, choose another with
${variables.device}, ${variables.admin},
${variables.simulator} or ${variables.control}.`

/**
 * Ports of the demonstration that the environment chooses.
 *
 * @throws ConnectorError `config/invalid` one is no port; 0 is none, because the parts must know each other's
 */
export function readDemonstrationPorts(
  environment: Readonly<Record<string, string | undefined>>,
): DemonstrationPorts {
  return Object.fromEntries(
    Object.entries(variables).flatMap(([part, variable]) => {
      const text = environment[variable]
      return text === undefined || text === '' ? [] : [[part, readPort(variable, text)]]
    }),
  )
}

function readPort(variable: string, text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (port > 0 && port <= 65_535) return port
  throw new ConnectorError(
    'config/invalid',
    `${variable} is '${text.slice(0, 20)}'; expected a port from 1 to 65535`,
  )
}
