/**
 * Decodes `%XX`, and `+` to a space where a form would. Octets that are no UTF-8 become U+FFFD; a broken escape stays
 * as it is: this reads what devices send, and refuses nothing.
 */
export function parsePercentText(text: string, hasFormSpaces = false): string {
  const spaced = hasFormSpaces ? text.replaceAll('+', ' ') : text
  if (!spaced.includes('%')) return spaced
  return spaced.replaceAll(/(?:%[0-9a-f]{2})+/gi, (escapes) =>
    Buffer.from(escapes.replaceAll('%', ''), 'hex').toString('utf8'),
  )
}
