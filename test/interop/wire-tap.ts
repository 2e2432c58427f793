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
  /** Where bytes go from now on, those of connections that waited too. */
  forwardTo(url: string): void
  /** Lets new connections wait for the next `forwardTo`: many a client gives up where nobody listens for a moment. */
  hold(): void
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
  let target = Promise.withResolvers<URL>()
  let recorded: Buffer[][] = []
  const open = new Set<Socket>()

  function relay(client: Socket, { port, hostname }: URL): void {
    const connector = connect(Number(port), hostname)
    const sent: Buffer[] = []
    recorded.push(sent)
    client.on('data', (chunk) => sent.push(chunk))
    open.add(connector)
    connector.on('close', () => open.delete(connector))
    for (const [socket, other] of [
      [client, connector],
      [connector, client],
    ] as const) {
      socket.pipe(other)
      // A client that drops its connection is its own matter; both ends go together.
      socket.on('error', () => other.destroy())
    }
  }

  const server = createServer((client) => {
    open.add(client)
    client.on('error', () => client.destroy())
    client.on('close', () => open.delete(client))
    void target.promise.then((url) => relay(client, url))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo

  return {
    url: `http://127.0.0.1:${port}`,
    forwardTo(url) {
      target.resolve(new URL(url))
      target = Promise.withResolvers()
      target.resolve(new URL(url))
    },
    hold() {
      target = Promise.withResolvers()
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
