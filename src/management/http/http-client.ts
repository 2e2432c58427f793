import { getCACertificates } from 'node:tls'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { Agent, type Dispatcher, ProxyAgent, request } from 'undici'
import { ConnectorError } from '../../kernel/index.ts'
import { abortFailure } from './abort.ts'
import type { ProxyOptions } from './proxy-options.ts'

const MAX_BODY_BYTES = 1024 * 1024
const decompress = promisify(gunzip)

/** One call. `activityId` goes out as `client-request-id` and comes back in the error. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly activityId: string
  /** How much longer than usual the other side may take until it answers, in milliseconds: a long poll. */
  readonly holdMs?: number
}

/** An answer of any status, body read to its end. Header names are lower case. */
export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Sends one request over TLS. Follows no redirect and repeats nothing. */
export interface HttpClient {
  /**
   * @throws ConnectorError `management/unavailable` no answer: name, connection, TLS, proxy, time-out, abort; transient
   * @throws ConnectorError `management/bad-response` the answer is larger than allowed or wrongly compressed
   */
  send(call: HttpRequest, signal: AbortSignal): Promise<HttpAnswer>
  /** Closes idle connections and breaks the others. */
  close(): Promise<void>
}

/** What the network rim needs. */
export interface HttpClientOptions {
  readonly connectMs: number
  readonly readMs: number
  readonly userAgent: string
  readonly proxy: ProxyOptions | undefined
  readonly trustedCaPem: string | undefined
  /** Trust `trustedCaPem` alone, and not the well-known roots. */
  readonly trustsOnlyThat?: boolean
  /** Certificate with its issuers, and the key, of a TLS client. PEM. */
  readonly identity?: { readonly certificatesPem: string; readonly keyPem: string }
  /** Largest answer, in bytes. Default 1 MiB. */
  readonly maxBodyBytes?: number
}

/** Builds the one place through which the Intune client reaches the network: trust, proxy, time-outs, size limit. */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const dispatcher = createDispatcher(options)
  const direct =
    options.proxy === undefined ? dispatcher : createDispatcher({ ...options, proxy: undefined })
  const deadlineMs = options.connectMs + options.readMs

  return {
    async send(call, signal) {
      const waitMs = call.holdMs ?? 0
      const limit = AbortSignal.any([signal, AbortSignal.timeout(deadlineMs + waitMs)])
      const place = `${call.method} ${new URL(call.url).origin}${new URL(call.url).pathname}`
      try {
        const way = isDirect(call.url, options.proxy?.noProxy) ? direct : dispatcher
        return await exchange(call, way, options, limit, place)
      } catch (cause) {
        if (cause instanceof ConnectorError) throw cause
        const { activityId } = call
        if (limit.aborted) {
          const { message } = abortFailure(limit, place)
          throw new ConnectorError('management/unavailable', message, {
            isTransient: true,
            activityId,
          })
        }
        throw new ConnectorError(
          'management/unavailable',
          `${place}: ${describeNetworkError(cause)}`,
          {
            cause,
            isTransient: true,
            activityId,
          },
        )
      }
    },
    close: async () => {
      await Promise.all([dispatcher.destroy(), direct.destroy()])
    },
  }
}

/** Whether the host is one that `noProxy` names, or ends in one of its endings. */
function isDirect(url: string, noProxy: readonly string[] = []): boolean {
  const { hostname } = new URL(url)
  return noProxy.some((entry) => {
    const name = entry
      .trim()
      .toLowerCase()
      .replace(/^\*?\./, '')
    return name !== '' && (hostname === name || hostname.endsWith(`.${name}`))
  })
}

function createDispatcher({
  proxy,
  trustedCaPem,
  trustsOnlyThat,
  identity,
  connectMs,
  readMs,
  maxBodyBytes = MAX_BODY_BYTES,
}: HttpClientOptions): Dispatcher {
  const roots = trustsOnlyThat === true ? [] : getCACertificates()
  const trust = trustedCaPem === undefined ? {} : { ca: [...roots, trustedCaPem] }
  const own = identity === undefined ? {} : { cert: identity.certificatesPem, key: identity.keyPem }
  const connect = { ...trust, timeout: connectMs }
  const limits = {
    headersTimeout: readMs,
    bodyTimeout: readMs,
    maxResponseSize: maxBodyBytes,
    allowH2: false,
  }
  if (proxy === undefined) return new Agent({ ...limits, connect: { ...connect, ...own } })
  const credentials = `${proxy.username ?? ''}:${proxy.password?.reveal() ?? ''}`
  return new ProxyAgent({
    ...limits,
    uri: proxy.url,
    requestTls: { ...connect, ...own },
    proxyTls: connect,
    ...(proxy.username === undefined
      ? {}
      : { token: `Basic ${Buffer.from(credentials, 'utf8').toString('base64')}` }),
  })
}

async function exchange(
  call: HttpRequest,
  dispatcher: Dispatcher,
  { userAgent, readMs, maxBodyBytes = MAX_BODY_BYTES }: HttpClientOptions,
  signal: AbortSignal,
  place: string,
): Promise<HttpAnswer> {
  const answer = await request(call.url, {
    dispatcher,
    signal,
    method: call.method,
    headers: {
      'user-agent': userAgent,
      accept: 'application/json',
      'accept-encoding': 'gzip',
      'client-request-id': call.activityId,
      ...call.headers,
    },
    body: call.body ?? null,
    headersTimeout: readMs + (call.holdMs ?? 0),
  })
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value !== undefined) headers[name] = typeof value === 'string' ? value : value.join(', ')
  }
  try {
    const bytes = Buffer.from(await answer.body.arrayBuffer())
    const isPacked = headers['content-encoding']?.trim().toLowerCase() === 'gzip'
    const plain = isPacked ? await decompress(bytes, { maxOutputLength: maxBodyBytes }) : bytes
    return { status: answer.statusCode, headers, body: plain.toString('utf8') }
  } catch (cause) {
    const code = findCode(cause)
    if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE' || code === 'ERR_BUFFER_TOO_LARGE') {
      throw badAnswer(
        `${place}: the answer is larger than ${maxBodyBytes} bytes`,
        call,
        answer.statusCode,
        cause,
      )
    }
    if (code?.startsWith('Z_') === true) {
      throw badAnswer(`${place}: the answer is no valid gzip`, call, answer.statusCode, cause)
    }
    throw cause
  }
}

function badAnswer(
  message: string,
  { activityId }: HttpRequest,
  httpStatus: number,
  cause: unknown,
): ConnectorError {
  return new ConnectorError('management/bad-response', message, { cause, httpStatus, activityId })
}

/** Names the network fault by its code. The texts of the network stack name hosts and ports, never headers. */
function describeNetworkError(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : ''
  if (message.startsWith('Proxy response (407)')) {
    return 'the proxy wants other credentials (407): check proxy.username and proxy.password'
  }
  return findCode(cause) ?? (message === '' ? 'the connection failed' : message)
}

/** The first error code in a chain of causes and aggregated errors. */
function findCode(error: unknown, depth = 0): string | undefined {
  if (!(error instanceof Error) || depth > 4) return undefined
  const own = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  // undici's own code for a broken socket hides the reason, which is the cause.
  if (own !== undefined && own !== 'UND_ERR_SOCKET' && own !== 'UND_ERR_PRX_CONN') return own
  const inner: readonly unknown[] = error instanceof AggregateError ? error.errors : [error.cause]
  for (const next of inner) {
    const found = findCode(next, depth + 1)
    if (found !== undefined) return found
  }
  return own
}
