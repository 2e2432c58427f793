import type { KeyObject } from 'node:crypto'
import type { PasswordKeys } from '../connector/index.ts'
import { ConnectorError } from '../kernel/index.ts'
import {
  DEFAULT_PADDING,
  decryptPassword,
  isPaddingScheme,
  type KeyName,
  type KeyRing,
} from '../keys/index.ts'
import type { KeyRingTest } from './key-ring-test.ts'

/**
 * The keys of the key ring for passwords of imported PFX. `none` is what Microsoft's tool makes of no choice.
 *
 * A key that was used once stays in memory: opening its file costs more than a hundred decryptions, and a key is never
 * replaced under its name.
 *
 * @param rules whether PKCS #1 v1.5 is accepted: with it a wrong password cannot be told from a right one
 */
export function createPasswordKeys(
  ring: KeyRing,
  rules: { readonly acceptPkcs1: boolean },
  { isBroken, isUsable }: Pick<KeyRingTest, 'isBroken' | 'isUsable'>,
): PasswordKeys {
  const opened = new Map<string, KeyObject>()

  async function findKey(name: KeyName): Promise<KeyObject | undefined> {
    const id = JSON.stringify([name.provider.toLowerCase(), name.key.toLowerCase()])
    const key = opened.get(id) ?? (await ring.find(name))
    if (key !== undefined) opened.set(id, key)
    return key
  }

  return {
    isBroken,
    isUsable,
    async decrypt(name, paddingScheme, encrypted) {
      const padding = paddingScheme === 'none' ? DEFAULT_PADDING : paddingScheme
      if (!isPaddingScheme(padding) || (padding === 'pkcs1' && !rules.acceptPkcs1))
        throw new ConnectorError(
          'key/unsuitable',
          `padding ${padding.slice(0, 40)} is not accepted; import the PFX again with oaepSha512`,
        )
      const key = await findKey(name)
      return key === undefined ? undefined : decryptPassword(key, padding, encrypted)
    },
  }
}
