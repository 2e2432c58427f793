import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Configuration } from '../config/index.ts'
import { ConnectorError, systemClock } from '../kernel/index.ts'
import type { OpenService } from '../management/index.ts'
import { claimDataFolder, loadOrMakePassphrase } from './identity.ts'
import { openOpenService } from './open-service.ts'

const CALL_MS = 30_000

/**
 * Tells the connector service to give this connector no more work, or work again. A connector that runs goes on with what
 * it holds.
 *
 * @throws ConnectorError `config/invalid` no connector service is configured, or a simulated one
 * @throws ConnectorError `intune/misconfigured` this connector is not enrolled, or the service does not know it
 * @throws ConnectorError `intune/unavailable`, `intune/unauthorized`, `intune/bad-response`, `key/unreadable`
 */
export async function pauseAtService(
  configuration: Configuration,
  version: string,
  isPaused: boolean,
): Promise<void> {
  await asConnector(configuration, version, async (service) => {
    await service.pause(isPaused, AbortSignal.timeout(CALL_MS))
  })
}

/**
 * Ends the enrolment: first at the service, then on the disk. With a token the next start enrols anew, as another
 * connector.
 *
 * @returns the id that was given up
 * @throws ConnectorError `store/conflict` a connector runs on this folder
 * @throws ConnectorError as `pauseAtService`
 */
export async function leaveService(configuration: Configuration, version: string): Promise<string> {
  const unlock = claimDataFolder(configuration.dataDir)
  try {
    return await asConnector(configuration, version, async (service, connectorId) => {
      await service.leave(AbortSignal.timeout(CALL_MS))
      rmSync(join(configuration.dataDir, 'open-service'), { recursive: true })
      return connectorId
    })
  } finally {
    unlock()
  }
}

async function asConnector<T>(
  configuration: Configuration,
  version: string,
  work: (service: OpenService, connectorId: string) => Promise<T>,
): Promise<T> {
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
  try {
    const agent = (await service?.restore()) === true ? service?.current() : undefined
    if (service === undefined || agent === undefined)
      throw new ConnectorError(
        'intune/misconfigured',
        `management.openService: this connector is not enrolled, there is nothing under ${dataDir}/open-service`,
      )
    return await work(service, agent.record.connectorId)
  } finally {
    await service?.close()
  }
}
