import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  pbkdf2Sync,
  randomBytes,
} from 'node:crypto'
import { concatBytes } from '../../kernel/index.ts'
import { algorithmOid, unsupported } from '../algorithms.ts'
import { checkedTag, type DerElement, findChild, getChild, malformed, TAG } from '../der-reader.ts'
import { parseOctets, parseOid, parseSmallInteger } from '../der-values.ts'
import {
  encodeElement,
  encodeInteger,
  encodeNull,
  encodeOctetString,
  encodeOid,
  encodeSequence,
} from '../der-writer.ts'
import { OID } from '../oids.ts'

/** More would let a stranger keep a thread busy: 10,000 take a few milliseconds. OpenSSL's `cms` takes 2,048. */
const MAX_ITERATIONS = 10_000
const MAX_SALT = 128
const MAX_WRAPPED = 128
const BLOCK = 16

type Prf = 'sha1' | 'sha224' | 'sha256' | 'sha384' | 'sha512'
type WrapCipher = 'aes-128-cbc' | 'aes-192-cbc' | 'aes-256-cbc'

const prfs: ReadonlyMap<string, Prf> = new Map([
  [OID.hmacWithSha1, 'sha1'],
  [OID.hmacWithSha224, 'sha224'],
  [OID.hmacWithSha256, 'sha256'],
  [OID.hmacWithSha384, 'sha384'],
  [OID.hmacWithSha512, 'sha512'],
])
const wrapCiphers: ReadonlyMap<
  string,
  { readonly cipher: WrapCipher; readonly keyLength: number }
> = new Map([
  [OID.aes128Cbc, { cipher: 'aes-128-cbc', keyLength: 16 }],
  [OID.aes192Cbc, { cipher: 'aes-192-cbc', keyLength: 24 }],
  [OID.aes256Cbc, { cipher: 'aes-256-cbc', keyLength: 32 }],
])

/** How a password becomes the key that wraps a content key. */
export interface PasswordWrapping {
  readonly salt: Uint8Array
  readonly iterations: number
  readonly prf: Prf
  readonly cipher: WrapCipher
  readonly keyLength: number
  readonly iv: Uint8Array
}

/** A PasswordRecipientInfo: the wrapping, and the content key in it. */
export interface PasswordRecipient extends PasswordWrapping {
  readonly wrappedKey: Uint8Array
}

/**
 * Reads a PasswordRecipientInfo with PBKDF2 and the AES-CBC form of id-alg-PWRI-KEK.
 *
 * @param info the element with tag [3]
 * @throws ConnectorError `pki/unsupported-algorithm` another algorithm, or more iterations than we do for strangers
 * @throws ConnectorError `pki/malformed`
 * @see RFC 5652, section 6.2.4; RFC 8018, appendix A.2; RFC 3370, section 4.4; REQ-105
 */
export function readPasswordRecipient(info: DerElement): PasswordRecipient {
  parseSmallInteger(getChild(info, 0, TAG.integer, 'version'), 'version of PasswordRecipientInfo')
  const derivation = findChild(info, 0xa0)
  if (derivation === undefined) throw unsupported('key derivation', 'none')
  const wrapAt = 2
  const algorithm = getChild(info, wrapAt, TAG.sequence, 'key encryption algorithm')
  const wrapped = getChild(info, wrapAt + 1, TAG.octetString, 'encryptedKey')
  const wrappedKey = parseOctets(wrapped, 'encryptedKey')
  if (
    wrappedKey.length < 2 * BLOCK ||
    wrappedKey.length > MAX_WRAPPED ||
    wrappedKey.length % BLOCK !== 0
  )
    throw malformed(`encryptedKey has ${wrappedKey.length} octets`)
  const wrapping = readWrapAlgorithm(algorithm)
  return { ...readDerivation(derivation, wrapping.keyLength), ...wrapping, wrappedKey }
}

function readDerivation(
  derivation: DerElement,
  wrapKeyLength: number,
): Pick<PasswordWrapping, 'salt' | 'iterations' | 'prf'> {
  const what = 'key derivation algorithm'
  const oid = parseOid(getChild(derivation, 0, TAG.oid, what), what)
  if (oid !== OID.pbkdf2) throw unsupported(what, oid)
  const parameters = getChild(derivation, 1, TAG.sequence, 'PBKDF2 parameters')
  const salt = parseOctets(getChild(parameters, 0, TAG.octetString, 'PBKDF2 salt'), 'PBKDF2 salt')
  const iterations = parseSmallInteger(
    getChild(parameters, 1, TAG.integer, 'PBKDF2 iterations'),
    'PBKDF2 iterations',
  )
  if (salt.length > MAX_SALT) throw malformed(`PBKDF2 salt has ${salt.length} octets`)
  if (iterations < 1) throw malformed('PBKDF2 has no iterations')
  if (iterations > MAX_ITERATIONS) throw unsupported('PBKDF2 iterations', String(iterations))
  const rest = parameters.children.slice(2)
  const length = rest.find(({ tag }) => tag === TAG.integer)
  if (length !== undefined && parseSmallInteger(length, 'PBKDF2 keyLength') !== wrapKeyLength)
    throw malformed('PBKDF2 makes a key of another length than the cipher takes')
  const prfAlgorithm = rest.find(({ tag }) => tag === TAG.sequence)
  const prfOid =
    prfAlgorithm === undefined ? OID.hmacWithSha1 : algorithmOid(prfAlgorithm, 'PBKDF2 prf')
  const prf = prfs.get(prfOid)
  if (prf === undefined) throw unsupported('PBKDF2 prf', prfOid)
  return { salt, iterations, prf }
}

