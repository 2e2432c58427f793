import { isIPv4, isIPv6 } from 'node:net'

/**
 * The 4 or 16 octets of an IP address in text, as a subjectAltName holds them.
 *
 * @returns no octets at all for text that is not an address
 */
export function octetsOfIp(text: string): Uint8Array {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number)
  if (!isIPv6(text) || text.includes('%')) return new Uint8Array()
  // The URL parser writes every address in the one short form without a dotted tail.
  const groups = new URL(`http://[${text}]`).hostname.slice(1, -1)
  const [head = '', tail] = groups.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0')
  return Uint8Array.from(
    [...left, ...zeros, ...right].flatMap((group) => {
      const value = Number.parseInt(group, 16)
      return [value >> 8, value & 0xff]
    }),
  )
}
