import { createPublicKey, hash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Configuration } from '../config/index.ts'
import type { Secret } from '../kernel/index.ts'
import { type KeyName, openKeyRing } from '../keys/index.ts'
import type { AnnouncedKey } from '../management/index.ts'

/** The key ring as the connector service may know it: names and hashes of public keys. */
export interface AnnouncedKeys {
  /** The same text as long as no key came or went; opens no key. */
  summarise(): Promise<string>
  /** A key that does not open is left out: what needs it will say so. */
  describe(): Promise<readonly AnnouncedKey[]>
}

/** Of the configured connector; nothing where it delivers no imported PFX, for then no item needs a key. */
export function createAnnouncedKeys(
  { dataDir, features }: Configuration,
  passphrase: Secret,
): AnnouncedKeys {
  const ring = openKeyRing(join(dataDir, 'keyring'), passphrase, randomBytes)
  const listNames = async (): Promise<readonly KeyName[]> =>
    features.pkcsImport ? await ring.list().catch(() => []) : []

  async function describeKey(name: KeyName): Promise<AnnouncedKey[]> {
    const key = await ring.find(name).catch(() => undefined)
    if (key === undefined) return []
    const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
    return [
      { providerName: name.provider, keyName: name.key, spkiSha256: hash('sha256', spki, 'hex') },
    ]
  }

  return {
    summarise: async () => JSON.stringify(await listNames()),
    describe: async () => (await Promise.all((await listNames()).map(describeKey))).flat(),
  }
}
