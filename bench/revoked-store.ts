import { copyFileSync } from 'node:fs'
import { openStore } from '../src/store/index.ts'
import { CA_ID } from './server.ts'

const BATCH = 1_000

/** Copies a register and revokes every certificate in it, through the store as `certconnector revoke` does. */
export async function revokeAll(file: string, copy: string): Promise<void> {
  copyFileSync(file, copy)
  const store = await openStore({ kind: 'sqlite', file: copy })
  try {
    const { issued } = await store.certificates.count()
    const recent = await store.certificates.listRecent(issued)
    const now = new Date()
    for (let first = 0; first < recent.length; first += BATCH)
      await Promise.all(
        recent
          .slice(first, first + BATCH)
          .map(
            async ({ order }) => await store.certificates.revoke(CA_ID, order.serialHex, 4, now),
          ),
      )
  } finally {
    await store.close()
  }
}
