import type * as z from 'zod'
import { ConnectorError } from '../../kernel/index.ts'
import { createHttpClient, type HttpAnswer, type HttpClient } from '../http/http-client.ts'
import { createHttpFailure } from '../http/http-failure.ts'
import { cleanText } from '../http/plain-text.ts'
import { createSingleFlight } from '../http/single-flight.ts'
import type { OpenServiceOptions } from './options.ts'
import type { discovery } from './wire/discovery.ts'
import { errorBody } from './wire/errors.ts'
import { type Operation, operations } from './wire/operations.ts'
import { API_VERSION } from './wire/values.ts'

/** What the service says of itself. */
export type Discovery = z.output<typeof discovery>

/** One call: what it is known by, when it is given up, and what goes along. */
export interface ServiceCall {
  readonly activityId: string
  readonly signal: AbortSignal
  /** How long the service may hold the answer, in milliseconds. Default 0. */
  readonly holdMs?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Encoded, without its question mark. */
  readonly query?: string
  /** For `{key}` of the path. */
  readonly key?: string
}

/** An answer that is what the contract says. */
export interface ServiceAnswer<T> {
  readonly value: T
  readonly serverRequestId: string | undefined
}

/** With which certificate the connector is recognised. */
export interface ConnectionIdentity {
  readonly connectorId: string
  /** The certificate and its issuers. */
  readonly certificatesPem: string
  /** Plain PKCS #8, in memory only. */
  readonly keyPem: string
}

/** The way to the service. Repeats nothing; both bodies of every call are checked against the contract. */
export interface ServiceConnection {
  /**
   * @throws ConnectorError `management/unavailable` nobody answered, or 408, 429, 5xx; transient
   * @throws ConnectorError `management/unauthorized` 401, 403, or there is no certificate yet
   * @throws ConnectorError `management/misconfigured` 404: the service does not know this connector, or has no such call
   * @throws ConnectorError `management/bad-response` another status, or a body that is not the contract's
   */
  call<B extends z.ZodType, A extends z.ZodType>(
    operation: Operation<B, A>,
    body: z.input<B> | undefined,
    call: ServiceCall,
  ): Promise<ServiceAnswer<z.output<A>>>
  /** Kept for an hour; while the service is away the old one serves on. */
  discover(signal: AbortSignal): Promise<Discovery>
  /** A file at the origin of the service, as bytes of text. */
  loadText(url: string, call: ServiceCall): Promise<string>
  useIdentity(identity: ConnectionIdentity): void
  close(): Promise<void>
}

/** Most bytes of an answer: the default limit of the contract for a download. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024
const DISCOVERY_MS = 3_600_000
const WHAT = 'the connector service'

/**
 * Opens the way. Does no network call before it is asked something.
 *
 * @param options.url an https origin; endpoints elsewhere are refused, for the enrolment token goes there
 */
