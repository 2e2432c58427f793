import { concatBytes } from '../kernel/index.ts'
import { checkedTag, type DerElement, malformed, TAG } from './der-reader.ts'

const maxOidOctets = 64
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Dotted text of an OBJECT IDENTIFIER, at most 64 content octets.
 *
 * @throws ConnectorError `pki/malformed`
 */
export function parseOid(element: DerElement, what = 'object identifier'): string {
  const octets = checkedTag(element, TAG.oid, what).value
  return parseOidOctets(octets, what)
}

/**
 * The same for content octets alone, as in an implicitly tagged registeredID.
 *
 * @throws ConnectorError `pki/malformed`
 */
export function parseOidOctets(octets: Uint8Array, what = 'object identifier'): string {
  if (octets.length === 0 || octets.length > maxOidOctets) {
    throw malformed(`${what} has ${octets.length} octets, allowed are 1 to ${maxOidOctets}`)
  }
  let text = ''
  let arc = 0
  let isStart = true
  for (const octet of octets) {
    if (isStart && octet === 0x80) throw malformed(`${what} has a padded arc`)
    arc = arc * 128 + (octet & 0x7f)
    if (arc > 0x1_ffff_ffff_ffff) throw malformed(`${what} has an arc above 2^49`)
    isStart = octet < 0x80
    if (!isStart) continue
    if (text === '') {
      const root = arc < 40 ? 0 : arc < 80 ? 1 : 2
      text = `${root}.${arc - root * 40}`
    } else text += `.${arc}`
    arc = 0
  }
  if (!isStart) throw malformed(`${what} ends within an arc`)
  return text
}

/**
 * A non-negative INTEGER that fits 31 bits (versions, lengths, counts).
 *
 * @throws ConnectorError `pki/malformed`
 */
export function parseSmallInteger(element: DerElement, what: string): number {
  const octets = checkedTag(element, TAG.integer, what).value
  let value = 0
  for (const octet of octets) {
    value = value * 256 + octet
    if (value > 0x7fff_ffff) throw malformed(`${what} is too large`)
  }
  if (octets.length === 0 || (octets[0] ?? 0) >= 0x80) throw malformed(`${what} is not a count`)
  return value
}

/**
 * BOOLEAN; every non-zero octet is true, as BER allows.
 *
 * @throws ConnectorError `pki/malformed`
 */
export function parseBoolean(element: DerElement, what: string): boolean {
  const octets = checkedTag(element, TAG.boolean, what).value
  if (octets.length !== 1) throw malformed(`${what} has ${octets.length} octets`)
  return octets[0] !== 0
}

/**
 * Content of an OCTET STRING or of an implicitly tagged one, primitive (a slice) or constructed (put together).
 *
 * @throws ConnectorError `pki/malformed` a part is no octet string
 */
export function parseOctets(element: DerElement, what: string): Uint8Array {
  if (!element.isConstructed) return element.value
  if (element.children.length === 1) {
    const only = element.children[0]
    if (only !== undefined) return parseOctets(checkedPart(only, what), what)
  }
  return concatBytes(...element.children.map((part) => parseOctets(checkedPart(part, what), what)))
}

function checkedPart(part: DerElement, what: string): DerElement {
  if ((part.tag & ~0x20) === TAG.octetString) return part
  throw malformed(`${what} is made of parts with tag 0x${part.tag.toString(16)}`)
}

/**
 * Octets of a primitive BIT STRING with no unused bits.
 *
 * @throws ConnectorError `pki/malformed`
 */
export function parseBitOctets(element: DerElement, what: string): Uint8Array {
  const { octets, unusedBits } = parseBits(element, what)
  if (unusedBits !== 0) throw malformed(`${what} does not fill its last octet`)
  return octets
}

/**
 * Octets of a primitive BIT STRING and how many bits at their end do not count.
 *
 * @throws ConnectorError `pki/malformed`
 */
export function parseBits(
  element: DerElement,
  what: string,
): { octets: Uint8Array; unusedBits: number } {
  const value = checkedTag(element, TAG.bitString, what).value
  const unusedBits = value[0]
  if (unusedBits === undefined || unusedBits > 7 || (unusedBits > 0 && value.length === 1)) {
    throw malformed(`${what} has a broken count of unused bits`)
  }
  return { octets: value.subarray(1), unusedBits }
}

/**
 * Text of any directory or character string type; T61String is read as ISO 8859-1, as its users meant it.
 *
 * @returns undefined when the type is no string or the octets do not fit it
 */
export function findText(element: DerElement): string | undefined {
  return findTextAs(element.tag & ~0x20, element)
}

/** The same for an implicitly tagged string, read as the type that `universalTag` names. */
export function findTextAs(universalTag: number, element: DerElement): string | undefined {
  const octets = element.isConstructed ? parseOctets(element, 'character string') : element.value
  switch (universalTag) {
    case TAG.printableString:
    case TAG.ia5String:
    case TAG.t61String:
    case TAG.visibleString:
      return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('latin1')
    case TAG.utf8String:
      return decodeUtf8(octets)
    case TAG.bmpString:
      return decodeWide(octets, 2)
    case TAG.universalString:
      return decodeWide(octets, 4)
    default:
      return undefined
  }
}

/**
 * Like `findText`, for a field that must be text.
 *
 * @throws ConnectorError `pki/malformed`
 */
export function parseText(element: DerElement, what: string): string {
  const text = findText(element)
  if (text === undefined) throw malformed(`${what} is no valid character string`)
  return text
}

function decodeUtf8(octets: Uint8Array): string | undefined {
  try {
    return utf8.decode(octets)
  } catch {
    return undefined
  }
}

function decodeWide(octets: Uint8Array, width: 2 | 4): string | undefined {
  if (octets.length % width !== 0) return undefined
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length)
  const units: string[] = []
  for (let at = 0; at < octets.length; at += width) {
    const code = width === 2 ? view.getUint16(at) : view.getUint32(at)
    if (code > 0x10_ffff) return undefined
    units.push(width === 2 ? String.fromCharCode(code) : String.fromCodePoint(code))
  }
  return units.join('')
}

/**
 * UTCTime or GeneralizedTime, with or without seconds, in Zulu time or with an offset (REQ-80).
 *
 * @throws ConnectorError `pki/malformed`
 * @see RFC 5280, section 4.1.2.5: two-digit years below 50 are in this century
 */
export function parseTime(element: DerElement, what: string): Date {
  const isLong = element.tag === TAG.generalizedTime
  if (!isLong) checkedTag(element, TAG.utcTime, what)
  const octets = element.value
  const text =
    octets.length <= 32
      ? Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('latin1')
      : ''
  const match = (isLong ? longTime : shortTime).exec(text)
  if (match === null) throw malformed(`${what} is no time`)
  const part = (index: number): number => Number(match[index] ?? 0)
  const year = isLong ? part(1) : part(1) + (part(1) < 50 ? 2000 : 1900)
  const [month, day, hour, minute, second] = [part(2), part(3), part(4), part(5), part(6)]
  const local = Date.UTC(year, month - 1, day, hour, minute, second)
  const date = new Date(year < 100 ? new Date(local).setUTCFullYear(year) : local)
  const isReal =
    date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60
  if (!isReal || second > 60) throw malformed(`${what} is not on the calendar`)
  const offset = (part(9) * 60 + part(10)) * 60_000
  return new Date(date.getTime() + (match[8] === '-' ? offset : -offset))
}

const shortTime = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?()(?:Z|([+-])(\d\d)(\d\d))$/
const longTime = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?([.,]\d{1,9})?(?:Z|([+-])(\d\d)(\d\d))?$/
