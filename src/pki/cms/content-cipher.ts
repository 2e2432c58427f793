import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto'
import { concatBytes } from '../../kernel/index.ts'
import { algorithmOid, unsupported } from '../algorithms.ts'
import { type DerElement, findChild, getChild, malformed, TAG } from '../der-reader.ts'
import { parseOctets, parseSmallInteger } from '../der-values.ts'
import { encodeInteger, encodeOctetString, encodeOid, encodeSequence } from '../der-writer.ts'
import { OID } from '../oids.ts'
import type { ContentCipher } from '../types.ts'

/** What a content cipher is made of. Lengths in octets. */
export interface CipherTraits {
  readonly oid: string
  readonly keyLength: number
  readonly ivLength: number
  readonly blockLength: number
  /** Name for `node:crypto`. */
  readonly native: 'des-ede3-cbc' | 'aes-128-cbc' | 'aes-192-cbc' | 'aes-256-cbc' | GcmName
}
type GcmName = 'aes-128-gcm' | 'aes-256-gcm'

const gcmTagLength = 16

const traits: Readonly<Record<ContentCipher, CipherTraits>> = {
  // OpenSSL 3 keeps single DES from us; triple DES with one key three times over is the same function.
  'des-cbc': {
    oid: OID.desCbc,
    keyLength: 8,
    ivLength: 8,
    blockLength: 8,
    native: 'des-ede3-cbc',
  },
  'des-ede3-cbc': {
    oid: OID.desEde3Cbc,
    keyLength: 24,
    ivLength: 8,
    blockLength: 8,
    native: 'des-ede3-cbc',
  },
  'aes-128-cbc': aes(OID.aes128Cbc, 16, 'aes-128-cbc'),
  'aes-192-cbc': aes(OID.aes192Cbc, 24, 'aes-192-cbc'),
  'aes-256-cbc': aes(OID.aes256Cbc, 32, 'aes-256-cbc'),
  'aes-128-gcm': gcm(OID.aes128Gcm, 16, 'aes-128-gcm'),
  'aes-256-gcm': gcm(OID.aes256Gcm, 32, 'aes-256-gcm'),
}

function aes(oid: string, keyLength: number, native: CipherTraits['native']): CipherTraits {
  return { oid, keyLength, ivLength: 16, blockLength: 16, native }
}

function gcm(oid: string, keyLength: number, native: GcmName): CipherTraits {
  return { oid, keyLength, ivLength: 12, blockLength: 1, native }
}

const namesByOid = new Map(
  (Object.keys(traits) as ContentCipher[]).map((name) => [traits[name].oid, name]),
)

/** Lengths and identifiers of a cipher. */
export function cipherTraits(cipher: ContentCipher): CipherTraits {
  return traits[cipher]
}

/**
 * Reads a contentEncryptionAlgorithm: which cipher, and its initialisation vector or nonce.
 *
 * @throws ConnectorError `pki/unsupported-algorithm` the cipher is none of ours
 * @throws ConnectorError `pki/malformed` the vector has a wrong length
 */
export function readContentCipher(algorithm: DerElement): {
  cipher: ContentCipher
  iv: Uint8Array
} {
  const oid = algorithmOid(algorithm, 'content encryption algorithm')
  const cipher = namesByOid.get(oid)
  if (cipher === undefined) throw unsupported('content encryption algorithm', oid)
  const parameters = algorithm.children[1]
  if (parameters === undefined) throw malformed('content encryption has no parameters')
  if (traits[cipher].blockLength === 1) return { cipher, iv: readGcmNonce(parameters) }
  const iv = parseOctets(parameters, 'initialisation vector')
  if ((parameters.tag & ~0x20) !== TAG.octetString || iv.length !== traits[cipher].ivLength) {
    throw malformed(`initialisation vector of ${cipher} is not ${traits[cipher].ivLength} octets`)
  }
  return { cipher, iv }
}

