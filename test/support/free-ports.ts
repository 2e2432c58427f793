import { createServer } from 'node:net'

/** Ports of loopback that nobody uses now; different ones, because they are held until all are known. */
export async function findFreePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      return server
    }),
  )
  return await Promise.all(
    servers.map(async (server) => {
      const address = server.address()
      await new Promise<void>((resolve) => server.close(() => resolve()))
      return typeof address === 'object' && address !== null ? address.port : 0
    }),
  )
}
