import { ConnectorError } from '../kernel/index.ts'
import { parseElement } from './der-reader.ts'
import {
  encodeIa5String,
  encodeOid,
  encodePrintableString,
  encodeSequence,
  encodeSetOf,
  encodeUtf8String,
} from './der-writer.ts'
import { OID } from './oids.ts'

const MAX_TEXT = 4096
const MAX_ATTRIBUTES = 64

/** Short names that are read, in upper case: RFC 4514, those of RFC 4519, and what Microsoft's profiles write. */
const types: ReadonlyMap<string, string> = new Map([
  ['CN', OID.commonName],
  ['L', OID.localityName],
  ['ST', OID.stateOrProvinceName],
  ['S', OID.stateOrProvinceName],
  ['O', OID.organizationName],
  ['OU', OID.organizationalUnitName],
  ['C', OID.countryName],
  ['STREET', OID.streetAddress],
  ['DC', OID.domainComponent],
  ['UID', OID.userId],
  ['SERIALNUMBER', OID.serialNumber],
  ['GIVENNAME', OID.givenName],
  ['G', OID.givenName],
  ['SN', OID.surname],
  ['TITLE', OID.title],
  ['T', OID.title],
  ['E', OID.emailAddress],
  ['EMAIL', OID.emailAddress],
  ['EMAILADDRESS', OID.emailAddress],
])

/** One attribute that was read; `value` is text, or the DER of a value that was written as `#` and hexadecimal. */
interface NamedValue {
  readonly type: string
  readonly value: string | Uint8Array
}

/**
 * DER of a Name from its RFC 4514 text, the first part of the text last. Escapes and parts of several attributes
 * (`CN=a+UID=b`) are read as the RFC has them; so are attribute types as OID, values as `#` and hexadecimal, and space
 * around separators.
 *
 * @throws ConnectorError `pki/malformed` not such text, empty, an unknown type, an empty value, control characters, a value
 *   that its type cannot hold, or a variable (`{{…}}`) that nobody has resolved
 * @see RFC 4514, section 3
 */
export function encodeNameText(text: string): Uint8Array {
  if (text.length > MAX_TEXT) throw malformed(`it has more than ${MAX_TEXT} characters`)
  if (/\{\{|\}\}/.test(text)) throw malformed('it has a variable that was not resolved')
  const parts = parseParts(text)
  if (parts.flat().length > MAX_ATTRIBUTES)
    throw malformed(`it has more than ${MAX_ATTRIBUTES} attributes`)
  return encodeSequence(
    ...parts
      .toReversed()
      .map((part) =>
        encodeSetOf(
          ...part.map(({ type, value }) =>
            encodeSequence(encodeOid(type), encodeValue(type, value)),
          ),
        ),
      ),
  )
}

/** Parts in the order of the text. */
function parseParts(text: string): readonly (readonly NamedValue[])[] {
  const parts: NamedValue[][] = [[]]
  for (let at = 0; ; ) {
    const equals = text.indexOf('=', at)
    if (equals < 0) throw malformed(`'${shorten(text.slice(at))}' is no attribute=value`)
    const type = parseType(text.slice(at, equals).trim())
    const { value, end } = parseValue(text, equals + 1)
    parts.at(-1)?.push({ type, value })
    const separator = text[end]
    if (separator === undefined) return parts
    if (separator === ',') parts.push([])
    at = end + 1
  }
}

function parseType(text: string): string {
  const named = types.get(text.toUpperCase())
  if (named !== undefined) return named
  const oid = text.replace(/^oid\./i, '')
  if (/^[0-2](\.(0|[1-9]\d{0,9})){1,15}$/.test(oid)) return oid
  throw malformed(`attribute type '${shorten(text)}' is not known; write it as its OID`)
}

function parseValue(text: string, start: number): { value: string | Uint8Array; end: number } {
  let at = start
  while (text[at] === ' ') at++
  if (text[at] === '#') return parseHexValue(text, at)
  const octets: number[] = []
  // Space at the end is not of the value, unless it is escaped.
  let length = 0
  for (; at < text.length && text[at] !== ',' && text[at] !== '+'; ) {
    const character = String.fromCodePoint(text.codePointAt(at) ?? 0)
    if (character === '\\') {
      const pair = /^[0-9a-f]{2}/i.exec(text.slice(at + 1))?.[0]
      const escaped = text[at + 1]
      if (pair !== undefined) octets.push(Number.parseInt(pair, 16))
      else if (escaped !== undefined && ' "#+,;<=>\\'.includes(escaped))
        octets.push(escaped.charCodeAt(0))
      else throw malformed('it has a backslash before something that is not escaped')
      at += pair === undefined ? 2 : 3
      length = octets.length
      continue
    }
    if ('";<>\0'.includes(character))
      throw malformed(`it has ${JSON.stringify(character)} without a backslash`)
    octets.push(...Buffer.from(character, 'utf8'))
    at += character.length
    if (character !== ' ') length = octets.length
  }
  return { value: decode(octets.slice(0, length)), end: at }
}

function parseHexValue(text: string, start: number): { value: Uint8Array; end: number } {
  const hex = /^#((?:[0-9a-f]{2})+)\s*(?=[,+]|$)/i.exec(text.slice(start))
  if (hex === null) throw malformed('it has a # that is not followed by hexadecimal pairs')
  const value = Uint8Array.from(Buffer.from(hex[1] ?? '', 'hex'))
  parseElement(value)
  return { value, end: start + hex[0].length }
}

function decode(octets: readonly number[]): string {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
      Uint8Array.from(octets),
    )
  } catch {
    throw malformed('its escapes are no UTF-8')
  }
  if (text === '') throw malformed('it has an attribute without a value')
  if (/[\p{Cc}\p{Cs}]/u.test(text)) throw malformed('it has a control character')
  return text
}

/** RFC 5280, appendix A.1 fixes the string type of some attributes; the others are UTF8String. */
function encodeValue(type: string, value: string | Uint8Array): Uint8Array {
  if (typeof value !== 'string') return value
  switch (type) {
    case OID.countryName:
      if (!/^[A-Za-z]{2}$/.test(value)) throw malformed('its country is not two letters')
      return encodePrintableString(value)
    case OID.serialNumber:
      if (!/^[A-Za-z0-9 '()+,\-./:=?]*$/.test(value))
        throw malformed('its serialNumber has characters beyond PrintableString')
      return encodePrintableString(value)
    case OID.domainComponent:
    case OID.emailAddress:
      if (!/^[ -~]*$/.test(value)) throw malformed('a value that must be ASCII is not')
      return encodeIa5String(value)
    default:
      return encodeUtf8String(value)
  }
}

function shorten(text: string): string {
  return text.slice(0, 40).replaceAll(/\p{C}/gu, '?')
}

function malformed(reason: string): ConnectorError {
  return new ConnectorError('pki/malformed', `the name cannot be read: ${reason}`)
}
