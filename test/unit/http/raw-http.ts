import { connect } from 'node:net'

/** An HTTP reply as it came over the wire. */
export interface RawReply {
  readonly statusLine: string
  readonly status: number
  /** Names in lower case; the last one wins. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/**
 * Sends bytes that no HTTP library would send and reads until the reply is complete by its Content-Length, or the
 * server ends the connection. Rejects when there was no reply.
 */
export function exchange(port: number, request: string | Uint8Array): Promise<RawReply> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(request))
    let received = Buffer.alloc(0)
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      const reply = parseReply(received)
      if (reply === undefined || !isComplete(reply)) return
      resolve(reply)
      socket.destroy()
    })
    socket.on('error', reject)
    socket.on('close', () => {
      const reply = parseReply(received)
      if (reply === undefined) reject(new Error('the connection ended without a reply'))
      else resolve(reply)
    })
  })
}

function parseReply(bytes: Buffer): RawReply | undefined {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [statusLine = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n')
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    }),
  )
  return {
    statusLine,
    status: Number(statusLine.split(' ')[1]),
    headers,
    body: bytes.subarray(end + 4),
  }
}

function isComplete(reply: RawReply): boolean {
  const length = reply.headers['content-length']
  return length !== undefined && reply.body.byteLength >= Number(length)
}
