import { randomUUID } from 'node:crypto'
import { TLSSocket } from 'node:tls'
import type { Request, RequestHandler, Response } from 'express'
import type { Answer, Call, Handler, Hop } from './answer.ts'
import { answerFault, type Fault, type FaultPlan } from './faults.ts'
import type { RequestLog } from './request-log.ts'

/** Plays calls: breaks them as planned, lets the service decide, sends the answer, and records all of it. */
export class Exchange {
  readonly #faults: FaultPlan
  readonly #log: RequestLog

  constructor(faults: FaultPlan, log: RequestLog) {
    this.#faults = faults
    this.#log = log
  }

  /** A route for a hop that can be broken. */
  playHop(hop: Hop, handler: Handler): RequestHandler {
    return async (request, response) => {
      const call = toCall(request, response)
      const fault = this.#faults.take(hop)
      if (!fault) return this.#answer(hop, call, await handler(call), response)
      if (fault.afterProcessing) await handler(call)
      this.#break(fault, call, response)
    }
  }

  /** A route for calls that are not broken, such as metadata, and for paths that do not exist. */
  playOther(handler: Handler): RequestHandler {
    return async (request, response) => {
      const call = toCall(request, response)
      this.#answer('other', call, await handler(call), response)
    }
  }

  #answer(hop: Hop | 'other', call: Call, answer: Answer, response: Response): void {
    this.#log.record(hop, call, answer)
    send(call, answer, response)
  }

  #break(fault: Fault, call: Call, response: Response): void {
    const answer = answerFault(fault)
    this.#log.record(fault.hop, call, answer, fault.fault)
    if (answer) send(call, answer, response)
    else if (fault.fault === 'reset') response.destroy()
    // A time-out: the connection stays open without a word until the client, or the simulator's end, closes it.
  }
}

function toCall(request: Request, response: Response): Call {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  const { searchParams } = new URL(request.originalUrl, 'https://simulator.invalid')
  return {
    method: request.method,
    path: decodePath(request.path),
    query: searchParams,
    headers: request.headers,
    // The raw body parser leaves anything else when there was no body.
    body: request.body instanceof Uint8Array ? request.body : new Uint8Array(),
    clientCertificate:
      request.socket instanceof TLSSocket ? request.socket.getPeerX509Certificate() : undefined,
    gone: gone.signal,
  }
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    // A broken escape is not a path that exists; it goes on as it came and ends in 404.
    return path
  }
}

function send(call: Call, { status, headers, json, text }: Answer, response: Response): void {
  response.status(status)
  response.setHeader('request-id', randomUUID())
  const activity = call.headers['client-request-id']
  // Echoed as MSAL expects; whatever could break a header line is not.
  if (typeof activity === 'string' && /^[\x20-\x7e]{1,128}$/.test(activity)) {
    response.setHeader('client-request-id', activity)
  }
  if (json !== undefined) response.setHeader('content-type', 'application/json; charset=utf-8')
  for (const [name, value] of Object.entries(headers ?? {})) response.setHeader(name, value)
  response.end(json === undefined ? text : JSON.stringify(json))
}