/** GCMParameters of RFC 5084, section 3.2. Senders in SCEP put the 16-octet tag behind the content. */
function readGcmNonce(parameters: DerElement): Uint8Array {
  const nonce = parseOctets(getChild(parameters, 0, TAG.octetString, 'GCM nonce'), 'GCM nonce')
  const tagLength = findChild(parameters, TAG.integer)
  if (nonce.length !== 12) throw malformed(`GCM nonce has ${nonce.length} octets, not 12`)
  const announced = tagLength === undefined ? 12 : parseSmallInteger(tagLength, 'GCM tag length')
  if (announced !== gcmTagLength) throw unsupported('GCM tag length', String(announced))
  return nonce
}

/** AlgorithmIdentifier of a content cipher. */
export function encodeContentCipher(cipher: ContentCipher, iv: Uint8Array): Uint8Array {
  const { oid, blockLength } = traits[cipher]
  const parameters =
    blockLength === 1
      ? encodeSequence(encodeOctetString(iv), encodeInteger(gcmTagLength))
      : encodeOctetString(iv)
  return encodeSequence(encodeOid(oid), parameters)
}

/**
 * Decrypts content and takes the padding off.
 *
 * The padding of CBC is no check: where it is wrong the content is all there is, with no error and no difference in time, so
 * that nobody learns of it. Whoever reads the content must find its end and prove it by other means, as a PKCS #10 does.
 *
 * @param key of exactly `keyLength` octets
 * @returns undefined when a GCM tag is wrong or the length is no multiple of the block; never says which
 */
export function decryptContent(
  cipher: ContentCipher,
  key: Uint8Array,
  iv: Uint8Array,
  encrypted: Uint8Array,
): Uint8Array | undefined {
  const { native } = traits[cipher]
  try {
    if (native === 'aes-128-gcm' || native === 'aes-256-gcm') {
      if (encrypted.length < gcmTagLength) return undefined
      const decipher = createDecipheriv(native, createSecretKey(key), iv, {
        authTagLength: gcmTagLength,
      })
      const end = encrypted.length - gcmTagLength
      decipher.setAuthTag(encrypted.subarray(end))
      return concatBytes(decipher.update(encrypted.subarray(0, end)), decipher.final())
    }
    const decipher = createDecipheriv(native, nativeKey(cipher, key), iv).setAutoPadding(false)
    const padded = concatBytes(decipher.update(encrypted), decipher.final())
    return padded.subarray(0, padded.length - paddingLength(padded, traits[cipher].blockLength))
  } catch {
    // The reason stays here: a key or a content is learned from such differences.
    return undefined
  }
}

/** Octets of padding (PKCS #7) at the end; 0 where it is not well formed. Looks at a whole block whatever it finds. */
function paddingLength(padded: Uint8Array, blockLength: number): number {
  const length = padded.at(-1) ?? 0
  let wrong = 0
  for (let back = 1; back <= blockLength; back += 1) {
    const isPadding = Number(back <= length)
    wrong |= isPadding * ((padded.at(-back) ?? 0) ^ length)
  }
  const isWellFormed = Number(wrong === 0) * Number(length >= 1) * Number(length <= blockLength)
  return isWellFormed * length
}

/**
 * Pads and encrypts content; GCM puts its tag behind. Key and vector have the lengths of the cipher.
 *
 * @param additional what the tag of GCM covers besides; CBC has no tag, and must get none
 */
export function encryptContent(
  cipher: ContentCipher,
  key: Uint8Array,
  iv: Uint8Array,
  content: Uint8Array,
  additional?: Uint8Array,
): Uint8Array {
  const { native } = traits[cipher]
  if (native === 'aes-128-gcm' || native === 'aes-256-gcm') {
    const gcmCipher = createCipheriv(native, createSecretKey(key), iv, {
      authTagLength: gcmTagLength,
    })
    if (additional !== undefined) gcmCipher.setAAD(additional)
    return concatBytes(gcmCipher.update(content), gcmCipher.final(), gcmCipher.getAuthTag())
  }
  const cbc = createCipheriv(native, nativeKey(cipher, key), iv)
  return concatBytes(cbc.update(content), cbc.final())
}

/** A key object costs half: Node.js (24.21) finds out by a caught exception, with its stack, that octets are none. */
function nativeKey(cipher: ContentCipher, key: Uint8Array): KeyObject {
  return createSecretKey(cipher === 'des-cbc' ? concatBytes(key, key, key) : key)
}
