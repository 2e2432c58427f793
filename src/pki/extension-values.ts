import { hash } from 'node:crypto'
import {
  checkedTag,
  type DerElement,
  findChild,
  getChild,
  parseElement,
  TAG,
} from './der-reader.ts'
import {
  findTextAs,
  parseBitOctets,
  parseBits,
  parseBoolean,
  parseOctets,
  parseOid,
  parseSmallInteger,
} from './der-values.ts'
import {
  encodeAscii,
  encodeBitString,
  encodeBoolean,
  encodeContext,
  encodeContextPrimitive,
  encodeElement,
  encodeInteger,
  encodeOctetString,
  encodeOid,
  encodeSequence,
} from './der-writer.ts'
import { encodeGeneralName, encodeOtherName, parseGeneralNames } from './general-names.ts'
import { OID } from './oids.ts'
import type { Extension, GeneralName } from './types.ts'

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

/** subjectAltName from whole GeneralName elements. Critical when the subject is empty (RFC 5280, section 4.2.1.6). */
export function encodeSubjectAltName(namesDer: readonly Uint8Array[], critical = false): Extension {
  return { oid: OID.subjectAltName, critical, valueDer: encodeSequence(...namesDer) }
}

/**
 * Entries of a subjectAltName, in order.
 *
 * @throws ConnectorError `pki/malformed`
 */
export function parseSubjectAltName(valueDer: Uint8Array): GeneralName[] {
  return parseGeneralNames(valueDer)
}

/**
 * SHA-1 over the bits of the public key, without tag, length and unused-bit octet: 20 octets.
 *
 * @throws ConnectorError `pki/malformed` the bytes are no SubjectPublicKeyInfo
 * @see RFC 5280, section 4.2.1.2, method 1
 */
export function keyIdentifierOf(spkiDer: Uint8Array): Uint8Array {
  const bits = getChild(parseElement(spkiDer), 1, TAG.bitString, 'subjectPublicKey')
  return new Uint8Array(hash('sha1', parseBitOctets(bits, 'subjectPublicKey'), 'buffer'))
}

/** subjectKeyIdentifier of this key, not critical. */
export function encodeSubjectKeyIdentifier(spkiDer: Uint8Array): Extension {
  const valueDer = encodeOctetString(keyIdentifierOf(spkiDer))
  return { oid: OID.subjectKeyIdentifier, critical: false, valueDer }
}

/**
 * The key identifier inside a subjectKeyIdentifier.
 *
 * @throws ConnectorError `pki/malformed`
 */
export function parseSubjectKeyIdentifier(valueDer: Uint8Array): Uint8Array {
  const element = parseElement(valueDer)
  return parseOctets(checkedTag(element, TAG.octetString, 'subjectKeyIdentifier'), 'identifier')
}

/** authorityKeyIdentifier with a key identifier only, not critical. */
export function encodeAuthorityKeyIdentifier(keyIdentifier: Uint8Array): Extension {
  const valueDer = encodeSequence(encodeContextPrimitive(0, keyIdentifier))
  return { oid: OID.authorityKeyIdentifier, critical: false, valueDer }
}

/**
 * The key identifier of an authorityKeyIdentifier; undefined when it names its issuer by serial only.
 *
 * @throws ConnectorError `pki/malformed`
 */
export function parseAuthorityKeyIdentifier(valueDer: Uint8Array): Uint8Array | undefined {
  const sequence = checkedTag(parseElement(valueDer), TAG.sequence, 'authorityKeyIdentifier')
  return findChild(sequence, 0x80)?.value
}

/** What basicConstraints say. `pathLength` counts intermediate certificates below; only for a CA. */
export interface BasicConstraints {
  readonly isCa: boolean
  readonly pathLength?: number
}

/** basicConstraints, critical (RFC 5280 demands it of a CA; for others it does no harm). */
export function encodeBasicConstraints(constraints: BasicConstraints): Extension {
  const parts: Uint8Array[] = []
  if (constraints.isCa) {
    parts.push(encodeBoolean(true))
    if (constraints.pathLength !== undefined) parts.push(encodeInteger(constraints.pathLength))
  }
  return { oid: OID.basicConstraints, critical: true, valueDer: encodeSequence(...parts) }
}

