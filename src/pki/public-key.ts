import { createPublicKey, type KeyObject } from 'node:crypto'
import { ConnectorError } from '../kernel/index.ts'
import { algorithmOid } from './algorithms.ts'
import { checkedTag, type DerElement, getChild, parseElement, TAG } from './der-reader.ts'
import { parseBitOctets, parseOid } from './der-values.ts'
import { encodeBitString, encodeNull, encodeOid, encodeSequence } from './der-writer.ts'
import { OID } from './oids.ts'
import type { PublicKeySummary } from './types.ts'

const curves: ReadonlyMap<string, { readonly curve: string; readonly bits: number }> = new Map([
  [OID.prime256v1, { curve: 'P-256', bits: 256 }],
  [OID.secp384r1, { curve: 'P-384', bits: 384 }],
  [OID.secp521r1, { curve: 'P-521', bits: 521 }],
])

/**
 * Reads what a SubjectPublicKeyInfo says of its key. Whether the key is sound is not checked.
 *
 * @throws ConnectorError `pki/malformed`
 * @see RFC 5280, section 4.1.2.7
 */
export function readPublicKey(spki: DerElement): PublicKeySummary {
  checkedTag(spki, TAG.sequence, 'subjectPublicKeyInfo')
  const algorithm = getChild(spki, 0, TAG.sequence, 'public key algorithm')
  const bits = getChild(spki, 1, TAG.bitString, 'subjectPublicKey')
  switch (algorithmOid(algorithm, 'public key algorithm')) {
    case OID.rsaEncryption:
      return readRsaKey(parseBitOctets(bits, 'subjectPublicKey'))
    case OID.ecPublicKey: {
      const parameters = algorithm.children[1]
      if (parameters?.tag !== TAG.oid) return { algorithm: 'other', bits: 0 }
      const oid = parseOid(parameters, 'named curve')
      return { algorithm: 'ec', ...(curves.get(oid) ?? { curve: oid, bits: 0 }) }
    }
    case OID.ed25519:
      return { algorithm: 'ed25519', bits: 256 }
    default:
      return { algorithm: 'other', bits: 0 }
  }
}

function readRsaKey(octets: Uint8Array): PublicKeySummary {
  const key = checkedTag(parseElement(octets), TAG.sequence, 'RSA public key')
  const modulus = getChild(key, 0, TAG.integer, 'RSA modulus').value
  const exponent = getChild(key, 1, TAG.integer, 'RSA exponent').value
  const small = exponent.reduce((sum, octet) => sum * 256 + octet, 0)
  return {
    algorithm: 'rsa',
    bits: countBits(modulus),
    exponent: Number.isSafeInteger(small) ? small : 0,
  }
}

/**
 * Whether a SubjectPublicKeyInfo is the one encoding that its key has: DER throughout, positive integers without needless
 * zeros, the parameters that the algorithm demands, a point uncompressed. OpenSSL reads several encodings of one key, so
 * that octets tell whether two keys are the same only where all others are refused. Kinds of keys and curves that we do
 * not know are not looked at.
 *
 * @throws ConnectorError `pki/malformed`
 * @see RFC 3279, section 2.3.1; RFC 5480, sections 2.1 and 2.2; RFC 8410, section 3
 */
export function isCanonicalPublicKey(spki: DerElement): boolean {
  const { algorithm, bits } = readPublicKey(spki)
  const octets = parseBitOctets(getChild(spki, 1, TAG.bitString, 'key'), 'subjectPublicKey')
  const canonical = (identifier: readonly Uint8Array[], key: Uint8Array): boolean =>
    Buffer.compare(
      spki.der,
      encodeSequence(encodeSequence(...identifier), encodeBitString(key)),
    ) === 0
  switch (algorithm) {
    case 'rsa': {
      // Nearly every request comes here: looking costs a fourth of encoding the key again.
      const key = parseElement(octets)
      const isUsual = spki.isDer && spki.children.length === 2 && hasRsaIdentifier(spki)
      return isUsual && key.isDer && key.children.length === 2 && key.children.every(isPositive)
    }
    case 'ec': {
      if (bits === 0) return true
      const curve = parseOid(getChild(getChild(spki, 0, TAG.sequence, 'key'), 1, TAG.oid, 'curve'))
      const isUncompressed = octets[0] === 4 && octets.length === 1 + 2 * Math.ceil(bits / 8)
      return isUncompressed && canonical([encodeOid(OID.ecPublicKey), encodeOid(curve)], octets)
    }
    case 'ed25519':
      return canonical([encodeOid(OID.ed25519)], octets)
    case 'other':
      return true
  }
}

const rsaIdentifierDer = encodeSequence(encodeOid(OID.rsaEncryption), encodeNull())

function hasRsaIdentifier({ children: [identifier] }: DerElement): boolean {
  return identifier !== undefined && Buffer.compare(identifier.der, rsaIdentifierDer) === 0
}

/** An INTEGER that is not negative and has no needless zero in front. */
function isPositive({ tag, value }: DerElement): boolean {
  const [first = 0x80, second = 0x80] = value
  return tag === TAG.integer && first < 0x80 && (first !== 0 || second >= 0x80)
}

function countBits(magnitude: Uint8Array): number {
  const start = magnitude.findIndex((octet) => octet !== 0)
  const first = start < 0 ? undefined : magnitude[start]
  return first === undefined ? 0 : (magnitude.length - start) * 8 - Math.clz32(first) + 24
}

/** RSA of 8192 bits with a common exponent has 1062. Larger keys are only a way to keep us busy (REQ-121). */
const maxSpkiOctets = 1100

/** Room for the signers whose requests are between opening and sealing in one thread. */
const maxRemembered = 64
const remembered = new Map<string, KeyObject>()

/**
 * Imports a SubjectPublicKeyInfo for use. The last few keys are remembered by their bytes, since the key of an
 * enrolment is used three times and importing costs more than verifying.
 *
 * @throws ConnectorError `pki/unsupported-algorithm` OpenSSL does not take this key, or it is larger than RSA-8192
 */
export function importPublicKey(spkiDer: Uint8Array): KeyObject {
  if (spkiDer.length > maxSpkiOctets) {
    throw new ConnectorError('pki/unsupported-algorithm', `public key has ${spkiDer.length} octets`)
  }
  const bytes = Buffer.from(spkiDer.buffer, spkiDer.byteOffset, spkiDer.length)
  const name = bytes.toString('latin1')
  const known = remembered.get(name)
  if (known !== undefined) return known
  let key: KeyObject
  try {
    key = createPublicKey(encodePem(bytes))
  } catch (cause) {
    throw new ConnectorError('pki/unsupported-algorithm', 'public key cannot be used', { cause })
  }
  if (remembered.size >= maxRemembered) {
    for (const oldest of remembered.keys()) {
      remembered.delete(oldest)
      break
    }
  }
  remembered.set(name, key)
  return key
}

/**
 * PEM takes a third of the time of DER: that comes in an object, of which Node.js (24.21) finds out by two caught
 * exceptions, with their stacks, that it is no key object.
 */
function encodePem(spki: Buffer): string {
  // OpenSSL reads a line of any length.
  return `-----BEGIN PUBLIC KEY-----\n${spki.toString('base64')}\n-----END PUBLIC KEY-----\n`
}

/**
 * Summary of a SubjectPublicKeyInfo.
 *
 * @throws ConnectorError `pki/malformed`
 */
export function parsePublicKey(spkiDer: Uint8Array): PublicKeySummary {
  return readPublicKey(parseElement(spkiDer))
}
