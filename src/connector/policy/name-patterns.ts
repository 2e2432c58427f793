import { encodeSequence, encodeSetOf, findText, parseElement, parseName } from '../../pki/index.ts'

/**
 * Whether a text fits a pattern in which `*` stands for any characters, also none. Case does not count. Takes time in
 * proportion to both lengths, whatever they hold.
 */
export function fitsPattern(text: string, pattern: string): boolean {
  const [first = '', ...others] = pattern.toLowerCase().split('*')
  const given = text.toLowerCase()
  if (others.length === 0) return given === first
  if (!given.startsWith(first)) return false
  const last = others.pop() ?? ''
  let at = first.length
  for (const part of others) {
    const found = given.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return given.length - last.length >= at && given.endsWith(last)
}

/** One entry of a list of names that may be issued: `CN=*`, `userPrincipalName=*@example.org`. */
export function fitsEntry(kind: string, value: string, entry: string): boolean {
  const equals = entry.indexOf('=')
  return (
    entry.slice(0, equals).toLowerCase() === kind.toLowerCase() &&
    fitsPattern(value, entry.slice(equals + 1))
  )
}

/**
 * The attributes of a subject with their types as RFC 4514 text has them, an e-mail address as `E`.
 *
 * @param nameDer of a Name that has been read before
 * @returns `undefined` for the value of one that is no text: it fits no pattern
 */
export function listAttributes(
  nameDer: Uint8Array,
): readonly { readonly type: string; readonly value: string | undefined }[] {
  return parseElement(nameDer).children.flatMap((rdn) =>
    rdn.children.map((attribute) => {
      const value = attribute.children[1]
      return {
        type: typeOf(attribute.der),
        value: value === undefined ? undefined : findText(value),
      }
    }),
  )
}

/** What stands before the `=` when a Name of this attribute alone is written. */
function typeOf(attributeDer: Uint8Array): string {
  const text = parseName(encodeSequence(encodeSetOf(attributeDer)))
  const type = text.slice(0, text.indexOf('='))
  return type === 'emailAddress' ? 'E' : type
}
