import { createCipheriv, createDecipheriv } from 'node:crypto'
import { ConnectorError } from '../../kernel/index.ts'
import { CIPHERS } from './object-ids.ts'
import type { RequestCipher } from './types.ts'

/**
 * Which cipher an OID names.
 *
 * @throws ConnectorError `pki/unsupported-algorithm`
 */
export function readCipher(oid: string): RequestCipher {
  for (const name of Object.keys(CIPHERS) as RequestCipher[]) {
    if (CIPHERS[name].oid === oid) return name
  }
  throw new ConnectorError(
    'pki/unsupported-algorithm',
    `content cipher ${oid} of the reply is not known to this client`,
  )
}

/** Encrypts with CBC and the padding of RFC 5652, section 6.3. */
export function encryptContent(
  cipher: RequestCipher,
  key: Uint8Array,
  iv: Uint8Array,
  plain: Uint8Array,
): Uint8Array {
  const { name, nodeKey } = nodeCipher(cipher, key)
  const engine = createCipheriv(name, nodeKey, iv)
  return Buffer.concat([engine.update(plain), engine.final()])
}

/** Reverses `encryptContent`; throws node's error on a wrong key or padding. */
export function decryptContent(
  cipher: RequestCipher,
  key: Uint8Array,
  iv: Uint8Array,
  encrypted: Uint8Array,
): Uint8Array {
  const { name, nodeKey } = nodeCipher(cipher, key)
  const engine = createDecipheriv(name, nodeKey, iv)
  return Buffer.concat([engine.update(encrypted), engine.final()])
}

/** OpenSSL 3 keeps single DES in its legacy provider; 3DES with one key three times is the same function. */
function nodeCipher(cipher: RequestCipher, key: Uint8Array) {
  return cipher === 'des-cbc'
    ? { name: 'des-ede3-cbc', nodeKey: Buffer.concat([key, key, key]) }
    : { name: cipher, nodeKey: key }
}
