import type { Configuration } from '../config/index.ts'
import { ConnectorError, systemClock } from '../kernel/index.ts'
import type { OpenService } from '../management/index.ts'
import { loadOrMakePassphrase } from './identity.ts'
import { openOpenService } from './open-service.ts'

/**
 * Opens the connector service for a command, as the connector that is enrolled there. The caller closes it.
 *
 * @throws ConnectorError `config/invalid` no connector service is configured, or a simulated one
 * @throws ConnectorError `management/misconfigured` this connector is not enrolled
 * @throws ConnectorError `key/unreadable` its keys or the passphrase
 */
export async function openAsConnector(
  configuration: Configuration,
  version: string,
): Promise<{ readonly service: OpenService; readonly connectorId: string }> {
  const { dataDir, passphraseFile, management, simulator } = configuration
  if (management.openService === undefined || simulator.enabled)
    throw new ConnectorError(
      'config/invalid',
      simulator.enabled
        ? 'simulator.enabled: the simulated service forgets its connectors when it ends; steer it by its control calls'
        : 'management.openService: no connector service is configured',
    )
  const service = await openOpenService(configuration, {
    simulator: undefined,
    passphrase: await loadOrMakePassphrase(passphraseFile, dataDir),
    version,
    clock: systemClock,
  })
  const isEnrolled = await service?.restore()
  const agent = isEnrolled === true ? service?.current() : undefined
  if (service !== undefined && agent !== undefined)
    return { service, connectorId: agent.record.connectorId }
  await service?.close()
  throw new ConnectorError(
    'management/misconfigured',
    `management.openService: this connector is not enrolled, there is nothing under ${dataDir}/open-service; start it once`,
  )
}
