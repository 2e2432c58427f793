import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Configuration } from '../config/index.ts'
import type { KeyRing } from '../keys/index.ts'

/** The key ring of a configuration: `keyring` under its data folder, opened with its passphrase. */
export async function openConfiguredKeyRing(configuration: Configuration): Promise<KeyRing> {
  const { openKeyRing } = await import('../keys/index.ts')
  const { loadOrMakePassphrase } = await import('../compose/index.ts')
  const { passphraseFile, dataDir } = configuration
  const passphrase = await loadOrMakePassphrase(passphraseFile, dataDir)
  return openKeyRing(join(dataDir, 'keyring'), passphrase, randomBytes)
}
