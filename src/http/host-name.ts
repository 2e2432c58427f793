import { isIP } from 'node:net'

/**
 * Whether a Host header is one under which this listener can rightly be asked for: an address, a name of this machine,
 * a name without a dot (a container, a machine of the same network), or one that the administrator listed.
 *
 * A web page cannot ask across origins, but its author can let his own name point to an inside address afterwards (DNS
 * rebinding); the browser then sends that name. Programs without a Host header are no browsers.
 *
 * @param host as received, with or without a port
 * @param listed names in lower case
 */
export function isOwnHost(host: string | undefined, listed: readonly string[]): boolean {
  if (host === undefined || host === '') return true
  const bracketed = /^\[([^\]]*)\](?::\d*)?$/.exec(host)
  if (bracketed !== null) return isIP(bracketed[1] ?? '') === 6
  const name = host.replace(/:\d*$/, '').replace(/\.$/, '').toLowerCase()
  if (isIP(name) !== 0 || name.endsWith('.localhost')) return true
  return /^[a-z0-9_-]+$/.test(name) || listed.includes(name)
}
