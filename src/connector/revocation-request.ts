/**
 * The serial numbers that a text may mean, as the register writes them: upper-case hexadecimal, two digits an octet. What
 * comes back is what somebody reported, and nothing is defined: with `0x`, colons, spaces or leading zeros, or decimal.
 *
 * @returns the likeliest first; empty when it is no number
 * @see intune-api.md, 4.4
 */
export function listSerialForms(text: string): readonly string[] {
  const digits = text.trim().replace(/^0x/i, '').replaceAll(/[\s:]/g, '')
  if (!/^[0-9a-f]{1,128}$/i.test(digits)) return []
  const asHex = padOctets(digits)
  if (!/^\d+$/.test(digits)) return [asHex]
  const fromDecimal = padOctets(BigInt(digits).toString(16))
  return asHex === fromDecimal ? [asHex] : [asHex, fromDecimal]
}

function padOctets(hex: string): string {
  const short = hex.toUpperCase().replace(/^0+(?=.)/, '')
  return short.length % 2 === 0 ? short : `0${short}`
}

/**
 * Whether two texts of RFC 4514 name the same: in any case, spacing and order of their parts, since services rewrite all
 * three. Good enough to tell whose a request is, never to trust a certificate.
 */
export function isSameNameText(a: string, b: string): boolean {
  const [left, right] = [a, b].map(listParts)
  return left !== undefined && left.length > 0 && left.join('\n') === right?.join('\n')
}

function listParts(name: string): readonly string[] {
  return (name.toLowerCase().match(/(?:\\.|[^\\,;])+/gs) ?? [])
    .map((part) => part.replace('=', ' = ').replaceAll(/\s+/g, ' ').trim())
    .filter((part) => part !== '')
    .sort()
}
