import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** One PKIOperation as it crossed the wire. */
export interface TappedMessage {
  readonly method: 'GET' | 'POST'
  /** The pkiMessage, BER or DER as the client wrote it. */
  readonly messageDer: Buffer
}

/** A listener between clients and the connector that changes no byte and remembers what clients sent. */
export interface WireTap {
  /** Base URL for clients; known before the connector runs, so that its certificates can point here. */
  readonly url: string
  /** Where bytes go from now on. */
  forwardTo(url: string): void
  /** Every PKIOperation since the last call, oldest first. */
  take(): readonly TappedMessage[]
  close(): Promise<void>
}

/**
 * Opens a tap on a free loopback port.
 *
 * It relays TCP and not HTTP, so that the connector meets each client's own spelling of HTTP: an empty Content-Type, a
 * request without Host, the client's percent-escapes.
 */
export async function openWireTap(): Promise<WireTap> {
  let target: URL | undefined
  let recorded: Buffer[][] = []
  const open = new Set<Socket>()

  const server = createServer((client) => {
    const sent: Buffer[] = []
    recorded.push(sent)
    client.on('data', (chunk) => sent.push(chunk))
    const connector = connect(Number(target?.port), target?.hostname)
    for (const [socket, other] of [
      [client, connector],
      [connector, client],
    ] as const) {
      open.add(socket)
      socket.pipe(other)
      // A client that drops its connection is its own matter; both ends go together.
      socket.on('error', () => other.destroy())
      socket.on('close', () => open.delete(socket))
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo

  return {
    url: `http://127.0.0.1:${port}`,
    forwardTo(url) {
      target = new URL(url)
    },
    take() {
      const taken = recorded.flatMap((sent) => parseOperations(Buffer.concat(sent)))
      recorded = []
      return taken
    },
    async close() {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** PKIOperations among the HTTP requests of one connection. Bodies are framed by Content-Length, as all clients here do. */
function parseOperations(sent: Buffer): TappedMessage[] {
  const found: TappedMessage[] = []
  for (let rest = sent; rest.length > 0; ) {
    const headEnd = rest.indexOf('\r\n\r\n')
    if (headEnd < 0) break
    const head = rest.subarray(0, headEnd).toString('latin1')
    const bodyStart = headEnd + 4
    const bodyEnd = bodyStart + Number(/^content-length:\s*(\d+)/im.exec(head)?.[1] ?? 0)
    const [method, path = ''] = head.split(' ', 2)
    if (path.includes('operation=PKIOperation')) {
      if (method === 'POST')
        found.push({ method, messageDer: Buffer.from(rest.subarray(bodyStart, bodyEnd)) })
      else {
        const message = decodeURIComponent(/[?&]message=([^&]*)/.exec(path)?.[1] ?? '')
        found.push({ method: 'GET', messageDer: Buffer.from(message, 'base64') })
      }
    }
    rest = rest.subarray(bodyEnd)
  }
  return found
}
