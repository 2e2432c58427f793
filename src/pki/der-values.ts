import { concatBytes } from '../kernel/index.ts'
import { checkedTag, type DerElement, malformed, TAG } from './der-reader.ts'

const maxOidOctets = 64

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
