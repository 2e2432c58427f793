import { randomUUID } from 'node:crypto'
import { BulkheadRejectedError, bulkhead, TaskCancelledError } from 'cockatiel'
import { ConnectorError } from '../../kernel/index.ts'
import { abortFailure, waitUntil } from './abort.ts'
import type { HttpAnswer, HttpClient, HttpRequest } from './http-client.ts'
import { createHttpFailure, isMovedStatus } from './http-failure.ts'
import { cleanText } from './plain-text.ts'
import { parseScepResult, type ScepResult } from './scep-bodies.ts'
import type { ServiceLocation, ServiceLocator } from './service-locator.ts'
import type { IntuneSettings } from './settings.ts'
import type { AccessToken, TokenSource } from './token-source.ts'

/** Name that Graph lists the SCEP service under. */
export const SCEP_SERVICE = 'ScepRequestValidationFEService'
const MAX_PARALLEL = 10
const MAX_WAITING = 1_000

/** One SCEP action, ready to send. */
export interface ScepCall {
  readonly action: 'validateRequest' | 'successNotification' | 'failureNotification'
  readonly body: string
  /** `client-request-id` of the first POST; repetitions get fresh ones. */
  readonly activityId: string
  /** Texts inside the body that must not reach an error: the CSR and the challenge. */
  readonly secrets: readonly string[]
}

/** What Intune decided, and its own id for the call. */
export interface ScepAnswer extends ScepResult {
  readonly serverRequestId: string | undefined
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
 * Sends one SCEP action and repairs what a single repetition can: a refused token (401, 403) and an address that does
 * not answer or has moved (network failure, 3xx, 404, 410, 421).
 *
 * @throws ConnectorError as the ports say; whatever is not 200 to 299 with a readable `code` is thrown
 */
export type SendScepCall = (
  call: ScepCall,
  repairs: Repairs,
  signal: AbortSignal,
) => Promise<ScepAnswer>

/** Binds the sender to its tenant. At most ten POSTs run at a time; others wait for their turn. */
export function createScepSender(
  settings: IntuneSettings,
  http: HttpClient,
  tokens: TokenSource,
  locator: ServiceLocator,
): SendScepCall {
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
      throw new ConnectorError('intune/unavailable', message, { isTransient: true })
    }
  }

  return async function send(call, repairs, signal) {
    const location = await locator.find(SCEP_SERVICE, signal)
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
      return parseAnswer(answer, call, request, secrets)
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
    const what = `Intune ${call.action}`
    throw createHttpFailure(answer, request, what, secrets, settings.clock.now(), remedyFor(answer))
  }
}

function createRequest(
  call: ScepCall,
  repairs: Repairs,
  location: ServiceLocation,
  token: AccessToken,
  settings: IntuneSettings,
): HttpRequest {
  return {
    method: 'POST',
    url: `${location.uri}/ScepActions/${call.action}`,
    headers: {
      authorization: `Bearer ${token.value.reveal()}`,
      'content-type': 'application/json; charset=utf-8',
      'api-version': settings.scepApiVersion,
      // Microsoft's Java library names its caller in this header, spelled without a hyphen.
      UserAgent: settings.provider,
    },
    body: call.body,
    activityId: repairs.lastActivityId === '' ? call.activityId : randomUUID(),
  }
}

function parseAnswer(
  answer: HttpAnswer,
  call: ScepCall,
  request: HttpRequest,
  secrets: readonly string[],
): ScepAnswer {
  const result = parseScepResult(answer.body)
  if (result === undefined) {
    const found = answer.body.trim() === '' ? 'an empty body' : 'no JSON object with a code'
    throw new ConnectorError(
      'intune/bad-response',
      `Intune ${call.action} answered HTTP ${answer.status} with ${found}: it counts as no`,
      { httpStatus: answer.status, activityId: request.activityId, isTransient: true },
    )
  }
  const id = answer.headers['request-id'] ?? answer.headers['x-ms-request-id']
  return {
    code: cleanText(result.code, secrets, 100),
    description: cleanText(result.description, secrets),
    serverRequestId: id === undefined ? undefined : cleanText(id, secrets, 100),
  }
}

function remedyFor(answer: HttpAnswer): string | undefined {
  if (answer.status !== 401 && answer.status !== 403) return undefined
  return "give the application Intune's permission scep_challenge_provider with admin consent, in the devices' tenant"
}

function isUnreachable(failure: unknown): boolean {
  return failure instanceof ConnectorError && failure.code === 'intune/unavailable'
}
