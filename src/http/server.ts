import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Logger } from 'pino'
import { ConnectorError, describeError } from '../kernel/index.ts'
import { deliverText } from './reply.ts'

export interface ServerOptions {
  /** Section of the configuration that host and port stand in, for messages. */
  readonly key?: string
  /** Address or name to listen on. */
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
  /** Absent: plain HTTP. */
  readonly tls?: TlsMaterial
  /** Where lost connections are told. Default: as warnings of the process. */
  readonly logger?: Logger
  /** Connections at a time; more are closed at once. Default 1,024. */
  readonly maxConnections?: number
  /** Until the headers are there, in milliseconds. Default 15,000, and never more than for the whole request. */
  readonly headersTimeoutMs?: number
  /** Until the whole request is there, in milliseconds. Default 30,000. */
  readonly requestTimeoutMs?: number
  /** How long an idle connection stays open, in milliseconds. Default 5,000. */
  readonly keepAliveTimeoutMs?: number
  /**
   * Longest silence on a connection while it is served, in milliseconds: neither does an answer come about nor is one read.
   * Default 180,000, more than the longest enrolment.
   */
  readonly silenceTimeoutMs?: number
  /** How long `stop` waits for requests that run, in milliseconds. Default 25,000. */
  readonly stopTimeoutMs?: number
}

/** Key and certificate of a TLS listener. Memory only. */
export interface TlsMaterial {
  /** Certificate, then its issuers. */
  readonly certificatesPem: string
  /** PKCS#8, not encrypted. */
  readonly keyPem: string
}

/** A listener that runs. */
export interface RunningServer {
  /** With the port that was really taken. */
  readonly url: string
  readonly port: number
  /** Requests that have no answer yet. */
  running(): number
  /** Takes over a renewed certificate for new connections. Nothing on a plain listener. */
  updateTls(tls: TlsMaterial): void
  /** Takes no new connections, lets running requests finish, then closes. Resolves when the port is free. Twice is fine. */
  stop(): Promise<void>
}

/** For how long a connection whose request was broken off stays open, so that its sender can read why. */
const partingMs = 500

/** Room for a request line of 65,534 octets, and headers (REQ-59, 60). */
const maxHeaderBytes = 131_072

/**
 * Listens, and serves old and odd clients: HTTP/1.0, no Host header (REQ-13, 14), long request lines. Slow senders lose
 * their connection. Never asks for a client certificate: macOS would present the one being renewed (REQ-18).
 *
 * @throws ConnectorError `config/invalid` the address cannot be listened on; the message says which and why
 * @throws ConnectorError `key/unreadable` certificate and key do not fit or cannot be read
 */
export async function startServer(
  listener: RequestListener,
  options: ServerOptions,
): Promise<RunningServer> {
  const server = buildServer(listener, options)
  server.maxConnections = options.maxConnections ?? 1_024
  server.on('clientError', answerBrokenRequest)
  server.on('checkExpectation', answerUnmetExpectation)
  // Ends readers that do not read. Whoever sends slowly is ended by the times for a request.
  server.setTimeout(options.silenceTimeoutMs ?? 180_000)
  const flow = watchFlow(server)
  const port = await listen(server, options)
  watchLostConnections(server, port, options.logger)
  const scheme = options.tls === undefined ? 'http' : 'https'
  const host = options.host.includes(':') ? `[${options.host}]` : options.host
  let stopped: Promise<void> | undefined

  return {
    url: `${scheme}://${host}:${port}`,
    port,
    running: () => flow.running(),
    updateTls(tls) {
      if ('setSecureContext' in server) server.setSecureContext(secureContextOf(tls))
    },
    stop() {
      stopped ??= stop(server, flow, options.stopTimeoutMs ?? 25_000)
      return stopped
    },
  }
}

function buildServer(listener: RequestListener, options: ServerOptions): Server | TlsServer {
  const requestTimeout = options.requestTimeoutMs ?? 30_000
  // Node refuses a time for headers that is longer than that for all.
  const headersTimeout = Math.min(options.headersTimeoutMs ?? 15_000, requestTimeout)
  const common = {
    maxHeaderSize: maxHeaderBytes,
    requireHostHeader: false,
    headersTimeout,
    requestTimeout,
    keepAliveTimeout: options.keepAliveTimeoutMs ?? 5_000,
    // A deadline is kept to within this.
    connectionsCheckingInterval: Math.min(1_000, headersTimeout),
  }
  if (options.tls === undefined) return createServer(common, listener)
  try {
    return createTlsServer(
      { ...common, ...secureContextOf(options.tls), requestCert: false },
      listener,
    )
  } catch (cause) {
    throw new ConnectorError(
      'key/unreadable',
      `the TLS certificate and key for ${options.host}:${options.port} do not fit together or are no PEM`,
      { cause },
    )
  }
}

