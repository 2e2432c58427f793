/** One attribute of a name: the type as dotted OID, the value as text. */
export interface NameAttribute {
  readonly typeOid: string
  readonly value: string
}

/** Keywords of RFC 4514, section 3, and those that Windows writes. */
const keywordOids: Readonly<Record<string, string>> = {
  CN: '2.5.4.3',
  SN: '2.5.4.4',
  SERIALNUMBER: '2.5.4.5',
  C: '2.5.4.6',
  L: '2.5.4.7',
  ST: '2.5.4.8',
  S: '2.5.4.8',
  STREET: '2.5.4.9',
  O: '2.5.4.10',
  OU: '2.5.4.11',
  T: '2.5.4.12',
  TITLE: '2.5.4.12',
  G: '2.5.4.42',
  GN: '2.5.4.42',
  GIVENNAME: '2.5.4.42',
  I: '2.5.4.43',
  INITIALS: '2.5.4.43',
  DC: '0.9.2342.19200300.100.1.25',
  UID: '0.9.2342.19200300.100.1.1',
  E: '1.2.840.113549.1.9.1',
  EMAIL: '1.2.840.113549.1.9.1',
  EMAILADDRESS: '1.2.840.113549.1.9.1',
}

/**
 * Reads a distinguished name in RFC 4514 text, with the escapes of section 2.4. Hexadecimal `#` values are not read.
 *
 * @returns the attributes in order, or a sentence that says what is wrong
 */
export function parseDistinguishedName(text: string): NameAttribute[] | string {
  if (text.trim() === '') return []
  const attributes: NameAttribute[] = []
  for (const part of splitUnescaped(text)) {
    const equals = part.indexOf('=')
    if (equals < 0) return `"${part.trim()}" is not type=value`
    const keyword = part.slice(0, equals).trim()
    const typeOid = /^\d+(\.\d+)+$/.test(keyword) ? keyword : keywordOids[keyword.toUpperCase()]
    if (typeOid === undefined) return `attribute type "${keyword}" is not known; write its OID`
    const value = unescapeValue(part.slice(equals + 1))
    if (value === undefined) return `the value of "${keyword}" has an escape that cannot be read`
    attributes.push({ typeOid, value })
  }
  return attributes
}

/**
 * Whether two names have the same attributes with exactly the same values. The order is not compared, because clients
 * encode the same text in either direction.
 */
export function isSameName(a: readonly NameAttribute[], b: readonly NameAttribute[]): boolean {
  const [left, right] = [a, b].map((name) =>
    name.map(({ typeOid, value }) => `${typeOid}=${value}`).sort(),
  )
  return JSON.stringify(left) === JSON.stringify(right)
}

/** Splits at the commas, semicolons and plus signs between attributes. */
function splitUnescaped(text: string): string[] {
  const parts: string[] = []
  let start = 0
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (',;+'.includes(text[at] ?? '')) {
      parts.push(text.slice(start, at))
      start = at + 1
    }
  }
  return [...parts, text.slice(start)]
}

function unescapeValue(raw: string): string | undefined {
  // Spaces around a value are layout, except one that is escaped.
  const trimmed = raw.replace(/^ +/, '').replace(/(?<!\\) +$/, '')
  const octets: Buffer[] = []
  for (let at = 0; at < trimmed.length; ) {
    const hex = /^\\([0-9a-fA-F]{2})/.exec(trimmed.slice(at, at + 3))?.[1]
    if (hex !== undefined) {
      octets.push(Buffer.from(hex, 'hex'))
      at += 3
      continue
    }
    if (trimmed[at] === '\\') at++
    const character = String.fromCodePoint(trimmed.codePointAt(at) ?? 0)
    if (at >= trimmed.length) return undefined
    octets.push(Buffer.from(character, 'utf8'))
    at += character.length
  }
  return Buffer.concat(octets).toString('utf8')
}
