import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'

/** A tiny HTTP proxy that only speaks CONNECT. */
export interface ConnectProxy extends AsyncDisposable {
  readonly url: string
  /** Targets of the tunnels that were opened, `host:port`. */
  readonly tunnels: readonly string[]
  /** Header `Proxy-Authorization` of every CONNECT, refused ones too. */
  readonly credentials: readonly (string | undefined)[]
}

/** Starts the proxy on a free port of 127.0.0.1. With `wanted` it answers 407 to every other `Proxy-Authorization`. */
export async function startConnectProxy(wanted?: string): Promise<ConnectProxy> {
  const tunnels: string[] = []
  const credentials: (string | undefined)[] = []
  const sockets = new Set<Socket>()
  const server = createServer((_request, response) => response.writeHead(405).end())
  server.on('connection', (socket: Socket) => sockets.add(socket))
  server.on('connect', (request, client: Socket) => {
    const given = request.headers['proxy-authorization']
    credentials.push(given)
    if (wanted !== undefined && given !== wanted) {
      client.end('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n')
      return
    }
    const target = new URL(`http://${request.url}`)
    tunnels.push(request.url ?? '')
    const upstream = connect(Number(target.port), target.hostname, () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      upstream.pipe(client)
      client.pipe(upstream)
    })
    sockets.add(upstream)
    upstream.on('error', () => client.destroy())
    client.on('error', () => upstream.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    tunnels,
    credentials,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
