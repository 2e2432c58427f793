import type { AnnouncedKey } from '../management/index.ts'
import type { KeyRingTest } from './key-ring-test.ts'

/** The key ring as the connector service may know it: names and hashes of public keys. */
export interface AnnouncedKeys {
  /** The same text as long as no key came, went, broke or was mended. */
  summarise(): Promise<string>
  /** A key that does not work is left out: the service must not count on it. */
  describe(): Promise<readonly AnnouncedKey[]>
}

/** @param keyRing undefined where no imported PFX is delivered: then no item needs a key */
export function createAnnouncedKeys(keyRing: KeyRingTest | undefined): AnnouncedKeys {
  async function describe(): Promise<readonly AnnouncedKey[]> {
    const findings = (await keyRing?.run().catch(() => [])) ?? []
    return findings.flatMap(({ name, spkiSha256 }) =>
      spkiSha256 === undefined
        ? []
        : [{ providerName: name.provider, keyName: name.key, spkiSha256 }],
    )
  }
  return { summarise: async () => JSON.stringify(await describe()), describe }
}
