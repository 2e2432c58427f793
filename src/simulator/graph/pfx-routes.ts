import { Router } from 'express'
import type { TokenIssuer } from '../entra/tokens.ts'
import { type Answer, type Call, odataError, ok } from '../wire/answer.ts'
import { parseBodyText } from '../wire/body-text.ts'
import type { Exchange } from '../wire/exchange.ts'
import type { People } from './people.ts'
import {
  badRequestMessage,
  type PfxCertificates,
  type PfxRecord,
  userIdOf,
} from './pfx-certificates.ts'

const RECORDS = /^\/graph\/beta\/deviceManagement\/userPfxCertificates(.*)$/i
const KEY = /^(?:\/|\('?)([0-9a-f]{32}-[0-9a-f]{40})(?:'?\))?$/i
const PAGE = 100

/** What the routes are made of. */
export interface PfxParts {
  readonly imports: PfxCertificates
  readonly people: People
  readonly tokens: TokenIssuer
}

/** Imported PFX as Graph beta has them, and the look-up of a user's id (protocol note on PFX, chapter 2.4). */
export function pfxRoutes(exchange: Exchange, parts: PfxParts): Router {
  const router = Router()
  router.get(
    /^\/graph\/beta\/users$/i,
    exchange.playHop('graph', (call) => findUsers(call, parts)),
  )
  router.all(
    RECORDS,
    exchange.playHop('graph', (call) => answer(call, parts)),
  )
  return router
}

async function findUsers(call: Call, { people, tokens }: PfxParts): Promise<Answer> {
  const refusal = await refuse(call, tokens, 'User.Read.All')
  return refusal ?? answerUsers(call, people)
}

/** Users by their name, as every filter of the kind has it. */
export function answerUsers(call: Call, people: People): Answer {
  const literal = /^userPrincipalName eq '((?:[^']|'')*)'$/.exec(call.query.get('$filter') ?? '')
  if (literal === null) return odataError(400, 'Request_BadRequest', 'Invalid filter clause.')
  const user = people.findUser((literal[1] ?? '').replaceAll("''", "'"))
  const { userPrincipalName = '' } = user ?? {}
  return ok({
    value: user === undefined ? [] : [{ id: userIdOf(userPrincipalName), userPrincipalName }],
  })
}

async function answer(call: Call, parts: PfxParts): Promise<Answer> {
  const role = 'DeviceManagementConfiguration.ReadWrite.All'
  const refusal = await refuse(call, parts.tokens, role)
  if (refusal) return refusal
  const rest = RECORDS.exec(call.path)?.[1] ?? ''
  if (rest === '')
    return call.method === 'POST' ? write(call, parts, 201) : listPfx(call, parts.imports)
  const id = KEY.exec(rest)?.[1]
  const found = id === undefined ? undefined : parts.imports.find(id)
  if (id === undefined || found === undefined)
    return odataError(404, 'ResourceNotFound', badRequestMessage())
  switch (call.method) {
    case 'GET':
      return ok(showPfx(found))
    case 'PATCH':
      return write(call, parts, 200, id)
    case 'DELETE':
      parts.imports.remove(id)
      return { status: 204 }
    default:
      return odataError(405, 'Request_BadRequest', 'Method not allowed.')
  }
}

/** A page of records, filtered as the call asks. */
export function listPfx(call: Call, imports: PfxCertificates): Answer {
  if (call.method !== 'GET') return odataError(405, 'Request_BadRequest', 'Method not allowed.')
  const filter = call.query.get('$filter')
  const clause =
    /^tolower\(userPrincipalName\) eq '((?:[^']|'')*)'(?: and tolower\(thumbprint\) eq '([0-9a-f]{40})')?$/
  const terms = filter === null ? undefined : clause.exec(filter)
  if (terms === null) return odataError(400, 'BadRequest', badRequestMessage())
  const name = terms?.[1]?.replaceAll("''", "'")
  const matching = imports
    .list()
    .filter((one) => name === undefined || one.userPrincipalName.toLowerCase() === name)
    .filter((one) => terms?.[2] === undefined || one.thumbprint === terms[2])
  const start = Math.max(0, Number.parseInt(call.query.get('$skip') ?? '0', 10) || 0)
  const next = start + PAGE
  return ok({
    value: matching.slice(start, next).map(showPfx),
    ...(next < matching.length ? { '@odata.nextLink': nextLink(call, next) } : {}),
  })
}

/** At the host that the client knows this service by. */
function nextLink(call: Call, skip: number): string {
  const url = new URL(call.path, `https://${call.headers.host ?? 'localhost'}`)
  for (const [name, value] of call.query) url.searchParams.set(name, value)
  url.searchParams.set('$skip', String(skip))
  return url.href
}

function write(call: Call, { imports, people }: PfxParts, status: number, id?: string): Answer {
  const record = imports.record((name) => {
    const user = people.findUser(name)
    const own = user === undefined ? undefined : userIdOf(user.userPrincipalName)
    return id === undefined || (own !== undefined && id.startsWith(own.replaceAll('-', '')))
      ? own
      : undefined
  }, parseJson(call.body))
  if (record === undefined) return odataError(400, 'BadRequest', badRequestMessage())
  return { status, json: showPfx(record) }
}

/** Blob and password are never given back: the service shows them as empty. */
export function showPfx(record: PfxRecord): unknown {
  return { ...record, encryptedPfxBlob: '', encryptedPfxPassword: '' }
}

async function refuse(call: Call, tokens: TokenIssuer, role: string): Promise<Answer | undefined> {
  const bearer = await tokens.findBearer(call.headers.authorization, 'graph')
  if (!bearer) return odataError(401, 'InvalidAuthenticationToken', 'Access token is not valid.')
  return bearer.roles.includes(role)
    ? undefined
    : odataError(403, 'Authorization_RequestDenied', 'Insufficient privileges.')
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(parseBodyText(body))
  } catch {
    return undefined
  }
}
