import { ConnectorError } from '../../kernel/index.ts'
import type { HttpAnswer, HttpFetch } from './types.ts'

/** A SCEP server as this client reaches it. */
export interface ScepTransport {
  readonly url: string
  readonly fetch: HttpFetch
  readonly timeoutMs: number
}

/** An answer with status 200. */
export interface ScepAnswer {
  readonly body: Uint8Array
  /** Lower case, without parameters. */
  readonly mediaType: string
}

/** Larger answers are not read. */
const MAX_ANSWER_BYTES = 1 << 20

/**
 * GET of an operation without input.
 *
 * @throws ConnectorError `scep/unavailable` no answer, or another status than 200
 */
export function getOperation(
  transport: ScepTransport,
  operation: 'GetCACaps' | 'GetCACert',
): Promise<ScepAnswer> {
  return call(transport, operation, {
    method: 'GET',
    query: `operation=${operation}&message=default`,
  })
}

/**
 * PKIOperation, by POST or with the message as base64 in the query (RFC 8894, section 4.3).
 *
 * @throws ConnectorError `scep/unavailable` no answer, or another status or media type than a pkiMessage has
 */
export async function sendPkiOperation(
  transport: ScepTransport,
  messageDer: Uint8Array,
  method: 'GET' | 'POST',
): Promise<Uint8Array> {
  const query =
    method === 'POST'
      ? 'operation=PKIOperation'
      : `operation=PKIOperation&message=${encodeURIComponent(Buffer.from(messageDer).toString('base64'))}`
  const body = method === 'POST' ? { body: Uint8Array.from(messageDer) } : {}
  const answer = await call(transport, 'PKIOperation', { method, query, ...body })
  if (answer.mediaType === 'application/x-pki-message') return answer.body
  throw new ConnectorError(
    'scep/unavailable',
    `PKIOperation: answer of type "${answer.mediaType}" instead of application/x-pki-message; is ${transport.url} a SCEP URL?`,
  )
}

async function call(
  { url, fetch, timeoutMs }: ScepTransport,
  operation: string,
  request: { method: 'GET' | 'POST'; query: string; body?: Uint8Array<ArrayBuffer> },
): Promise<ScepAnswer> {
  const signal = AbortSignal.timeout(timeoutMs)
  const headers = request.body === undefined ? {} : { 'content-type': 'application/x-pki-message' }
  const body = request.body === undefined ? {} : { body: request.body }
  const target = `${url}${url.includes('?') ? '&' : '?'}${request.query}`
  try {
    const answer = await fetch(target, {
      method: request.method,
      headers,
      ...body,
      signal,
      redirect: 'error',
    })
    return await readAnswer(answer, operation, url)
  } catch (cause) {
    if (cause instanceof ConnectorError) throw cause
    throw new ConnectorError(
      'scep/unavailable',
      `${operation}: no answer from ${url}${signal.aborted ? ` within ${timeoutMs} ms` : ''}; is the server running and the URL right?`,
      { cause, isTransient: true },
    )
  }
}

async function readAnswer(answer: HttpAnswer, operation: string, url: string): Promise<ScepAnswer> {
  const body = await readBody(answer)
  if (answer.status !== 200) {
    const reason = Buffer.from(body.subarray(0, 200))
      .toString('utf8')
      .replaceAll(/[^\x20-\x7e]+/g, ' ')
      .trim()
    throw new ConnectorError(
      'scep/unavailable',
      `${operation}: HTTP ${answer.status} from ${url}: ${reason}`,
      {
        httpStatus: answer.status,
        isTransient: answer.status === 503 || answer.status === 429,
      },
    )
  }
  if (body.byteLength === 0 || body.byteLength > MAX_ANSWER_BYTES) {
    const size = body.byteLength === 0 ? 'no octets' : `more than ${MAX_ANSWER_BYTES} octets`
    throw new ConnectorError('scep/unavailable', `${operation}: an answer of ${size} from ${url}`)
  }
  const [mediaType = ''] = (answer.headers.get('content-type') ?? '').split(';')
  return { body, mediaType: mediaType.trim().toLowerCase() }
}

/** The body, or so much of it that it is too long. */
async function readBody(answer: HttpAnswer): Promise<Uint8Array> {
  if (answer.body === undefined || answer.body === null) {
    return new Uint8Array(await answer.arrayBuffer())
  }
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of answer.body) {
    pieces.push(piece)
    size += piece.byteLength
    if (size > MAX_ANSWER_BYTES) break
  }
  return Buffer.concat(pieces)
}
