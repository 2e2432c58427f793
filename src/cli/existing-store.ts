import { existsSync } from 'node:fs'
import type { Configuration } from '../config/index.ts'
import { ConnectorError } from '../kernel/index.ts'
import type { Store } from '../store/index.ts'

/**
 * Opens the store that a connector made, and never makes one: a command in the wrong folder must not answer for an empty
 * register.
 *
 * @throws ConnectorError `store/unavailable` there is none, or it cannot be opened
 */
export async function openExistingStore({ store }: Configuration): Promise<Store> {
  if (!existsSync(store.file))
    throw new ConnectorError(
      'store/unavailable',
      `${store.file} does not exist; give --config, or run the command where the connector runs`,
    )
  const { openStore } = await import('../store/index.ts')
  return await openStore(store)
}
