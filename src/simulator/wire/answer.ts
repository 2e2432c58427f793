import type { X509Certificate } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

/** The calls that can be broken separately. */
export const hops = [
  'token',
  'graph',
  'validate',
  'success',
  'failure',
  'download',
  'upload',
  'ocs-discovery',
  'ocs-enrolment',
  'ocs-download',
  'ocs-upload',
  'ocs-leases',
  'ocs-health',
  'ocs-releases',
  'ocs-imports',
] as const

/** One kind of call that a client makes. */
export type Hop = (typeof hops)[number]

/** A request as the services see it: whole, and not yet trusted in any way. */
export interface Call {
  readonly method: string
  /** Percent-decoded, without the query. */
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly body: Uint8Array
  /** The certificate whose key the TLS client holds; whose it is nobody has checked. */
  readonly clientCertificate?: X509Certificate | undefined
  /** Aborts when the client has gone. */
  readonly gone?: AbortSignal
}

/** What a service answers. */
export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON. Absent: `text`, or no body at all. */
  readonly json?: unknown
  readonly text?: string
}

/** Decides one call. Effects are the service's own; sending, recording and breaking are the exchange's. */
export type Handler = (call: Call) => Answer | Promise<Answer>

/** A 200 with JSON. */
export function ok(json: unknown): Answer {
  return { status: 200, json }
}

/** A failure as OData, MS Graph and Intune write it. */
export function odataError(status: number, code: string, message: string): Answer {
  return { status, json: { error: { code, message } } }
}
