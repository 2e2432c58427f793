import {
  constants,
  createPublicKey,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
} from 'node:crypto'
import { ConnectorError, equalBytes, type RandomBytes } from '../kernel/index.ts'

/** Paddings that are accepted, as Microsoft Graph names them; `pkcs1` only for whoever asks for it. */
export const PADDING_SCHEMES = ['oaepSha256', 'oaepSha384', 'oaepSha512', 'pkcs1'] as const
export type PaddingScheme = (typeof PADDING_SCHEMES)[number]

/** What Microsoft's import tool makes of no choice. */
export const DEFAULT_PADDING: PaddingScheme = 'oaepSha512'

/** Digest of OAEP's label and mask, and its length in octets. */
const oaep: Readonly<Record<Exclude<PaddingScheme, 'pkcs1'>, { hash: string; octets: number }>> = {
  oaepSha256: { hash: 'sha256', octets: 32 },
  oaepSha384: { hash: 'sha384', octets: 48 },
  oaepSha512: { hash: 'sha512', octets: 64 },
}

/** Whether this is one of the names above. */
export function isPaddingScheme(text: string): text is PaddingScheme {
  return (PADDING_SCHEMES as readonly string[]).includes(text)
}

/**
 * Longest password that fits, in octets.
 *
 * @param bits length of the modulus
 * @see RFC 8017, sections 7.1.1 and 7.2.1
 */
export function maxPasswordOctets(bits: number, padding: PaddingScheme): number {
  const modulus = Math.ceil(bits / 8)
  return padding === 'pkcs1' ? modulus - 11 : modulus - 2 * oaep[padding].octets - 2
}

/**
 * Encrypts the octets of a PFX password as Microsoft's import tool does: RSA-OAEP, one digest for label and mask, no label.
 *
 * Throws what OpenSSL throws for more octets than `maxPasswordOctets` allows.
 */
export function encryptPassword(
  publicKey: KeyObject,
  padding: PaddingScheme,
  password: Uint8Array,
): Uint8Array {
  return new Uint8Array(publicEncrypt(rsaOptions(publicKey, padding), password))
}

/**
 * Decrypts the octets of a PFX password. With PKCS #1 v1.5 a ciphertext that is not one gives made-up octets of some
 * length instead of an error (implicit rejection): only opening the PFX tells.
 *
 * @throws ConnectorError `key/decryption-failed` made for another key or with another padding, or damaged
 */
export function decryptPassword(
  privateKey: KeyObject,
  padding: PaddingScheme,
  ciphertext: Uint8Array,
): Uint8Array {
  try {
    return new Uint8Array(privateDecrypt(rsaOptions(privateKey, padding), ciphertext))
  } catch {
    // What OpenSSL says would tell apart what must not be told apart.
    throw new ConnectorError(
      'key/decryption-failed',
      `the password (${ciphertext.length} octets) does not decrypt with this key and ${padding}; ` +
        'check that the record names the key and the padding with which it was made',
    )
  }
}

const PROBE_OCTETS = 32

/**
 * Proves that what is encrypted to the public half of a key opens with it: a random value goes there and back. Finds a
 * private half that belongs to another public one, and primes that were damaged.
 *
 * @throws ConnectorError `key/decryption-failed` it does not come back, or another value does
 */
export function proveKey(privateKey: KeyObject, padding: PaddingScheme, random: RandomBytes): void {
  const probe = random(PROBE_OCTETS)
  const sealed = encryptPassword(createPublicKey(privateKey), padding, probe)
  if (equalBytes(decryptPassword(privateKey, padding, sealed), probe)) return
  throw new ConnectorError('key/decryption-failed', `${padding}: another value came back`)
}

function rsaOptions(key: KeyObject, padding: PaddingScheme) {
  return padding === 'pkcs1'
    ? { key, padding: constants.RSA_PKCS1_PADDING }
    : { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: oaep[padding].hash }
}
