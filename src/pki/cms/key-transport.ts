import { constants, type KeyObject, privateDecrypt, publicEncrypt, randomBytes } from 'node:crypto'
import { algorithmOid, digestOid, readDigest, readMaskDigest, unsupported } from '../algorithms.ts'
import { checkedTag, type DerElement, findChild, getChild, TAG } from '../der-reader.ts'
import { parseOctets } from '../der-values.ts'
import { encodeContext, encodeNull, encodeOid, encodeSequence } from '../der-writer.ts'
import { OID } from '../oids.ts'
import type { KeyTransport } from '../types.ts'

type OaepHash = 'sha1' | 'sha256' | 'sha384' | 'sha512'

const oaepHashes: Readonly<Record<Exclude<KeyTransport, 'pkcs1'>, OaepHash>> = {
  'oaep-sha1': 'sha1',
  'oaep-sha256': 'sha256',
  'oaep-sha384': 'sha384',
  'oaep-sha512': 'sha512',
}

/**
 * Reads a keyEncryptionAlgorithm: rsaEncryption, or RSAES-OAEP with one hash for label and mask and an empty label.
 *
 * @throws ConnectorError `pki/malformed`, `pki/unsupported-algorithm`
 * @see RFC 4055, section 4.1; REQ-99
 */
export function readKeyTransport(algorithm: DerElement): KeyTransport {
  const oid = algorithmOid(algorithm, 'key encryption algorithm')
  if (oid === OID.rsaEncryption) return 'pkcs1'
  if (oid !== OID.rsaesOaep) throw unsupported('key encryption algorithm', oid)
  const parameters = algorithm.children[1]
  if (parameters === undefined || parameters.tag === TAG.null) return 'oaep-sha1'
  checkedTag(parameters, TAG.sequence, 'RSAES-OAEP parameters')
  const hash = findChild(parameters, 0xa0)
  const mask = findChild(parameters, 0xa1)
  const label = findChild(parameters, 0xa2)
  const digest = hash === undefined ? 'sha1' : readDigest(getChild(hash, 0, TAG.sequence, 'hash'))
  const maskDigest = mask === undefined ? 'sha1' : readMaskDigest(mask)
  if (digest !== maskDigest || digest === 'md5' || digest === 'sha224') {
    throw unsupported('RSAES-OAEP with hash and mask', `${digest} and ${maskDigest}`)
  }
  if (label !== undefined && hasLabel(label)) throw unsupported('RSAES-OAEP with', 'a label')
  return `oaep-${digest}`
}

function hasLabel(tagged: DerElement): boolean {
  const source = getChild(tagged, 0, TAG.sequence, 'pSourceAlgorithm')
  const value = source.children[1]
  return value !== undefined && parseOctets(value, 'label').length > 0
}

/** AlgorithmIdentifier of a key transport; the SHA-1 form of OAEP has an empty SEQUENCE, as NDES sends it. */
export function encodeKeyTransport(transport: KeyTransport): Uint8Array {
  if (transport === 'pkcs1') return encodeSequence(encodeOid(OID.rsaEncryption), encodeNull())
  const digest = oaepHashes[transport]
  if (digest === 'sha1') return encodeSequence(encodeOid(OID.rsaesOaep), encodeSequence())
  const hash = encodeSequence(encodeOid(digestOid(digest)), encodeNull())
  const mask = encodeSequence(encodeOid(OID.mgf1), hash)
  return encodeSequence(
    encodeOid(OID.rsaesOaep),
    encodeSequence(encodeContext(0, hash), encodeContext(1, mask)),
  )
}

/**
 * Takes a content key out of its RSA wrapping, or a random one where that fails.
 *
 * The caller cannot tell: the failure shows when the content does not decrypt, as it does for every other failure
 * (REQ-100; RFC 3218, section 2.3.2). OpenSSL answers a broken PKCS #1 v1.5 padding with made-up octets itself; this
 * covers the wrong length that they usually have, and OAEP. The random key is drawn in any case. It never leaves.
 *
 * Blocks for the length of one private operation.
 */
export function unwrapContentKey(
  key: KeyObject,
  transport: KeyTransport,
  wrapped: Uint8Array,
  keyLength: number,
): Uint8Array {
  const substitute = randomBytes(keyLength)
  try {
    const unwrapped = withoutStacks(() => privateDecrypt(rsaOptions(key, transport), wrapped))
    return unwrapped.length === keyLength ? unwrapped : substitute
  } catch {
    return substitute
  }
}

/**
 * Wraps a content key for an RSA public key.
 *
 * Throws what OpenSSL throws when the key is too small to hold the content key.
 */
export function wrapContentKey(
  key: KeyObject,
  transport: KeyTransport,
  contentKey: Uint8Array,
): Uint8Array {
  return withoutStacks(() => publicEncrypt(rsaOptions(key, transport), contentKey))
}

/**
 * Runs a call of node:crypto that takes its key with options. Node.js (24.21) finds out by two caught exceptions that
 * those are no bare key; collecting their stacks costs more than the RSA encryption.
 */
function withoutStacks<T>(call: () => T): T {
  const before = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  try {
    return call()
  } finally {
    Error.stackTraceLimit = before
  }
}

function rsaOptions(key: KeyObject, transport: KeyTransport) {
  return transport === 'pkcs1'
    ? { key, padding: constants.RSA_PKCS1_PADDING }
    : { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: oaepHashes[transport] }
}