function secureContextOf(tls: TlsMaterial) {
  return { cert: tls.certificatesPem, key: tls.keyPem, minVersion: 'TLSv1.2' as const }
}

function listen(server: Server | TlsServer, { key, host, port }: ServerOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException) => {
      const why = explainListenError(cause.code ?? 'unknown error')
      const where = key === undefined ? '' : `${key}: `
      const message = `${where}cannot listen on ${host}:${port}: ${why}`
      reject(new ConnectorError('config/invalid', message, { cause }))
    }
    server.once('error', fail)
    server.listen(port, host, () => {
      server.off('error', fail)
      const address = server.address() as AddressInfo
      resolve(address.port)
    })
  })
}

function explainListenError(code: string): string {
  switch (code) {
    case 'EADDRINUSE':
      return 'another program uses this port; stop it or choose another port'
    case 'EACCES':
      return 'ports below 1024 need a privilege; choose a higher port'
    case 'EADDRNOTAVAIL':
      return 'this machine does not have the address; use one of its own or 0.0.0.0'
    case 'ENOTFOUND':
      return 'the host name is unknown'
    default:
      return code
  }
}

/** Too many connections, or too many open files: one connection is lost, the listener goes on. */
function watchLostConnections(server: Server | TlsServer, port: number, logger?: Logger): void {
  function tell(reason: string): void {
    const text = 'a connection was not accepted'
    if (logger === undefined) process.emitWarning(`${text} on port ${port}: ${reason}`)
    else logger.warn({ port, reason }, text)
  }
  server.on('error', (error) => tell(describeError(error)))
  server.on('drop', () => tell('too many at a time'))
}

/** Knows what runs, and when stopping ends connections after their answer. */
interface Flow {
  running(): number
  /** Resolves when nothing runs. */
  drain(): Promise<void>
}

function watchFlow(server: Server | TlsServer): Flow {
  let running = 0
  let drained: (() => void) | undefined
  server.prependListener('request', (_req, res) => {
    running += 1
    // While stopping, an answer ends its connection.
    if (drained !== undefined) res.shouldKeepAlive = false
    res.once('close', () => {
      running -= 1
      if (running === 0) drained?.()
    })
  })
  return {
    running: () => running,
    drain: () =>
      new Promise((resolve) => {
        drained = resolve
        if (running === 0) resolve()
      }),
  }
}

async function stop(server: Server | TlsServer, flow: Flow, timeoutMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve())
  })
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs)
  })
  await Promise.race([flow.drain(), tooLate])
  clearTimeout(timer)
  // Answers of requests that finished are with the operating system; what is left is idle, half sent or too late.
  server.closeAllConnections()
  await closed
}

/** Node's own answer would be chunked (REQ-15). */
function answerUnmetExpectation(_req: IncomingMessage, res: ServerResponse): void {
  res.shouldKeepAlive = false
  deliverText(res, 417, 'This expectation cannot be met.\n')
}

/** A request that is no HTTP gets a whole answer, with its length, and the connection ends. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || (socket.bytesWritten > 0 && error.code === 'ECONNRESET')) {
    socket.destroy()
    return
  }
  const [status, sentence] = describeBrokenRequest(error.code ?? '')
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\nContent-Length: ${sentence.length}\r\n` +
      `Cache-Control: no-store\r\nConnection: close\r\n\r\n${sentence}`,
  )
  // Whoever never ends its own side would keep the connection for ever.
  const parting = setTimeout(() => socket.destroy(), partingMs)
  socket.once('close', () => clearTimeout(parting))
}

function describeBrokenRequest(code: string): readonly [string, string] {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return ['431 Request Header Fields Too Large', 'The request line or a header is too long.\n']
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return ['408 Request Timeout', 'The request did not arrive in time.\n']
    default:
      return ['400 Bad Request', 'The request is not HTTP.\n']
  }
}
