import { TAG } from './der-reader.ts'

/**
 * An element from its identifier octet and the pieces of its value.
 *
 * The writers return arrays exactly as large as the element, over memory of their own.
 */
export function encodeElement(tag: number, ...pieces: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const piece of pieces) length += piece.length
  const lengthOctets = length < 0x80 ? 0 : length < 0x100 ? 1 : length < 0x1_0000 ? 2 : 4
  const out = new Uint8Array(2 + lengthOctets + length)
  out[0] = tag
  let at = 2
  if (lengthOctets === 0) out[1] = length
  else at = writeLongLength(out, length, lengthOctets)
  for (const piece of pieces) {
    out.set(piece, at)
    at += piece.length
  }
  return at === out.length ? out : out.slice(0, at)
}

/** Lengths of three octets are rare enough to be written into room for four. */
function writeLongLength(out: Uint8Array, length: number, room: number): number {
  const count = room === 4 && length < 0x100_0000 ? 3 : room
  out[1] = 0x80 | count
  for (let i = 0; i < count; i++) out[2 + i] = Math.floor(length / 256 ** (count - 1 - i)) & 0xff
  return 2 + count
}

/** SEQUENCE or SEQUENCE OF, in the order given. */
export function encodeSequence(...elements: readonly Uint8Array[]): Uint8Array {
  return encodeElement(TAG.sequence, ...elements)
}

/** SET OF in DER: elements in ascending order of their encodings (X.690, section 11.6). */
export function encodeSetOf(...elements: readonly Uint8Array[]): Uint8Array {
  return encodeElement(TAG.set, ...sortEncodings(elements))
}

/** SET in the order given: for certificate lists, where order is meaning (REQ-37). */
export function encodeSetUnsorted(...elements: readonly Uint8Array[]): Uint8Array {
  return encodeElement(TAG.set, ...elements)
}

/** The encodings in DER order of a SET OF. */
export function sortEncodings(elements: readonly Uint8Array[]): Uint8Array[] {
  return elements.toSorted((a, b) => Buffer.compare(a, b))
}

/**
 * INTEGER from a number, a bigint, or the octets of a non-negative magnitude, most significant first.
 *
 * Numbers must be safe integers.
 */
export function encodeInteger(value: number | bigint | Uint8Array): Uint8Array {
  if (value instanceof Uint8Array) return encodeElement(TAG.integer, toMinimalMagnitude(value))
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new TypeError('not a safe integer')
  }
  let rest = BigInt(value)
  const octets: number[] = []
  do {
    octets.unshift(Number(rest & 0xffn))
    rest >>= 8n
  } while (!((rest === 0n && (octets[0] ?? 0) < 0x80) || (rest === -1n && (octets[0] ?? 0) > 0x7f)))
  return encodeElement(TAG.integer, Uint8Array.from(octets))
}

function toMinimalMagnitude(octets: Uint8Array): Uint8Array {
  let start = 0
  while (start < octets.length - 1 && octets[start] === 0) start++
  const trimmed = octets.subarray(start)
  if (trimmed.length > 0 && (trimmed[0] ?? 0) < 0x80) return trimmed
  const padded = new Uint8Array(trimmed.length + 1)
  padded.set(trimmed, 1)
  return padded
}

/** The OIDs of the house are few; those that certificates bring along must not fill memory. */
const maxRememberedOids = 256
const rememberedOids = new Map<string, Uint8Array>()

/** OBJECT IDENTIFIER from dotted text; shared bytes, not to be written to. Throws TypeError for text that is none. */
export function encodeOid(oid: string): Uint8Array {
  const known = rememberedOids.get(oid)
  if (known !== undefined) return known
  const der = encodeElement(TAG.oid, encodeOidOctets(oid))
  if (rememberedOids.size < maxRememberedOids) rememberedOids.set(oid, der)
  return der
}

