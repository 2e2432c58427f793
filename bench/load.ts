import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** What came of a round of load. */
export interface LoadResult {
  readonly enrolments: number
  /** Replies that were no CertRep SUCCESS, and connections that broke. */
  readonly failures: number
  /** What the first failures said. */
  readonly complaints: readonly string[]
  readonly elapsedMs: number
  /** From the first octet sent to the last one received, one a reply. */
  readonly latenciesMs: readonly number[]
}

const CONNECTIONS = 16
const HEAD_END = Buffer.from('\r\n\r\n')

/** The attribute pkiStatus with the value SUCCESS, as it stands in a CertRep in DER. */
const PKI_STATUS_SUCCESS = Buffer.from('060a6086480186f8450109033103130130', 'hex')

/**
 * Sends each message once over 16 connections that stay open, each connection one message after the other. Ends when all
 * are answered, or after `maxMs`, when what is under way is finished.
 *
 * Writes prepared octets to sockets and looks only at what it must (length, status, pkiStatus), since it shares the
 * cores with the server that it measures.
 */
export async function sendLoad(
  url: URL,
  messages: readonly Uint8Array[],
  maxMs: number,
): Promise<LoadResult> {
  const packets = messages.map((message) => encodePacket(url, message))
  const latenciesMs: number[] = []
  const complaints: string[] = []
  let failures = 0
  let next = 0
  const startedAt = performance.now()

  async function useConnection(): Promise<void> {
    const socket = connect(Number(url.port), url.hostname)
    socket.setNoDelay(true)
    await once(socket, 'connect')
    const exchange = createExchange(socket)
    try {
      while (next < packets.length && performance.now() - startedAt < maxMs) {
        const packet = packets[next]
        next += 1
        if (packet === undefined) break
        const sentAt = performance.now()
        const complaint = judge(await exchange(packet))
        latenciesMs.push(performance.now() - sentAt)
        if (complaint === undefined) continue
        failures += 1
        if (complaints.length < 3) complaints.push(complaint)
      }
    } catch (error) {
      failures += 1
      complaints.push(String(error))
    } finally {
      socket.destroy()
    }
  }

  await Promise.all(Array.from({ length: CONNECTIONS }, () => useConnection()))
  return {
    enrolments: latenciesMs.length - failures,
    failures,
    complaints,
    elapsedMs: performance.now() - startedAt,
    latenciesMs,
  }
}

function encodePacket(url: URL, message: Uint8Array): Buffer {
  const head =
    `POST ${url.pathname}?operation=PKIOperation HTTP/1.1\r\nHost: ${url.host}\r\n` +
    `Content-Type: application/x-pki-message\r\nContent-Length: ${message.length}\r\n\r\n`
  return Buffer.concat([Buffer.from(head, 'latin1'), message])
}

interface Answer {
  readonly head: string
  readonly body: Buffer
}

/** One request, one answer, on a connection of which nobody else knows. */
function createExchange(socket: Socket): (packet: Buffer) => Promise<Answer> {
  let received: Buffer = Buffer.alloc(0)
  let waiting: PromiseWithResolvers<Answer> | undefined

  socket.on('data', (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
    const headEnd = received.indexOf(HEAD_END)
    if (headEnd < 0) return
    const head = received.toString('latin1', 0, headEnd)
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1])
    const bodyStart = headEnd + HEAD_END.length
    if (received.length < bodyStart + length) return
    const body = received.subarray(bodyStart, bodyStart + length)
    received = received.subarray(bodyStart + length)
    waiting?.resolve({ head, body })
  })
  const fail = (why: string) => waiting?.reject(new Error(why))
  socket.on('error', (error) => fail(error.message))
  socket.on('close', () => fail('the server closed the connection'))

  return async (packet) => {
    waiting = Promise.withResolvers()
    socket.write(packet)
    return await waiting.promise
  }
}

function judge({ head, body }: Answer): string | undefined {
  if (!head.startsWith('HTTP/1.1 200 ')) {
    return `${head.split('\r\n', 1)[0]}: ${body.toString('latin1', 0, 200).trim()}`
  }
  return body.includes(PKI_STATUS_SUCCESS) ? undefined : 'CertRep without pkiStatus SUCCESS'
}
