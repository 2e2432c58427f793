import type { Simulator } from '../../src/simulator/index.ts'
import type { RandomSource } from '../property/scep/random-source.ts'
import { type ConnectorProcess, startConnectorProcess } from './connector-process.ts'
import { createCrashSite } from './crash-site.ts'

/** Covers the making of all keys. */
const MOST_LIFE_MS = 4000

/**
 * Cuts off the first start of all, which makes identity, passphrase, data key, CA and database, so many times on one
 * folder; then the connector must become ready, whatever halves lie about, and end on demand.
 *
 * @returns violations
 */
export async function cutFirstStarts(
  count: number,
  simulator: Simulator,
  random: RandomSource,
): Promise<readonly string[]> {
  const site = await createCrashSite(simulator)
  let connector: ConnectorProcess | undefined
  try {
    for (let kill = 0; kill < count; kill += 1) {
      connector = startConnectorProcess(site)
      await new Promise((wake) => setTimeout(wake, random.below(MOST_LIFE_MS)))
      await connector.kill()
    }
    connector = startConnectorProcess(site)
    await connector.ready
    const exitCode = await connector.stop()
    return exitCode === 0 ? [] : [`after ${count} cut first starts: exit code ${exitCode}, not 0`]
  } catch (error) {
    return [`after ${count} cut first starts: ${String(error)}`]
  } finally {
    await connector?.stop()
    site.remove()
  }
}