/** @throws ConnectorError `pki/malformed` */
export function parseBasicConstraints(valueDer: Uint8Array): BasicConstraints {
  const sequence = checkedTag(parseElement(valueDer), TAG.sequence, 'basicConstraints')
  const flag = findChild(sequence, TAG.boolean)
  const length = findChild(sequence, TAG.integer)
  const isCa = flag !== undefined && parseBoolean(flag, 'cA')
  return length === undefined
    ? { isCa }
    : { isCa, pathLength: parseSmallInteger(length, 'pathLenConstraint') }
}

/** Where the issuer's certificate and its OCSP responder are found. */
export interface AuthorityInfoAccess {
  readonly caIssuersUrls: readonly string[]
  readonly ocspUrls: readonly string[]
}

/** authorityInfoAccess, not critical. URLs are ASCII. */
export function encodeAuthorityInfoAccess(access: AuthorityInfoAccess): Extension {
  const describe = (method: string) => (url: string) =>
    encodeSequence(encodeOid(method), encodeGeneralName('uri', url))
  const valueDer = encodeSequence(
    ...access.ocspUrls.map(describe(OID.ocsp)),
    ...access.caIssuersUrls.map(describe(OID.caIssuers)),
  )
  return { oid: OID.authorityInfoAccess, critical: false, valueDer }
}

/**
 * URLs of an authorityInfoAccess; other methods and other kinds of names are left out.
 *
 * @throws ConnectorError `pki/malformed`
 */
export function parseAuthorityInfoAccess(valueDer: Uint8Array): AuthorityInfoAccess {
  const caIssuersUrls: string[] = []
  const ocspUrls: string[] = []
  const sequence = checkedTag(parseElement(valueDer), TAG.sequence, 'authorityInfoAccess')
  for (const description of sequence.children) {
    const method = parseOid(getChild(description, 0, TAG.oid, 'accessMethod'))
    const url = findUrl(description.children[1])
    if (url === undefined) continue
    if (method === OID.caIssuers) caIssuersUrls.push(url)
    if (method === OID.ocsp) ocspUrls.push(url)
  }
  return { caIssuersUrls, ocspUrls }
}

/** cRLDistributionPoints with one point a URL, not critical. URLs are ASCII. */
export function encodeCrlDistributionPoints(urls: readonly string[]): Extension {
  const points = urls.map((url) =>
    encodeSequence(encodeContext(0, encodeContext(0, encodeGeneralName('uri', url)))),
  )
  return { oid: OID.cRLDistributionPoints, critical: false, valueDer: encodeSequence(...points) }
}

/**
 * URLs of cRLDistributionPoints, in order; other kinds of names are left out.
 *
 * @throws ConnectorError `pki/malformed`
 */
export function parseCrlDistributionPoints(valueDer: Uint8Array): string[] {
  const sequence = checkedTag(parseElement(valueDer), TAG.sequence, 'cRLDistributionPoints')
  return sequence.children.flatMap((point) => {
    const name = findChild(point, 0xa0)
    const fullName = name === undefined ? undefined : findChild(name, 0xa0)
    return (fullName?.children ?? []).map(findUrl).filter((url) => url !== undefined)
  })
}

function findUrl(name: DerElement | undefined): string | undefined {
  return name?.tag === 0x86 ? findTextAs(TAG.ia5String, name) : undefined
}

/**
 * Microsoft's SID extension (strong mapping, KB5014754), not critical. The caller has verified that the SID belongs to
 * the subject.
 *
 * @param sid `S-1-5-…`, ASCII
 */
export function encodeSidExtension(sid: string): Extension {
  const value = encodeOctetString(encodeAscii(sid))
  const valueDer = encodeElement(TAG.sequence, encodeOtherName(OID.ntdsObjectSid, value))
  return { oid: OID.ntdsCaSecurity, critical: false, valueDer }
}

/**
 * The SID inside Microsoft's SID extension; undefined when it holds none.
 *
 * @throws ConnectorError `pki/malformed`
 */
export function parseSidExtension(valueDer: Uint8Array): string | undefined {
  const sequence = checkedTag(parseElement(valueDer), TAG.sequence, 'SID extension')
  for (const name of sequence.children) {
    const [type, explicit] = name.children
    const value = explicit?.children[0]
    if (type === undefined || value === undefined || parseOid(type) !== OID.ntdsObjectSid) continue
    return Buffer.from(parseOctets(value, 'SID')).toString('latin1')
  }
  return undefined
}
