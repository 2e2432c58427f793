import { randomUUID } from 'node:crypto'
import { BulkheadRejectedError, bulkhead, TaskCancelledError } from 'cockatiel'
import { ConnectorError } from '../../kernel/index.ts'
import { abortFailure, waitUntil } from '../http/abort.ts'
import type { HttpAnswer, HttpClient, HttpRequest } from '../http/http-client.ts'
import { createHttpFailure, isMovedStatus } from '../http/http-failure.ts'
import type { ServiceLocation, ServiceLocator } from './service-locator.ts'
import type { IntuneSettings } from './settings.ts'
import type { AccessToken, TokenSource } from './token-source.ts'

const MAX_PARALLEL = 10
const MAX_WAITING = 1_000

/** One POST to a service of Intune, ready to send. */
export interface ServiceCall {
  /** Name that Graph lists the service under. */
  readonly service: string
  /** Behind the address of the service, such as `ScepActions/validateRequest`. */
  readonly path: string
  readonly apiVersion: string
  readonly body: string
  /** `client-request-id` of the first POST; repetitions get fresh ones. */
  readonly activityId: string
  /** Texts inside the body that must not reach an error. */
  readonly secrets: readonly string[]
}

/** An answer of 200 to 299. */
export interface ServiceAnswer {
  readonly status: number
  readonly body: string
  /** Intune's own id for the call, not cleaned. */
  readonly serverRequestId: string | undefined
  /** `client-request-id` of the POST that was answered. */
  readonly activityId: string
  /** What must not be quoted from the answer: those of the call, and the token. */
  readonly secrets: readonly string[]
}

/** Repairs that one operation has used up. Each is tried once, over all its attempts. */
export interface Repairs {
  hasFreshToken: boolean
  hasFreshAddress: boolean
  hasServerError: boolean
  /** `client-request-id` of the POST sent last; empty before the first, which carries the caller's. */
  lastActivityId: string
}

/** The state with which an operation begins. */
export function beginRepairs(): Repairs {
  return { hasFreshToken: false, hasFreshAddress: false, hasServerError: false, lastActivityId: '' }
}

/**
 * Sends one POST and repairs what a single repetition can: a refused token (401, 403) and an address that does not
 * answer or has moved (network failure, 3xx, 404, 410, 421).
 *
 * @throws ConnectorError as the ports say; whatever is not 200 to 299 is thrown
 */
export type SendServiceCall = (
  call: ServiceCall,
  repairs: Repairs,
  signal: AbortSignal,
) => Promise<ServiceAnswer>

/** Binds the sender to its tenant. At most ten POSTs run at a time; others wait for their turn. */
export function createServiceSender(
  settings: IntuneSettings,
  http: HttpClient,
  tokens: TokenSource,
  locator: ServiceLocator,
): SendServiceCall {
  const turns = bulkhead(MAX_PARALLEL, MAX_WAITING)

  /** Addresses that answered 5xx and nothing better since. */
  const shaky = new WeakSet<object>()

  async function post(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    try {
      const turn = turns.execute(() => http.send(request, signal), signal)
      return await waitUntil(turn, signal, 'Intune')
    } catch (cause) {
      if (cause instanceof TaskCancelledError) throw abortFailure(signal, 'Intune')
      if (!(cause instanceof BulkheadRejectedError)) throw cause
      const message = `${MAX_WAITING} calls wait for Intune already`
      throw new ConnectorError('management/unavailable', message, { isTransient: true })
    }
  }

  return async function send(call, repairs, signal) {
    const location = await locator.find(call.service, signal)
    const token = await tokens.get(settings.intuneScope, signal)
    const request = createRequest(call, repairs, location, token, settings)
    repairs.lastActivityId = request.activityId
    let answer: HttpAnswer
    try {
      answer = await post(request, signal)
    } catch (failure) {
      // An answer that came but was unusable is no fault of the address.
      if (!isUnreachable(failure) || signal.aborted) throw failure
      locator.drop(location)
      if (repairs.hasFreshAddress) throw failure
      repairs.hasFreshAddress = true
      return await send(call, repairs, signal)
    }
    const secrets = [token.value.reveal(), ...call.secrets]
    if (answer.status >= 200 && answer.status <= 299) {
      shaky.delete(location.source)
      return {
        status: answer.status,
        body: answer.body,
        serverRequestId: answer.headers['request-id'] ?? answer.headers['x-ms-request-id'],
        activityId: request.activityId,
        secrets,
      }
    }

    const isRefused = answer.status === 401 || answer.status === 403
    if (isRefused) {
      tokens.drop(token)
      if (!repairs.hasFreshToken) {
        repairs.hasFreshToken = true
        return await send(call, repairs, signal)
      }
    }
    if (isMovedStatus(answer.status)) {
      locator.drop(location)
      if (!repairs.hasFreshAddress) {
        repairs.hasFreshAddress = true
        return await send(call, repairs, signal)
      }
    }
    if (answer.status >= 500) {
      // Once may be a hiccup. When it repeats the tenant may have moved: the next attempt asks Graph.
      if (repairs.hasServerError || shaky.has(location.source)) locator.drop(location)
      repairs.hasServerError = true
      shaky.add(location.source)
    }
    const what = describeCall(call)
    throw createHttpFailure(answer, request, what, secrets, settings.clock.now(), remedyFor(answer))
  }
}

/** Who answered what, for the operator: `Intune validateRequest`. */
export function describeCall({ path }: ServiceCall): string {
  return `Intune ${path.slice(path.lastIndexOf('/') + 1)}`
}

/** Failures that belong to no call of their own, such as waiting too long, get the caller's activity id. */
export async function nameActivity<T>(work: Promise<T>, activityId: string): Promise<T> {
  try {
    return await work
  } catch (failure) {
    if (!(failure instanceof ConnectorError) || failure.activityId !== undefined) throw failure
    const { code, message, cause, isTransient } = failure
    throw new ConnectorError(code, message, { cause, isTransient, activityId })
  }
}

function createRequest(
  call: ServiceCall,
  repairs: Repairs,
  location: ServiceLocation,
  token: AccessToken,
  settings: IntuneSettings,
): HttpRequest {
  return {
    method: 'POST',
    url: `${location.uri}/${call.path}`,
    headers: {
      authorization: `Bearer ${token.value.reveal()}`,
      'content-type': 'application/json; charset=utf-8',
      'api-version': call.apiVersion,
      // Microsoft's Java library names its caller in this header, spelled without a hyphen.
      UserAgent: settings.provider,
    },
    body: call.body,
    activityId: repairs.lastActivityId === '' ? call.activityId : randomUUID(),
  }
}

function remedyFor(answer: HttpAnswer): string | undefined {
  if (answer.status !== 401 && answer.status !== 403) return undefined
  return "give the application Intune's permission scep_challenge_provider with admin consent, in the devices' tenant"
}

function isUnreachable(failure: unknown): boolean {
  return failure instanceof ConnectorError && failure.code === 'management/unavailable'
}
