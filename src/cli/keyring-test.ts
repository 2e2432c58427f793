import { type KeyObject, randomBytes } from 'node:crypto'
import { ConnectorError } from '../kernel/index.ts'
import type { PaddingScheme } from '../keys/index.ts'

/**
 * Proves that passwords encrypted to a key can be opened: a round trip of a random value with each padding, or the
 * password of a record, of which only the length is told.
 *
 * @param ciphertext base64; undefined for the round trips
 * @returns one line for each thing that was tried
 * @throws ConnectorError `key/decryption-failed` a round trip does not come back, or the ciphertext does not open
 * @throws ConnectorError `config/invalid` the ciphertext is no base64
 */
export async function testKey(
  key: KeyObject,
  padding: PaddingScheme | undefined,
  ciphertext: string | undefined,
): Promise<readonly string[]> {
  const { DEFAULT_PADDING, decryptPassword, PADDING_SCHEMES, proveKey } = await import(
    '../keys/index.ts'
  )
  if (ciphertext !== undefined) {
    const scheme = padding ?? DEFAULT_PADDING
    const password = decryptPassword(key, scheme, parseBase64(ciphertext))
    const { length } = password
    password.fill(0)
    return [`${scheme}: opens, a password of ${length} octets`]
  }
  const schemes = padding === undefined ? PADDING_SCHEMES : [padding]
  return schemes.map((scheme) => {
    proveKey(key, scheme, randomBytes)
    return `${scheme}: good`
  })
}

function parseBase64(text: string): Uint8Array {
  const compact = text.replaceAll(/\s/g, '')
  if (/^[A-Za-z0-9+/]+={0,2}$/.test(compact) && compact.length <= 4096)
    return Buffer.from(compact, 'base64')
  throw new ConnectorError('config/invalid', '--ciphertext-file holds no base64 of a password')
}