/** The content octets of an OBJECT IDENTIFIER, for implicit tags. Throws TypeError for text that is none. */
export function encodeOidOctets(oid: string): Uint8Array {
  const arcs = oid.split('.').map((arc) => (/^(0|[1-9]\d{0,14})$/.test(arc) ? Number(arc) : -1))
  const [root = -1, second = -1, ...others] = arcs
  if (arcs.includes(-1) || root < 0 || root > 2 || second < 0 || (root < 2 && second > 39)) {
    throw new TypeError(`not an object identifier: ${oid}`)
  }
  const octets: number[] = []
  for (const arc of [root * 40 + second, ...others]) {
    const start = octets.length
    octets.push(arc % 128)
    for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) {
      octets.splice(start, 0, 0x80 | (rest % 128))
    }
  }
  return Uint8Array.from(octets)
}

/** OCTET STRING, primitive. */
export function encodeOctetString(octets: Uint8Array): Uint8Array {
  return encodeElement(TAG.octetString, octets)
}

/** BIT STRING. The caller has cleared the unused bits. */
export function encodeBitString(octets: Uint8Array, unusedBits = 0): Uint8Array {
  return encodeElement(TAG.bitString, Uint8Array.of(unusedBits), octets)
}

/** UTF8String. */
export function encodeUtf8String(text: string): Uint8Array {
  return encodeElement(TAG.utf8String, Buffer.from(text, 'utf8'))
}

/** PrintableString; the caller keeps to its alphabet. */
export function encodePrintableString(text: string): Uint8Array {
  return encodeElement(TAG.printableString, Buffer.from(text, 'latin1'))
}

/** IA5String; throws TypeError for text beyond ASCII, which would be cut. */
export function encodeIa5String(text: string): Uint8Array {
  return encodeElement(TAG.ia5String, encodeAscii(text))
}

/** Octets of ASCII text. Throws TypeError for other characters. */
export function encodeAscii(text: string): Uint8Array {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) throw new TypeError(`not ASCII at position ${i}`)
  }
  return Buffer.from(text, 'latin1')
}

/** BMPString: UTF-16, most significant octet first. */
export function encodeBmpString(text: string): Uint8Array {
  return encodeElement(TAG.bmpString, Buffer.from(text, 'utf16le').swap16())
}

/** BOOLEAN. */
export function encodeBoolean(value: boolean): Uint8Array {
  return Uint8Array.of(TAG.boolean, 1, value ? 0xff : 0)
}

/** NULL. */
export function encodeNull(): Uint8Array {
  return Uint8Array.of(TAG.null, 0)
}

/**
 * UTCTime for the years 1950 to 2049, GeneralizedTime otherwise; whole seconds, Zulu.
 *
 * @see RFC 5280, section 4.1.2.5
 */
export function encodeTime(date: Date): Uint8Array {
  const text = date.toISOString()
  const year = date.getUTCFullYear()
  if (year < 0 || year > 9999) throw new TypeError('year does not fit a time of X.509')
  const [month, day] = [text.slice(5, 7), text.slice(8, 10)]
  const time = `${text.slice(11, 13)}${text.slice(14, 16)}${text.slice(17, 19)}Z`
  return year >= 1950 && year < 2050
    ? encodeElement(TAG.utcTime, Buffer.from(`${text.slice(2, 4)}${month}${day}${time}`, 'latin1'))
    : encodeElement(
        TAG.generalizedTime,
        Buffer.from(`${text.slice(0, 4)}${month}${day}${time}`, 'latin1'),
      )
}

/** A context-specific, constructed element `[number]`: EXPLICIT around whole elements, or IMPLICIT around their values. */
export function encodeContext(number: number, ...pieces: readonly Uint8Array[]): Uint8Array {
  return encodeElement(0xa0 | number, ...pieces)
}

/** A context-specific, primitive element `[number] IMPLICIT`. */
export function encodeContextPrimitive(number: number, octets: Uint8Array): Uint8Array {
  return encodeElement(0x80 | number, octets)
}