export function createConnection(options: OpenServiceOptions): ServiceConnection {
  const { clock, url } = options
  const origin = new URL(url).origin
  const userAgent = `certificate-connector/${options.version}`
  const secrets = options.enrolmentToken === undefined ? [] : [options.enrolmentToken.reveal()]
  const open = (identity?: ConnectionIdentity): HttpClient =>
    createHttpClient({
      ...options.timeouts,
      userAgent,
      proxy: options.proxy,
      trustedCaPem: options.trustedCaPem,
      trustsOnlyThat: true,
      maxBodyBytes: MAX_ANSWER_BYTES,
      ...(identity === undefined ? {} : { identity }),
    })
  const stranger = open()
  let known: { readonly identity: ConnectionIdentity; readonly http: HttpClient } | undefined
  let kept: { readonly found: Discovery; readonly until: number } | undefined
  const share = createSingleFlight<Discovery>()

  async function send(
    operation: Operation,
    base: string,
    body: unknown,
    call: ServiceCall,
  ): Promise<HttpAnswer> {
    if (operation.identity === 'certificate' && known === undefined)
      throw new ConnectorError('management/unauthorized', 'the connector is not enrolled yet')
    const path = operation.path
      .replace('{id}', known?.identity.connectorId ?? '')
      .replace('{key}', encodeURIComponent(call.key ?? ''))
    const query = call.query === undefined || call.query === '' ? '' : `?${call.query}`
    const request = {
      method: operation.method,
      url: `${base}${path}${query}`,
      activityId: call.activityId,
      holdMs: call.holdMs ?? 0,
      headers: {
        'api-version': API_VERSION,
        ...(known === undefined ? {} : { 'x-connector-id': known.identity.connectorId }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...call.headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }
    const http = operation.identity === 'certificate' && known !== undefined ? known.http : stranger
    const answer = await http.send(request, call.signal)
    if (answer.status === operation.status) return answer
    if (answer.status === 404 || answer.status === 421) kept = undefined
    if (answer.status === 404)
      throw new ConnectorError(
        'management/misconfigured',
        `${WHAT} answered HTTP 404 to ${operation.path}: ${describeDetails(answer, secrets) ?? 'it does not know this connector; check the URL, or enrol again'}`,
        { httpStatus: 404, activityId: call.activityId },
      )
    throw createHttpFailure(
      answer,
      request,
      WHAT,
      secrets,
      clock.now(),
      describeDetails(answer, secrets),
    )
  }

  async function load(signal: AbortSignal): Promise<Discovery> {
    const call = { activityId: crypto.randomUUID(), signal }
    const answer = await send(operations.discover, origin, undefined, call)
    const found = parseAnswer<Discovery>(operations.discover, answer, call)
    const foreign = Object.values(found.endpoints).find((base) => new URL(base).origin !== origin)
    if (foreign !== undefined)
      throw badAnswer(`its discovery names an endpoint at another origin than ${origin}`, call)
    if (!found.apiVersions.includes(API_VERSION))
      throw new ConnectorError(
        'management/misconfigured',
        `${WHAT} does not speak version ${API_VERSION} of the contract`,
      )
    kept = { found, until: clock.now().getTime() + DISCOVERY_MS }
    return found
  }

  async function discover(signal: AbortSignal): Promise<Discovery> {
    if (kept !== undefined && clock.now().getTime() < kept.until) return kept.found
    const before = kept?.found
    try {
      return await share('discovery', async () => await load(signal))
    } catch (failure) {
      if (before !== undefined && failure instanceof ConnectorError && failure.isTransient)
        return before
      throw failure
    }
  }

  return {
    discover,
    async call(operation, body, call) {
      const { endpoints, limits } = await discover(call.signal)
      const sent = encodeBody(operation, body)
      if (sent !== undefined && JSON.stringify(sent).length > limits.maxBodyBytes)
        throw new ConnectorError(
          'management/bad-response',
          `${WHAT} takes ${limits.maxBodyBytes} bytes a call; this one has more`,
        )
      const base = operation.endpoint === 'origin' ? origin : endpoints[operation.endpoint]
      const answer = await send(operation, base.replace(/\/+$/, ''), sent, call)
      return {
        value: parseAnswer(operation, answer, call),
        serverRequestId: answer.headers['request-id']?.slice(0, 64),
      }
    },
    async loadText(target, call) {
      if (new URL(target).origin !== origin)
        throw badAnswer('its release manifest is at another origin', call)
      const request = {
        method: 'GET' as const,
        url: target,
        headers: {},
        activityId: call.activityId,
      }
      const answer = await stranger.send(request, call.signal)
      if (answer.status === 200) return answer.body
      throw createHttpFailure(answer, request, WHAT, secrets, clock.now())
    },
    useIdentity(identity) {
      const before = known
      known = { identity, http: open(identity) }
      // What is under way ends with the certificate it began with.
      if (before !== undefined) setTimeout(() => void before.http.close(), 60_000).unref()
    },
    async close() {
      await Promise.all([stranger.close(), known?.http.close()])
    },
  }
}

function encodeBody(operation: Operation, body: unknown): unknown {
  if (operation.body === undefined) return undefined
  const parsed = operation.body.safeParse(body)
  if (parsed.success) return parsed.data
  throw new ConnectorError(
    'internal/bug',
    `a body for ${operation.path} is not the contract's: ${describeIssues(parsed.error)}`,
  )
}

function parseAnswer<T>(operation: Operation, { body, status }: HttpAnswer, call: ServiceCall): T {
  let json: unknown
  try {
    json = status === 204 ? undefined : JSON.parse(body)
  } catch {
    throw badAnswer(`its answer to ${operation.path} is no JSON`, call, status)
  }
  const parsed = operation.answer.safeParse(json)
  if (parsed.success) return parsed.data as T
  const problems = describeIssues(parsed.error)
  throw badAnswer(
    `its answer to ${operation.path} is not the contract's: ${problems}`,
    call,
    status,
  )
}

/** The first three problems by their place. Values of the other side are not repeated. */
export function describeIssues(error: z.ZodError): string {
  const said = error.issues
    .slice(0, 3)
    .map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`)
  return cleanText(said.join('; '), [], 300)
}

/** What `error.details` names, for the operator. */
function describeDetails({ body }: HttpAnswer, secrets: readonly string[]): string | undefined {
  let json: unknown
  try {
    json = JSON.parse(body)
  } catch {
    return undefined
  }
  const parsed = errorBody.safeParse(json)
  const details = parsed.data?.error.details?.slice(0, 3) ?? []
  if (details.length === 0) return undefined
  const said = details.map(({ target, message }) => `${target ?? 'body'}: ${message}`)
  return cleanText(said.join('; '), secrets, 300)
}

function badAnswer(
  problem: string,
  { activityId }: ServiceCall,
  httpStatus?: number,
): ConnectorError {
  return new ConnectorError('management/bad-response', `${WHAT}: ${problem}`, {
    activityId,
    isTransient: true,
    ...(httpStatus === undefined ? {} : { httpStatus }),
  })
}
