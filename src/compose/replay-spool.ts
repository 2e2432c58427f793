import { join } from 'node:path'
import type { Configuration } from '../config/index.ts'
import { createPayloadCipher, createSafekeeping } from '../connector/index.ts'
import { createFileSink } from '../events/index.ts'
import { systemClock } from '../kernel/index.ts'
import { loadPassphrase } from '../keys/index.ts'
import { loadDataKey, openSpool, type Store } from '../store/index.ts'
import { claimDataFolder, loadConnectorId } from './identity.ts'
import { openJournal } from './journal.ts'

/**
 * Brings what is spooled into the store without a connector. What it does is recorded in the logs as if one had.
 *
 * @param store open; stays open
 * @returns what entered the store, and what stays in the spool because it does not open with the data key
 * @throws ConnectorError `store/conflict` a connector runs on this folder, which replays by itself
 * @throws ConnectorError `key/unreadable` passphrase or data key
 * @throws ConnectorError `store/unavailable` the store refuses; nothing is lost
 */
export async function replaySpool(
  configuration: Configuration,
  store: Store,
  version: string,
): Promise<Replay> {
  const unlock = claimDataFolder(configuration.dataDir)
  try {
    return await replay(configuration, store, version)
  } finally {
    unlock()
  }
}

interface Replay {
  readonly replayed: number
  readonly left: number
}

async function replay(
  configuration: Configuration,
  store: Store,
  version: string,
): Promise<Replay> {
  const { dataDir, passphraseFile, logging } = configuration
  const passphrase = await loadPassphrase(passphraseFile)
  const spool = openSpool(join(dataDir, 'spool'))
  const journal = openJournal(configuration, {
    version,
    connectorId: configuration.connector.id ?? loadConnectorId(dataDir),
    clock: systemClock,
    sinks: [
      createFileSink({
        directory: join(dataDir, 'logs'),
        maxBytes: logging.maxBytes,
        archives: logging.archives,
      }),
    ],
  })
  try {
    const safekeeping = createSafekeeping({
      certificates: store.certificates,
      spool,
      cipher: createPayloadCipher(loadDataKey(join(dataDir, 'data.key'), passphrase)),
      journal,
      clock: systemClock,
    })
    let replayed = 0
    // One replay takes as many as a list holds.
    for (let more = -1; more !== 0; replayed += more) more = await safekeeping.replay()
    return { replayed, left: (await spool.list()).entries.length }
  } finally {
    await journal.close()
  }
}
