import { isIP } from 'node:net'

/**
 * The address that a request came from, as proxies tell it. Some append a port (`192.0.2.1:4711`, `[2001:db8::1]:4711`);
 * what is no address at all gives way to the address of the connection, which nobody can invent.
 *
 * @param forwarded Express's `req.ip`: taken from X-Forwarded-For only where the trust setting allows it
 */
export function parseSource(forwarded: string | undefined, peer: string | undefined): string {
  for (const text of [forwarded, peer]) {
    if (text === undefined) continue
    const bare = /^\[([0-9A-Fa-f:.]+)\](?::\d+)?$/.exec(text) ?? /^([\d.]+):\d+$/.exec(text)
    const address = (bare?.[1] ?? text).replace(/^::ffff:(?=\d+\.)/i, '')
    if (isIP(address) !== 0) return address
  }
  return 'unknown'
}

/**
 * Who is one source for a limit: an IPv4 address, or an IPv6 network of 64 bits, which any single host can fill with
 * addresses of its own.
 */
export function parseNetwork(address: string): string {
  if (isIP(address) !== 6) return address
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  // An embedded IPv4 address stands for two groups, and always at the end.
  const rightGroups = right.length + (right.at(-1)?.includes('.') === true ? 1 : 0)
  const missing = tail === undefined ? 0 : 8 - left.length - rightGroups
  const groups = [...left, ...Array.from({ length: Math.max(0, missing) }, () => '0'), ...right]
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}
