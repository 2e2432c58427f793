import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hash,
  type KeyObject,
} from 'node:crypto'
import { concatBytes } from '../../kernel/index.ts'
import { algorithmOid, unsupported } from '../algorithms.ts'
import { type DerElement, getChild, malformed, parseElement, TAG } from '../der-reader.ts'
import { parseBits, parseOctets } from '../der-values.ts'
import {
  encodeBitString,
  encodeContext,
  encodeElement,
  encodeInteger,
  encodeOctetString,
  encodeOid,
  encodeSequence,
} from '../der-writer.ts'
import { OID } from '../oids.ts'

/** dhSinglePass-stdDH-sha256kdf-scheme (RFC 5753, section 7.1.4) and AES key wrap (RFC 3565). */
const STANDARD_DH_SHA256 = '1.3.132.1.11.1'
const AES256_WRAP = '2.16.840.1.101.3.4.1.45'
const WRAP_KEY_OCTETS = 32
/** The initial value of RFC 3394, section 2.2.3.1. */
const WRAP_IV = Buffer.alloc(8, 0xa6)

/** keyEncryptionAlgorithm of a KeyAgreeRecipientInfo: the scheme, with the key wrap as its parameter. */
const algorithmDer = encodeSequence(
  encodeOid(STANDARD_DH_SHA256),
  encodeSequence(encodeOid(AES256_WRAP)),
)

/**
 * KeyAgreeRecipientInfo for one EC recipient: an ephemeral key of the recipient's curve, ECDH, the X9.63 derivation with
 * SHA-256, AES-256 key wrap.
 *
 * @param publicKey of the recipient, EC
 * @returns the element `[1]` for recipientInfos
 * @see RFC 5652, section 6.2.2; RFC 5753, sections 3.1 and 7.2
 */
export function encodeKeyAgreement(
  publicKey: KeyObject,
  issuerAndSerialDer: Uint8Array,
  contentKey: Uint8Array,
): Uint8Array {
  const namedCurve = publicKey.asymmetricKeyDetails?.namedCurve
  if (namedCurve === undefined) throw unsupported('key agreement with', 'a key that is not EC')
  const ephemeral = generateKeyPairSync('ec', { namedCurve })
  const secret = diffieHellman({ privateKey: ephemeral.privateKey, publicKey })
  const wrapped = wrapKey(deriveWrapKey(secret), contentKey)
  const spki = parseElement(ephemeral.publicKey.export({ format: 'der', type: 'spki' }))
  const { octets: point } = parseBits(getChild(spki, 1, TAG.bitString, 'public key'), 'public key')
  // The parameters may be left out, since they are those of the recipient; receivers expect that.
  const originatorKey = encodeContext(
    1,
    encodeSequence(encodeOid(OID.ecPublicKey)),
    encodeBitString(point),
  )
  return encodeContext(
    1,
    encodeInteger(3),
    encodeContext(0, originatorKey),
    algorithmDer,
    encodeSequence(encodeSequence(issuerAndSerialDer, encodeOctetString(wrapped))),
  )
}

/** A KeyAgreeRecipientInfo, read. */
export interface KeyAgreement {
  /** Uncompressed or compressed point of the originator. */
  readonly point: Uint8Array
  readonly entries: readonly { readonly identifier: DerElement; readonly wrappedKey: Uint8Array }[]
}

/**
 * Reads the element `[1]` of recipientInfos.
 *
 * @throws ConnectorError `pki/malformed`, `pki/unsupported-algorithm`
 */
export function readKeyAgreement(element: DerElement): KeyAgreement {
  const originator = getChild(getChild(element, 1, 0xa0, 'originator'), 0, 0xa1, 'originatorKey')
  const { octets: point } = parseBits(
    getChild(originator, 1, TAG.bitString, 'originatorKey'),
    'originatorKey',
  )
  // userKeyingMaterial stands in between, and would go into the derivation.
  if (element.children[2]?.tag === 0xa1) throw unsupported('key agreement with', 'keying material')
  const algorithm = getChild(element, 2, TAG.sequence, 'key encryption algorithm')
  const scheme = algorithmOid(algorithm, 'key encryption algorithm')
  if (scheme !== STANDARD_DH_SHA256) throw unsupported('key encryption algorithm', scheme)
  const wrap = algorithmOid(getChild(algorithm, 1, TAG.sequence, 'key wrap'), 'key wrap')
  if (wrap !== AES256_WRAP) throw unsupported('key wrap', wrap)
  const list = getChild(element, 3, TAG.sequence, 'recipientEncryptedKeys')
  const entries = list.children.map((entry) => {
    const [identifier, wrappedKey] = entry.children
    if (identifier === undefined || wrappedKey === undefined)
      throw malformed('recipientEncryptedKey is not an identifier and a key')
    return { identifier, wrappedKey: parseOctets(wrappedKey, 'encryptedKey') }
  })
  return { point, entries }
}

/**
 * Takes a content key out of its wrapping; throws what OpenSSL throws when it was wrapped for another key.
 *
 * @param privateKey of the recipient, EC
 */
export function unwrapAgreedKey(
  privateKey: KeyObject,
  point: Uint8Array,
  wrappedKey: Uint8Array,
): Uint8Array {
  const spki = parseElement(createPublicKey(privateKey).export({ format: 'der', type: 'spki' }))
  const algorithm = getChild(spki, 0, TAG.sequence, 'algorithm')
  const publicKey = createPublicKey({
    key: Buffer.from(encodeSequence(algorithm.der, encodeBitString(point))),
    format: 'der',
    type: 'spki',
  })
  const secret = diffieHellman({ privateKey, publicKey })
  const decipher = createDecipheriv('id-aes256-wrap', deriveWrapKey(secret), WRAP_IV)
  return concatBytes(decipher.update(wrappedKey), decipher.final())
}

/** One block of the X9.63 derivation is a whole AES-256 key. */
function deriveWrapKey(secret: Uint8Array): Uint8Array {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(WRAP_KEY_OCTETS * 8)
  const sharedInfo = encodeSequence(
    encodeSequence(encodeOid(AES256_WRAP)),
    encodeElement(0xa2, encodeOctetString(length)),
  )
  const counter = Buffer.from([0, 0, 0, 1])
  const key = hash('sha256', concatBytes(secret, counter, sharedInfo), 'buffer')
  secret.fill(0)
  return key
}

function wrapKey(wrapKeyOctets: Uint8Array, contentKey: Uint8Array): Uint8Array {
  const cipher = createCipheriv('id-aes256-wrap', wrapKeyOctets, WRAP_IV)
  return concatBytes(cipher.update(contentKey), cipher.final())
}
