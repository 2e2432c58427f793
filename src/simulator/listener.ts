import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ConnectorError } from '../kernel/index.ts'

/** Which option a listener was made from, for its error text. */
export interface ListenerName {
  readonly option: 'httpsPort' | 'controlPort'
  readonly host: string
  readonly port: number
}

/**
 * Starts listening.
 *
 * @returns the port taken, which differs from the one asked for when that was 0
 * @throws ConnectorError `config/invalid` the port is taken, forbidden or not on this host; the text names the remedy
 */
export function listen(server: Server, name: ListenerName): Promise<number> {
  return new Promise((resolve, reject) => {
    const refuse = (cause: unknown): void => reject(explain(cause, name))
    server.once('error', refuse)
    try {
      server.listen(name.port, name.host, () => {
        server.off('error', refuse)
        // A TCP listener's address is never a string (that is a pipe) and never null once it listens.
        resolve((server.address() as AddressInfo).port)
      })
    } catch (cause) {
      refuse(cause)
    }
  })
}

/** Stops listening and drops every connection, also those that a time-out fault holds open. Closing twice is harmless. */
export async function closeListener(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    // The only error is "not running", which is what was wanted.
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

function explain(cause: unknown, { option, host, port }: ListenerName): ConnectorError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error'
  return new ConnectorError(
    'config/invalid',
    `simulator ${option}: cannot listen on ${host} port ${port} (${code}). ${remedyFor(code)}`,
    { cause },
  )
}

function remedyFor(code: string): string {
  if (code === 'EADDRINUSE')
    return 'Stop the process that uses it, choose another port, or 0 for any.'
  if (code === 'EACCES') return 'Choose a port above 1023, or 0 for any.'
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return 'Choose a host address of this machine, such as 127.0.0.1.'
  }
  return 'Choose a port from 1 to 65535, or 0 for any.'
}
