import { randomUUID } from 'node:crypto'
import type { Answer, Hop } from './answer.ts'

/** Ways to break a call. `timeout` and `reset` give no answer at all. */
export const faultKinds = [
  'timeout',
  'reset',
  '401',
  '403',
  '404',
  '408',
  '429',
  '500',
  '503',
  'html',
  'truncated',
  '204',
] as const

/** One way to break a call. */
export type FaultKind = (typeof faultKinds)[number]

/** A fault that waits for its calls. */
export interface Fault {
  readonly hop: Hop
  readonly fault: FaultKind
  /** Calls still to be broken; absent: until it is deleted. */
  readonly times?: number | undefined
  /** Goes out as Retry-After with 408, 429, 500 and 503. */
  readonly retryAfterSeconds?: number | undefined
  /** Whether the service does its work first and only the answer is lost. */
  readonly afterProcessing?: boolean | undefined
}

/** Faults in the order in which they were set; the first that fits a hop is used up before the next. */
export class FaultPlan {
  #faults: Fault[] = []

  /** Adds one at the end. */
  record(fault: Fault): void {
    this.#faults.push(fault)
  }

  /** Forgets all. */
  clear(): void {
    this.#faults = []
  }

  /** What is still to come. */
  list(): readonly Fault[] {
    return this.#faults
  }

  /** Takes the fault for one call, and counts it. */
  take(hop: Hop): Fault | undefined {
    const index = this.#faults.findIndex((fault) => fault.hop === hop)
    const found = this.#faults[index]
    if (found?.times === undefined) return found
    if (found.times > 1) this.#faults[index] = { ...found, times: found.times - 1 }
    else this.#faults.splice(index, 1)
    return found
  }
}

/** The broken answer; undefined for faults that answer nothing. */
export function answerFault({ hop, fault, retryAfterSeconds }: Fault): Answer | undefined {
  const retryAfter: Record<string, string> =
    retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }
  switch (fault) {
    case 'timeout':
    case 'reset':
      return undefined
    case '204':
      return { status: 204 }
    case 'html':
      // What a captive portal or a filtering proxy sends: a page, and a good status.
      return { status: 200, headers: htmlHeaders, text: page('Sign in to the network') }
    case '503':
      return {
        status: 503,
        headers: { ...htmlHeaders, ...retryAfter },
        text: page('Service Unavailable'),
      }
    case 'truncated':
      return {
        status: 200,
        headers: { 'content-type': 'application/json; charset=utf-8' },
        text: truncated[hop],
      }
    case '401':
    case '403':
    case '404':
    case '408':
    case '429':
    case '500':
      return { status: Number(fault), headers: retryAfter, json: errorBody(hop, fault) }
  }
}

type JsonFault = '401' | '403' | '404' | '408' | '429' | '500'

const htmlHeaders = { 'content-type': 'text/html; charset=utf-8' }

const codes: Readonly<Record<JsonFault, { intune: string; entra: string; message: string }>> = {
  '401': { intune: 'Unauthorized', entra: 'invalid_client', message: 'Not authenticated.' },
  '403': { intune: 'Forbidden', entra: 'access_denied', message: 'Not permitted.' },
  '404': { intune: 'NotFound', entra: 'invalid_request', message: 'No such resource.' },
  '408': { intune: 'RequestTimeout', entra: 'temporarily_unavailable', message: 'Too slow.' },
  '429': { intune: 'TooManyRequests', entra: 'temporarily_unavailable', message: 'Throttled.' },
  '500': { intune: 'InternalError', entra: 'server_error', message: 'Internal server error.' },
}

const odata = '{"@odata.context":"https://simulator/$metadata#'

/** Good answers that stop in the middle. */
const truncated: Readonly<Record<Hop, string>> = {
  token: '{"token_type":"Bearer","expires_in":3599,"access_tok',
  graph: `${odata}endpoints","value":[{"providerName":"ScepRequestVal`,
  validate: `${odata}scepActionResult","code":"Success","errorDescr`,
  success: `${odata}scepActionResult","code":"Success","errorDescr`,
  failure: `${odata}scepActionResult","code":"Success","errorDescr`,
  download: `${odata}caRevocationRequest)","value":[{"requestCon`,
  upload: `${odata}Edm.Boolean","value":tr`,
  'ocs-discovery': '{"service":"open-connector-serv',
  'ocs-enrolment': '{"connector":{"id":"',
  'ocs-download': '{"value":[{"requestCon',
  'ocs-upload': '{"value":true,"outcom',
  'ocs-leases': '{"value":[{"reque',
  'ocs-health': '{"value":tr',
  'ocs-releases': 'eyJhbGciOiJFZERTQSJ9.eyJ',
  'ocs-imports': '{"value":[{"thumb',
}

function errorBody(hop: Hop, fault: JsonFault): unknown {
  const { intune, entra, message } = codes[fault]
  if (hop === 'token') {
    return { error: entra, error_description: `Injected fault: ${message}`, error_codes: [] }
  }
  if (fault === '500') return { error: { code: intune, message: nestedMessage() } }
  return { error: { code: intune, message: `Injected fault: ${message}` } }
}

/** Intune puts a JSON document as text into the message (protocol note, chapter 3.6). */
function nestedMessage(): string {
  return JSON.stringify({
    _version: 3,
    Message: `Injected fault: an internal server error has occurred. Activity ID: ${randomUUID()}`,
    CustomApiErrorPhrase: '',
    RetryAfter: null,
    ErrorSourceService: '',
    HttpHeaders: '{}',
  })
}

function page(title: string): string {
  return `<!DOCTYPE html><html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>`
}
