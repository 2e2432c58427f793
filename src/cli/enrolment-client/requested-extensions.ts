import { isIP } from 'node:net'
import { ConnectorError } from '../../kernel/index.ts'
import {
  type Asn1,
  bits,
  encodeAsn1,
  implicitOctets,
  isTrue,
  objectId,
  octets,
  sequence,
  tagged,
  utf8,
} from './asn1.ts'
import { OID } from './object-ids.ts'
import type { RequestedKeyUsage, RequestedName } from './types.ts'

/** What a CSR asks for besides name and key. Empty lists leave the extension out. */
export interface RequestedExtensions {
  readonly sans: readonly RequestedName[]
  readonly ekus: readonly string[]
  readonly keyUsage: readonly RequestedKeyUsage[]
}

const KEY_USAGE_BITS: Readonly<Record<RequestedKeyUsage, number>> = {
  digitalSignature: 0,
  nonRepudiation: 1,
  keyEncipherment: 2,
  dataEncipherment: 3,
  keyAgreement: 4,
}

/** Short names that the command line takes for extended key usages. */
const EKU_NAMES: Readonly<Record<string, string>> = {
  clientAuth: '1.3.6.1.5.5.7.3.2',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  emailProtection: '1.3.6.1.5.5.7.3.4',
  smartcardLogon: '1.3.6.1.4.1.311.20.2.2',
  ipsecIke: '1.3.6.1.5.5.7.3.17',
}

/** One Extension; the value is the DER inside extnValue. */
export function extension(oid: string, valueDer: Uint8Array, isCritical = false): Asn1 {
  return isCritical
    ? sequence(objectId(oid), isTrue(), octets(valueDer))
    : sequence(objectId(oid), octets(valueDer))
}

/**
 * The Extensions that a CSR asks for, in the order SAN, keyUsage, extKeyUsage.
 *
 * @throws ConnectorError `config/invalid` a name or usage that cannot be encoded
 */
export function encodeRequestedExtensions(wanted: RequestedExtensions): readonly Asn1[] {
  const extensions: Asn1[] = []
  if (wanted.sans.length > 0) {
    extensions.push(extension(OID.subjectAltName, encodeSubjectAltNames(wanted.sans)))
  }
  if (wanted.keyUsage.length > 0) {
    extensions.push(extension(OID.keyUsage, encodeKeyUsageBits(wanted.keyUsage), true))
  }
  if (wanted.ekus.length > 0) {
    const purposes = wanted.ekus.map((eku) => objectId(readEku(eku)))
    extensions.push(extension(OID.extendedKeyUsage, encodeAsn1(sequence(...purposes))))
  }
  return extensions
}

/** DER of GeneralNames (RFC 5280, section 4.2.1.6), in the order given. */
export function encodeSubjectAltNames(sans: readonly RequestedName[]): Uint8Array {
  return encodeAsn1(sequence(...sans.map(encodeGeneralName)))
}

/** DER of the KeyUsage BIT STRING, without trailing zero bits. */
export function encodeKeyUsageBits(usages: readonly RequestedKeyUsage[]): Uint8Array {
  const positions = usages.map((usage) => KEY_USAGE_BITS[usage])
  const octet = positions.reduce((sum, position) => sum | (0x80 >> position), 0)
  return encodeAsn1(bits(Uint8Array.of(octet), 7 - Math.max(...positions)))
}

function encodeGeneralName(name: RequestedName): Asn1 {
  switch (name.kind) {
    case 'email':
      return implicitOctets(1, asciiOf(name))
    case 'dns':
      return implicitOctets(2, asciiOf(name))
    case 'uri':
      return implicitOctets(6, asciiOf(name))
    case 'ip':
      return implicitOctets(7, addressOctets(name.value))
    case 'upn':
      return tagged(0, objectId(OID.userPrincipalName), tagged(0, utf8(name.value)))
  }
}

function asciiOf(name: RequestedName): Uint8Array {
  const octetsOfName = Buffer.from(name.value, 'utf8')
  if (name.value === '' || octetsOfName.some((octet) => octet > 0x7e || octet < 0x20)) {
    throw new ConnectorError(
      'config/invalid',
      `subjectAltName ${name.kind}: "${name.value}" is not printable ASCII; use the A-label or percent-encoded form`,
    )
  }
  return octetsOfName
}

function addressOctets(text: string): Uint8Array {
  if (isIP(text) === 4) return Uint8Array.from(text.split('.'), Number)
  if (isIP(text) !== 6 || text.includes('%')) {
    throw new ConnectorError('config/invalid', `subjectAltName ip: "${text}" is no IP address`)
  }
  // The URL parser writes any spelling of an IPv6 address, with an IPv4 tail or not, as hexadecimal groups.
  const canonical = new URL(`http://[${text}]/`).hostname.slice(1, -1)
  const [head = '', tail] = canonical.split('::')
  const left = head.split(':').filter(Boolean)
  const right = (tail ?? '').split(':').filter(Boolean)
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0')
  const groups = tail === undefined ? left : [...left, ...zeros, ...right]
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex')
}

function readEku(text: string): string {
  const oid = EKU_NAMES[text] ?? text
  if (/^[0-2](\.\d+)+$/.test(oid)) return oid
  throw new ConnectorError(
    'config/invalid',
    `extended key usage "${text}" is neither a dotted OID nor one of ${Object.keys(EKU_NAMES).join(', ')}`,
  )
}
