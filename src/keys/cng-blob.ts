import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { ConnectorError, concatBytes } from '../kernel/index.ts'
import { completeRsaKey, type RsaNumbers, toNumber, toOctets } from './rsa-numbers.ts'

/** The three forms of an RSA key: BCRYPT_RSAPUBLIC_BLOB, BCRYPT_RSAPRIVATE_BLOB, BCRYPT_RSAFULLPRIVATE_BLOB. */
const magics = { public: 'RSA1', private: 'RSA2', fullPrivate: 'RSA3' } as const
export type CngBlobKind = keyof typeof magics

const HEADER_OCTETS = 24
const MAX_BITS = 8192
const MAX_EXPONENT_OCTETS = 8

/** A key and the form in which it came. */
export interface CngBlob {
  readonly kind: CngBlobKind
  /** Public for `public`, private for the others. */
  readonly key: KeyObject
}

/**
 * Reads a CNG blob with an RSA key (BCRYPT_RSAKEY_BLOB): magic, lengths as little-endian 32-bit numbers, then big-endian
 * integers. Private parts must belong together; whether the primes are primes is not checked.
 *
 * @throws ConnectorError `key/unreadable` not such a blob, cut off, followed by more, or its numbers contradict each other
 */
export function parseCngBlob(bytes: Uint8Array): CngBlob {
  const { kind, bits, lengths } = readHeader(bytes)
  let at = HEADER_OCTETS
  const take = (length: number): bigint => {
    const value = toNumber(bytes.subarray(at, at + length))
    at += length
    return value
  }
  const e = take(lengths.exponent)
  const n = take(lengths.modulus)
  if (n.toString(2).length !== bits) throw unreadable(`its modulus does not have ${bits} bits`)
  if (kind === 'public')
    return { kind, key: createPublicKey({ format: 'jwk', key: { kty: 'RSA', ...jwk({ n, e }) } }) }

  const numbers = completeRsaKey(e, take(lengths.prime1), take(lengths.prime2))
  if (numbers?.n !== n) throw unreadable('its primes do not make its modulus and exponent')
  if (kind === 'fullPrivate') {
    const crt = [take(lengths.prime1), take(lengths.prime2), take(lengths.prime1)]
    // Reduced by one or the other common multiple, depending on the version of Windows.
    const d = take(lengths.modulus)
    const isFitting =
      [numbers.dp, numbers.dq, numbers.qi].every((number, index) => number === crt[index]) &&
      d % (numbers.p - 1n) === numbers.dp &&
      d % (numbers.q - 1n) === numbers.dq
    if (!isFitting) throw unreadable('its private numbers do not belong together')
  }
  const key = createPrivateKey({ format: 'jwk', key: { kty: 'RSA', ...jwk(numbers) } })
  return { kind, key }
}

/**
 * Writes an RSA key as CNG blob. For `public` the key may be public or private.
 *
 * The private forms are the key in the clear: that is how CNG imports them.
 *
 * @throws TypeError the key is not RSA, or is public where a private one is needed
 */
export function encodeCngBlob(key: KeyObject, kind: CngBlobKind): Uint8Array {
  const numbers = key.export({ format: 'jwk' })
  const read = (name: 'n' | 'e' | 'd' | 'p' | 'q' | 'dp' | 'dq' | 'qi'): Uint8Array => {
    const text = numbers[name]
    if (text === undefined) throw new TypeError(`the key has no ${name}`)
    return Buffer.from(text, 'base64url')
  }
  const n = read('n')
  const e = read('e')
  const bits = toNumber(n).toString(2).length
  if (kind === 'public')
    return concatBytes(encodeHeader(kind, [bits, e.length, n.length, 0, 0]), e, n)
  const p = read('p')
  const q = read('q')
  const header = encodeHeader(kind, [bits, e.length, n.length, p.length, q.length])
  if (kind === 'private') return concatBytes(header, e, n, p, q)
  const dp = pad(read('dp'), p.length)
  const dq = pad(read('dq'), q.length)
  const qi = pad(read('qi'), p.length)
  return concatBytes(header, e, n, p, q, dp, dq, qi, pad(read('d'), n.length))
}

function readHeader(bytes: Uint8Array) {
  const magic = Buffer.from(bytes.subarray(0, 4)).toString('latin1')
  const kind = (['public', 'private', 'fullPrivate'] as const).find((one) => magics[one] === magic)
  if (kind === undefined || bytes.length < HEADER_OCTETS)
    throw unreadable('it does not begin with RSA1, RSA2 or RSA3 and five lengths')
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_OCTETS)
  const [bits = 0, exponent = 0, modulus = 0, prime1 = 0, prime2 = 0] = [4, 8, 12, 16, 20].map(
    (at) => view.getUint32(at, true),
  )
  if (bits < 512 || bits > MAX_BITS || modulus !== Math.ceil(bits / 8))
    throw unreadable(`it tells ${bits} bits and a modulus of ${modulus} octets`)
  if (exponent < 1 || exponent > MAX_EXPONENT_OCTETS)
    throw unreadable(`it tells an exponent of ${exponent} octets`)
  const isPublic = kind === 'public'
  if (isPublic ? prime1 + prime2 !== 0 : prime1 + prime2 > modulus + 2 || !prime1 || !prime2)
    throw unreadable(`it tells primes of ${prime1} and ${prime2} octets`)
  const more = kind === 'fullPrivate' ? 2 * prime1 + prime2 + modulus : 0
  const total = HEADER_OCTETS + exponent + modulus + prime1 + prime2 + more
  if (bytes.length !== total) throw unreadable(`it has ${bytes.length} octets, not ${total}`)
  return { kind, bits, lengths: { exponent, modulus, prime1, prime2 } }
}

function encodeHeader(kind: CngBlobKind, numbers: readonly number[]): Uint8Array {
  const header = Buffer.alloc(HEADER_OCTETS)
  header.write(magics[kind], 'latin1')
  for (const [index, number] of numbers.entries()) header.writeUInt32LE(number, 4 + 4 * index)
  return header
}

function jwk(numbers: Partial<RsaNumbers>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(numbers).map(([name, number]) => [
      name,
      Buffer.from(toOctets(number)).toString('base64url'),
    ]),
  )
}

function pad(octets: Uint8Array, length: number): Uint8Array {
  return concatBytes(new Uint8Array(length - octets.length), octets)
}

function unreadable(what: string): ConnectorError {
  return new ConnectorError('key/unreadable', `this is no CNG blob with an RSA key: ${what}`)
}
