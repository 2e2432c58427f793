import { checkedTag, parseElement, TAG } from './der-reader.ts'
import { parseBits, parseOid } from './der-values.ts'
import { encodeBitString, encodeOid, encodeSequence } from './der-writer.ts'
import { OID } from './oids.ts'
import { type Extension } from './types.ts'

/** Bits of keyUsage by position, named as RFC 5280, section 4.2.1.3 names them. */
export const KEY_USAGE_NAMES = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const

/** Name of a keyUsage bit. */
export type KeyUsageName = (typeof KEY_USAGE_NAMES)[number]

/** keyUsage, critical. DER drops trailing zero bits. */
export function encodeKeyUsage(names: readonly KeyUsageName[]): Extension {
  const bits = [0, 0]
  let highest = -1
  for (const name of names) {
    const bit = KEY_USAGE_NAMES.indexOf(name)
    bits[bit >> 3] = (bits[bit >> 3] ?? 0) | (0x80 >> (bit & 7))
    highest = Math.max(highest, bit)
  }
  const octets = Uint8Array.from(bits.slice(0, (highest + 8) >> 3))
  const unusedBits = highest < 0 ? 0 : 7 - (highest & 7)
  return { oid: OID.keyUsage, critical: true, valueDer: encodeBitString(octets, unusedBits) }
}

/**
 * Names of the keyUsage bits that are set, in the order of the bits; unknown bits are left out.
 *
 * @throws ConnectorError `pki/malformed`
 */
export function parseKeyUsage(valueDer: Uint8Array): KeyUsageName[] {
  const { octets } = parseBits(parseElement(valueDer), 'keyUsage')
  return KEY_USAGE_NAMES.filter(
    (_name, bit) => ((octets[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0,
  )
}

/** extKeyUsage, not critical. */
export function encodeExtKeyUsage(oids: readonly string[]): Extension {
  const valueDer = encodeSequence(...oids.map(encodeOid))
  return { oid: OID.extKeyUsage, critical: false, valueDer }
}

/**
 * OIDs of an extKeyUsage, in order.
 *
 * @throws ConnectorError `pki/malformed`
 */
export function parseExtKeyUsage(valueDer: Uint8Array): string[] {
  const sequence = checkedTag(parseElement(valueDer), TAG.sequence, 'extKeyUsage')
  return sequence.children.map((child) => parseOid(child, 'extended key usage'))
}