function readWrapAlgorithm(
  algorithm: DerElement,
): Pick<PasswordWrapping, 'cipher' | 'keyLength' | 'iv'> {
  const oid = algorithmOid(algorithm, 'key encryption algorithm')
  if (oid !== OID.pwriKek) throw unsupported('password key encryption algorithm', oid)
  const inner = checkedTag(
    getChild(algorithm, 1, TAG.sequence, 'PWRI-KEK parameters'),
    TAG.sequence,
    'PWRI-KEK parameters',
  )
  const innerOid = algorithmOid(inner, 'PWRI-KEK cipher')
  const known = wrapCiphers.get(innerOid)
  if (known === undefined) throw unsupported('PWRI-KEK cipher', innerOid)
  const iv = parseOctets(getChild(inner, 1, TAG.octetString, 'PWRI-KEK iv'), 'PWRI-KEK iv')
  if (iv.length !== BLOCK) throw malformed('PWRI-KEK iv is not 16 octets')
  return { ...known, iv }
}

/**
 * Takes a content key out of its wrapping, or a random one where that fails: the caller cannot tell, as with
 * `unwrapContentKey`. Blocks for the length of the key derivation.
 *
 * @param keyLength that the content cipher takes
 * @see RFC 3211, section 2.3.2
 */
export function unwrapWithPassword(
  recipient: PasswordRecipient,
  password: string,
  keyLength: number,
): Uint8Array {
  const substitute = randomBytes(keyLength)
  const key = deriveKey(recipient, password)
  const { cipher, iv, wrappedKey } = recipient
  const decrypt = (vector: Uint8Array, octets: Uint8Array): Uint8Array => {
    const decipher = createDecipheriv(cipher, key, vector).setAutoPadding(false)
    return concatBytes(decipher.update(octets), decipher.final())
  }
  // The outer pass was chained to the last block of the inner one, which its own last two blocks give.
  const last = wrappedKey.length - BLOCK
  const innerLast = decrypt(wrappedKey.subarray(last - BLOCK, last), wrappedKey.subarray(last))
  const plain = decrypt(iv, decrypt(innerLast, wrappedKey))
  const [length = 0, ...check] = plain.subarray(0, 4)
  const contentKey = plain.slice(4, 4 + length)
  const isRight =
    length === keyLength &&
    contentKey.length === keyLength &&
    check.every((octet, at) => (octet ^ (contentKey[at] ?? 0)) === 0xff)
  return isRight ? contentKey : substitute
}

/**
 * A PasswordRecipientInfo for a content key, by the same wrapping with another salt and vector.
 *
 * @param random octets that nobody can guess
 * @see RFC 3211, section 2.3.1
 */
export function encodePasswordRecipient(
  contentKey: Uint8Array,
  password: string,
  random: (length: number) => Uint8Array,
): Uint8Array {
  const wrapping: PasswordWrapping = {
    salt: random(16),
    iterations: MAX_ITERATIONS,
    prf: 'sha256',
    cipher: 'aes-256-cbc',
    keyLength: 32,
    iv: random(BLOCK),
  }
  const key = deriveKey(wrapping, password)
  const encrypt = (vector: Uint8Array, octets: Uint8Array): Uint8Array => {
    const cipher = createCipheriv(wrapping.cipher, key, vector).setAutoPadding(false)
    return concatBytes(cipher.update(octets), cipher.final())
  }
  const check = contentKey.subarray(0, 3).map((octet) => octet ^ 0xff)
  const filled = Math.max(2, Math.ceil((4 + contentKey.length) / BLOCK)) * BLOCK
  const padding = random(filled - 4 - contentKey.length)
  const block = concatBytes(Uint8Array.of(contentKey.length), check, contentKey, padding)
  const once = encrypt(wrapping.iv, block)
  const wrappedKey = encrypt(once.subarray(-BLOCK), once)
  const derivation = concatBytes(
    encodeOid(OID.pbkdf2),
    encodeSequence(
      encodeOctetString(wrapping.salt),
      encodeInteger(wrapping.iterations),
      encodeSequence(encodeOid(OID.hmacWithSha256), encodeNull()),
    ),
  )
  const kek = encodeSequence(encodeOid(OID.aes256Cbc), encodeOctetString(wrapping.iv))
  return encodeElement(
    0xa3,
    concatBytes(
      encodeInteger(0),
      encodeElement(0xa0, derivation),
      encodeSequence(encodeOid(OID.pwriKek), kek),
      encodeOctetString(wrappedKey),
    ),
  )
}

function deriveKey({ salt, iterations, prf, keyLength }: PasswordWrapping, password: string) {
  return createSecretKey(
    pbkdf2Sync(Buffer.from(password, 'utf8'), salt, iterations, keyLength, prf),
  )
}
