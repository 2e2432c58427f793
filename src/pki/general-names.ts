import { isIP } from 'node:net'
import { toHex } from '../kernel/index.ts'
import { type DerElement, malformed, parseElement, TAG } from './der-reader.ts'
import { findText, findTextAs } from './der-text.ts'
import { parseOid, parseOidOctets } from './der-values.ts'
import {
  encodeAscii,
  encodeContext,
  encodeContextPrimitive,
  encodeOid,
  encodeOidOctets,
  encodeUtf8String,
} from './der-writer.ts'
import { readName } from './names.ts'
import { OID } from './oids.ts'
import type { GeneralName } from './types.ts'

/**
 * Reads one GeneralName element.
 *
 * @throws ConnectorError `pki/malformed`
 * @see RFC 5280, section 4.2.1.6
 */
function readGeneralName(element: DerElement): GeneralName {
  const der = element.der
  switch (element.tag) {
    case 0xa0:
      return readOtherName(element)
    case 0x81:
      return { kind: 'email', value: readIa5(element), der }
    case 0x82:
      return { kind: 'dns', value: readIa5(element), der }
    case 0xa3:
      return { kind: 'x400Address', value: toHex(element.value), der }
    case 0xa4: {
      const name = element.children[0]
      if (name === undefined || element.children.length !== 1) throw malformed('dirName is no name')
      return { kind: 'dirName', value: readName(name), der }
    }
    case 0xa5:
      return { kind: 'ediPartyName', value: toHex(element.value), der }
    case 0x86:
      return { kind: 'uri', value: readIa5(element), der }
    case 0x87:
      return { kind: 'ip', value: formatIp(element.value), der }
    case 0x88:
      return { kind: 'registeredId', value: parseOidOctets(element.value, 'registeredID'), der }
    default:
      throw malformed(`general name has tag 0x${element.tag.toString(16)}`)
  }
}

/** Octets beyond ASCII are read as ISO 8859-1: some devices put them there, and the octets themselves are what is copied. */
function readIa5(element: DerElement): string {
  return findTextAs(TAG.ia5String, element) ?? ''
}

function readOtherName(element: DerElement): GeneralName {
  const [type, explicit, ...others] = element.children
  const [value, ...values] = explicit?.children ?? []
  const isMore = others.length > 0 || values.length > 0
  // Of two values one reader takes the first and another the last.
  if (type === undefined || explicit?.tag !== 0xa0 || value === undefined || isMore) {
    throw malformed('otherName is not a type and a value')
  }
  const typeOid = parseOid(type, 'otherName type')
  const text = typeOid === OID.userPrincipalName ? findText(value) : undefined
  return text === undefined
    ? { kind: 'otherName', value: toHex(explicit.value), typeOid, der: element.der }
    : { kind: 'upn', value: text, typeOid, der: element.der }
}

/** IPv4 with dots, IPv6 in full groups without leading zeros; hexadecimal for other lengths. */
function formatIp(octets: Uint8Array): string {
  if (octets.length === 4) return octets.join('.')
  if (octets.length !== 16) return toHex(octets)
  const view = new DataView(octets.buffer, octets.byteOffset, 16)
  return [0, 2, 4, 6, 8, 10, 12, 14].map((at) => view.getUint16(at).toString(16)).join(':')
}

/**
 * Makes a GeneralName of a kind that has a text form; `dirName` and the rest are copied as DER, never made from text.
 *
 * Throws TypeError for text that does not fit the kind.
 */
export function encodeGeneralName(
  kind: 'dns' | 'email' | 'uri' | 'ip' | 'upn' | 'registeredId',
  value: string,
): Uint8Array {
  switch (kind) {
    case 'email':
      return encodeContextPrimitive(1, encodeAscii(value))
    case 'dns':
      return encodeContextPrimitive(2, encodeAscii(value))
    case 'uri':
      return encodeContextPrimitive(6, encodeAscii(value))
    case 'ip':
      return encodeContextPrimitive(7, parseIp(value))
    case 'registeredId':
      return encodeContextPrimitive(8, encodeOidOctets(value))
    case 'upn':
      return encodeOtherName(OID.userPrincipalName, encodeUtf8String(value))
  }
}

/** otherName from its type and the DER of its value. */
export function encodeOtherName(typeOid: string, valueDer: Uint8Array): Uint8Array {
  return encodeContext(0, encodeOid(typeOid), encodeContext(0, valueDer))
}

function parseIp(text: string): Uint8Array {
  const version = isIP(text)
  if (version === 4) return Uint8Array.from(text.split('.').map(Number))
  if (version !== 6 || text.includes('%')) throw new TypeError(`not an IP address: ${text}`)
  const [head = '', tail] = expandDotted(text).split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0')
  const groups = [...left, ...zeros, ...right].map((group) => Number.parseInt(group, 16))
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]))
}

/** `::ffff:192.0.2.1` with its last four octets as two groups. */
function expandDotted(text: string): string {
  if (!text.includes('.')) return text
  const start = text.lastIndexOf(':') + 1
  const [a = 0, b = 0, c = 0, d = 0] = text.slice(start).split('.').map(Number)
  return `${text.slice(0, start)}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
}

/**
 * Reads a GeneralNames SEQUENCE, the value of a subjectAltName.
 *
 * @throws ConnectorError `pki/malformed`
 */
export function parseGeneralNames(der: Uint8Array): GeneralName[] {
  const names = parseElement(der)
  if (names.tag !== TAG.sequence) throw malformed('general names are no SEQUENCE')
  return names.children.map(readGeneralName)
}
