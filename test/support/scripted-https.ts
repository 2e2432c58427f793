import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { makeThrowawayIdentity } from './throwaway-identity.ts'

/** Where in the flow of an Intune call a request belongs. */
export type Hop = 'token' | 'graph' | 'validate' | 'success' | 'failure' | 'other'

/** One request as it arrived. */
export interface SeenCall {
  readonly hop: Hop
  readonly method: string
  /** Path with query. */
  readonly target: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Header names with the case of the wire. */
  readonly headerNames: readonly string[]
  readonly bytes: Buffer
  readonly body: string
}

/** What the server does with one request. */
export type ScriptedAnswer =
  | 'reset'
  | 'hang'
  | ((call: SeenCall) => ScriptedAnswer)
  | {
      readonly status?: number
      readonly headers?: Readonly<Record<string, string>>
      readonly body?: string | Buffer
      /** Sends this many octets fewer than announced, then breaks the connection. */
      readonly cutBytes?: number
    }

/** A real TLS server that plays Entra ID, Graph and Intune from a script and remembers every call. */
export interface ScriptedHttps extends AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly caPem: string
  readonly calls: SeenCall[]
  /** Queues answers for a hop. When they are used up the good answer comes again. */
  script(hop: Hop, ...answers: ScriptedAnswer[]): void
  /** Replaces the good answer of a hop. */
  always(hop: Hop, answer: ScriptedAnswer): void
  count(hop: Hop): number
  callsOf(hop: Hop): readonly SeenCall[]
}

/** An unsigned token with these claims, in the form of a JWT. */
export function makeToken(claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'none' })}.${part(claims)}.c2lnbmF0dXJl`
}

/** JSON as an answer. */
export function json(value: unknown, status = 200): ScriptedAnswer {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) }
}

/** Path under which the scripted SCEP service answers. */
export const SERVICE_PATH = '/RACerts/ScepRequestValidationFEService/Gateway/Stateless'

/** Starts the server on a free port of 127.0.0.1. */
export async function startScriptedHttps(): Promise<ScriptedHttps> {
  const identity = await makeThrowawayIdentity('ec')
  const queues = new Map<Hop, ScriptedAnswer[]>()
  const standing = new Map<Hop, ScriptedAnswer>()
  const calls: SeenCall[] = []
  const sockets = new Set<Socket>()
  const server = createServer(
    { key: identity.privateKeyPem, cert: identity.certificatePem },
    (request, response) => {
      void readCall(request).then((call) => {
        calls.push(call)
        const answer =
          queues.get(call.hop)?.shift() ??
          standing.get(call.hop) ??
          goodAnswer(call, url, calls.length)
        respond(typeof answer === 'function' ? answer(call) : answer, response)
      })
    },
  )
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const url = `https://127.0.0.1:${port}`

  return {
    url,
    port,
    caPem: identity.certificatePem,
    calls,
    script(hop, ...answers) {
      queues.set(hop, [...(queues.get(hop) ?? []), ...answers])
    },
    always(hop, answer) {
      standing.set(hop, answer)
    },
    count: (hop) => calls.filter((call) => call.hop === hop).length,
    callsOf: (hop) => calls.filter((call) => call.hop === hop),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function readCall(request: IncomingMessage): Promise<SeenCall> {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  const bytes = Buffer.concat(pieces)
  const target = request.url ?? ''
  return {
    hop: hopOf(target),
    method: request.method ?? '',
    target,
    headers: request.headers,
    headerNames: request.rawHeaders.filter((_, index) => index % 2 === 0),
    bytes,
    body: bytes.toString('utf8'),
  }
}

function hopOf(target: string): Hop {
  if (target.includes('/oauth2/')) return 'token'
  if (target.includes('/servicePrincipals/')) return 'graph'
  if (target.includes('/ScepActions/validateRequest')) return 'validate'
  if (target.includes('/ScepActions/successNotification')) return 'success'
  return target.includes('/ScepActions/failureNotification') ? 'failure' : 'other'
}

function goodAnswer(call: SeenCall, url: string, serial: number): ScriptedAnswer {
  if (call.hop === 'token') {
    const scope = new URLSearchParams(call.body).get('scope') ?? ''
    const token = makeToken({ aud: scope, roles: ['scep_challenge_provider'], serial })
    return json({ token_type: 'Bearer', expires_in: 3599, access_token: token })
  }
  if (call.hop === 'graph') {
    const uri = `${url}${SERVICE_PATH}`
    return json({ value: [{ providerName: 'ScepRequestValidationFEService', uri }] })
  }
  if (call.hop === 'other') return json({ error: { code: 'NotFound' } }, 404)
  return json({ '@odata.context': 'x#scepActionResult', code: 'Success', errorDescription: '' })
}

function respond(answer: ScriptedAnswer, response: ServerResponse): void {
  if (typeof answer === 'function')
    throw new TypeError('an answer that depends on the call gives another')
  if (answer === 'hang') return
  if (answer === 'reset') {
    response.socket?.destroy()
    return
  }
  const body = Buffer.from(answer.body ?? '')
  const hasBody = (answer.status ?? 200) !== 204
  response.writeHead(answer.status ?? 200, {
    ...answer.headers,
    ...(hasBody ? { 'content-length': `${body.length}` } : {}),
  })
  if (answer.cutBytes === undefined) {
    response.end(hasBody ? body : undefined)
    return
  }
  response.write(body.subarray(0, body.length - answer.cutBytes), () => response.socket?.destroy())
}
