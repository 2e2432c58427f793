import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Configuration } from '../config/index.ts'
import { openAsConnector } from './as-connector.ts'
import { claimDataFolder } from './identity.ts'

const CALL_MS = 30_000

/**
 * Tells the connector service to give this connector no more work, or work again. A connector that runs goes on with what
 * it holds.
 *
 * @throws ConnectorError as `openAsConnector`
 * @throws ConnectorError `management/unavailable`, `management/unauthorized`, `management/misconfigured`, `management/bad-response`
 */
export async function pauseAtService(
  configuration: Configuration,
  version: string,
  isPaused: boolean,
): Promise<void> {
  const { service } = await openAsConnector(configuration, version)
  try {
    await service.pause(isPaused, AbortSignal.timeout(CALL_MS))
  } finally {
    await service.close()
  }
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
    const { service, connectorId } = await openAsConnector(configuration, version)
    try {
      await service.leave(AbortSignal.timeout(CALL_MS))
    } finally {
      await service.close()
    }
    rmSync(join(configuration.dataDir, 'open-service'), { recursive: true })
    return connectorId
  } finally {
    unlock()
  }
}
