import { ConnectorError } from '../../kernel/index.ts'
import {
  type Asn1,
  embed,
  encodeAsn1,
  ia5,
  objectId,
  printable,
  sequence,
  setOf,
  utf8,
} from './asn1.ts'
import { OID } from './object-ids.ts'

/** Short names of RFC 4514, section 3, and those that Microsoft prints. */
const ATTRIBUTES: Readonly<Record<string, string>> = {
  CN: OID.commonName,
  SN: '2.5.4.4',
  SERIALNUMBER: OID.serialNumber,
  C: OID.countryName,
  L: '2.5.4.7',
  ST: '2.5.4.8',
  S: '2.5.4.8',
  STREET: '2.5.4.9',
  O: '2.5.4.10',
  OU: '2.5.4.11',
  T: '2.5.4.12',
  TITLE: '2.5.4.12',
  GN: '2.5.4.42',
  G: '2.5.4.42',
  DNQUALIFIER: OID.dnQualifier,
  DC: OID.domainComponent,
  UID: '0.9.2342.19200300.100.1.1',
  E: OID.emailAddress,
  EMAILADDRESS: OID.emailAddress,
}

const PRINTABLE_ONLY: ReadonlySet<string> = new Set([
  OID.countryName,
  OID.serialNumber,
  OID.dnQualifier,
])
const IA5_ONLY: ReadonlySet<string> = new Set([OID.domainComponent, OID.emailAddress])

/**
 * DER of a Name from RFC 4514 text, most specific first: `CN=laptop 7+UID=7,O=Contoso\, Ltd.,C=FR`. Empty text is the
 * empty Name.
 *
 * @throws ConnectorError `config/invalid` names the part that cannot be read
 */
export function encodeDistinguishedName(text: string): Uint8Array {
  const rdns = text.trim() === '' ? [] : splitAtUnescaped(text, ',').reverse()
  const sets = rdns.map((rdn) => setOf(...splitAtUnescaped(rdn, '+').map(encodeAttribute)))
  return encodeAsn1(sequence(...sets))
}

function encodeAttribute(text: string): Asn1 {
  const equals = text.indexOf('=')
  const label = text.slice(0, Math.max(equals, 0)).trim()
  const oid = /^\d+(\.\d+)+$/.test(label) ? label : ATTRIBUTES[label.toUpperCase()]
  if (oid === undefined) {
    throw new ConnectorError(
      'config/invalid',
      `subject: cannot read "${text.trim()}"; write attributes as CN=…, with a short name of RFC 4514 or a dotted OID`,
    )
  }
  const raw = trimUnescaped(text.slice(equals + 1))
  return sequence(objectId(oid), encodeValue(oid, raw))
}

function encodeValue(oid: string, raw: string): Asn1 {
  if (/^#([0-9a-f]{2})+$/i.test(raw)) return embed(Buffer.from(raw.slice(1), 'hex'))
  const value = unescape(raw)
  if (value === '')
    throw new ConnectorError('config/invalid', `subject: attribute ${oid} has no value`)
  if (PRINTABLE_ONLY.has(oid) && /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(value)) return printable(value)
  if (IA5_ONLY.has(oid) && Buffer.from(value).every((octet) => octet < 0x80)) return ia5(value)
  return utf8(value)
}

/** Cuts at each separator that no backslash precedes. */
function splitAtUnescaped(text: string, separator: string): string[] {
  const parts = ['']
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === separator) {
      parts.push('')
      continue
    }
    const width = text[at] === '\\' ? 2 : 1
    parts[parts.length - 1] += text.slice(at, at + width)
    at += width - 1
  }
  return parts
}

/** Outer spaces do not count, except the last one after a backslash. */
function trimUnescaped(text: string): string {
  const start = text.trimStart()
  const end = start.trimEnd()
  return end.endsWith('\\') && start.length > end.length ? `${end} ` : end
}

function unescape(raw: string): string {
  const octets = raw.replaceAll(/(?:\\[0-9a-fA-F]{2})+/g, (pairs) =>
    Buffer.from(pairs.replaceAll('\\', ''), 'hex').toString('utf8'),
  )
  return octets.replaceAll(/\\(.)/gs, '$1')
}
