import type { RequestListener } from 'node:http'
import type { Logger } from 'pino'
import type { Configuration } from '../config/index.ts'
import { type RunningServer, type ServerOptions, startServer } from '../http/index.ts'

type DeviceListener = Configuration['listeners']['device']

/** The device listener: plain HTTP, HTTPS, or one port for each; all with the same limits and counters (REQ-17). */
export interface DeviceServers {
  /** The port that `listeners.device.port` names. */
  readonly main: RunningServer
  /** HTTPS beside plain HTTP. */
  readonly secure: RunningServer | undefined
}

/**
 * Starts them; none keeps running when one cannot.
 *
 * @throws ConnectorError `config/invalid`, `key/unreadable`
 */
export async function startDeviceServers(
  app: RequestListener,
  device: DeviceListener,
  tls: ServerOptions['tls'],
  logger: Logger,
): Promise<DeviceServers> {
  const { host, port, maxConnections, requestTimeoutMs } = device
  const common = { host, maxConnections, requestTimeoutMs, logger }
  const main: ServerOptions = { ...common, key: 'listeners.device', port }
  const securePort = device.tls?.port
  if (tls === undefined) return { main: await startServer(app, main), secure: undefined }
  if (securePort === undefined)
    return { main: await startServer(app, { ...main, tls }), secure: undefined }
  const plain = await startServer(app, main)
  try {
    const key = 'listeners.device.tls'
    const secure = await startServer(app, { ...common, key, port: securePort, tls })
    return { main: plain, secure }
  } catch (error) {
    await plain.stop()
    throw error
  }
}
