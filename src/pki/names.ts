import { toHex } from '../kernel/index.ts'
import {
  checkedTag,
  type DerElement,
  getChild,
  malformed,
  parseElement,
  TAG,
} from './der-reader.ts'
import { findText } from './der-text.ts'
import { parseOid } from './der-values.ts'
import {
  encodeIa5String,
  encodeOid,
  encodePrintableString,
  encodeSequence,
  encodeSetOf,
  encodeUtf8String,
} from './der-writer.ts'
import { OID } from './oids.ts'

/** Short names of RFC 4514, section 3, and those of RFC 4519 that certificates use. Others are written as dotted OID. */
const shortNames: ReadonlyMap<string, string> = new Map([
  [OID.commonName, 'CN'],
  [OID.localityName, 'L'],
  [OID.stateOrProvinceName, 'ST'],
  [OID.organizationName, 'O'],
  [OID.organizationalUnitName, 'OU'],
  [OID.countryName, 'C'],
  [OID.streetAddress, 'STREET'],
  [OID.domainComponent, 'DC'],
  [OID.userId, 'UID'],
  [OID.serialNumber, 'serialNumber'],
  [OID.givenName, 'givenName'],
  [OID.surname, 'SN'],
  [OID.title, 'title'],
  [OID.emailAddress, 'emailAddress'],
])

/**
 * A Name as RFC 4514 text, most specific part first.
 *
 * For people and logs. Control characters and marks that turn the writing direction are escaped, so that a hostile
 * subject can neither break a log line nor look like another one. Values that are no text appear as `#` and hexadecimal.
 *
 * @throws ConnectorError `pki/malformed` the bytes are no Name
 * @see RFC 4514, section 2
 */
export function parseName(nameDer: Uint8Array): string {
  return readName(parseElement(nameDer))
}

/** `parseName` for an element that has been read already. */
export function readName(name: DerElement): string {
  checkedTag(name, TAG.sequence, 'name')
  const parts: string[] = []
  for (let i = name.children.length - 1; i >= 0; i--) {
    const rdn = getChild(name, i, TAG.set, 'relative distinguished name')
    if (rdn.children.length === 0) throw malformed('relative distinguished name is empty')
    parts.push(rdn.children.map(readAttribute).join('+'))
  }
  return parts.join(',')
}

function readAttribute(attribute: DerElement): string {
  checkedTag(attribute, TAG.sequence, 'attribute of a name')
  const [type, value] = attribute.children
  if (type === undefined || value === undefined || attribute.children.length !== 2) {
    throw malformed('attribute of a name is not a type and a value')
  }
  const oid = parseOid(type, 'attribute type of a name')
  const shortName = shortNames.get(oid)
  const text = shortName === undefined ? undefined : findText(value)
  return text === undefined
    ? `${shortName ?? oid}=#${toHex(value.der)}`
    : `${shortName}=${escapeValue(text)}`
}

/** Everything that means something to RFC 4514, to a terminal or to a log reader. */
const special =
  // oxlint-disable-next-line no-control-regex -- these are the characters that must not get through
  /^[ #]|[ ]$|["+,;<>\\]|[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|\p{Cs}/gu

function escapeValue(text: string): string {
  return text.replaceAll(special, (found) =>
    found.length === 1 && found >= ' ' && found <= '~' ? `\\${found}` : escapeOctets(found),
  )
}

function escapeOctets(text: string): string {
  return Buffer.from(text, 'utf8').toString('hex').toUpperCase().replaceAll(/../g, String.raw`\$&`)
}

/**
 * The values of one attribute type in a Name, as text, in the order of the encoding; values that are no text are left out.
 */
export function findNameValues(nameDer: Uint8Array, typeOid: string): string[] {
  const values: string[] = []
  for (const rdn of parseElement(nameDer).children) {
    for (const { children } of rdn.children) {
      const [type, value] = children
      if (type === undefined || value === undefined || parseOid(type) !== typeOid) continue
      const text = findText(value)
      if (text !== undefined) values.push(text)
    }
  }
  return values
}

/**
 * DER of a Name from pairs of attribute type and value, most general first. One attribute a part; UTF8String where
 * RFC 5280 leaves the choice.
 */
export function encodeName(
  attributes: readonly { readonly oid: string; readonly value: string }[],
): Uint8Array {
  return encodeSequence(
    ...attributes.map(({ oid, value }) =>
      encodeSetOf(encodeSequence(encodeOid(oid), encodeAttributeValue(oid, value))),
    ),
  )
}

/** RFC 5280, appendix A.1 fixes the string type of some attributes. */
function encodeAttributeValue(oid: string, value: string): Uint8Array {
  switch (oid) {
    case OID.countryName:
    case OID.serialNumber:
      return encodePrintableString(value)
    case OID.domainComponent:
    case OID.emailAddress:
      return encodeIa5String(value)
    default:
      return encodeUtf8String(value)
  }
}
