import { randomUUID } from 'node:crypto'
import { ConnectorError } from '../../kernel/index.ts'
import type { HttpAnswer, HttpClient, HttpRequest } from '../http/http-client.ts'
import { createHttpFailure } from '../http/http-failure.ts'
import { isJsonObject, type JsonObject } from '../http/json-object.ts'
import {
  filterQuery,
  isGuid,
  quoteLiteral,
  recordKeyOf,
  recordsOfUser,
} from '../imports/record-address.ts'
import { encodeUserPfxCertificate, parseUserPfxCertificate } from '../imports/user-pfx-record.ts'
import type { ImportedPfx, PfxImports } from '../ports.ts'
import type { RunWithRetries } from './retry-policy.ts'
import type { IntuneSettings } from './settings.ts'
import type { TokenSource } from './token-source.ts'

const WHAT = 'Microsoft Graph'
const RECORDS = 'deviceManagement/userPfxCertificates'
const RECORDS_PERMISSION = 'DeviceManagementConfiguration.ReadWrite.All'
const USERS_PERMISSION = 'User.Read.All'
const MAX_PAGES = 200

/** One call to Graph beta. */
interface GraphCall {
  readonly method: HttpRequest['method']
  /** After the version, with its query; or a whole URL of a next page. */
  readonly path: string
  readonly body?: JsonObject
  readonly permission: string
}

/**
 * The imported PFX of a tenant through Microsoft Graph, which has them in its beta version only.
 *
 * Every call may be repeated: a record is the one of its user and thumbprint, so that a POST sent twice makes no second.
 *
 * @see pfx.md, 2.1 and 2.4
 */
export function createUserPfxCertificates(
  settings: IntuneSettings,
  http: HttpClient,
  tokens: TokenSource,
  runWithRetries: RunWithRetries,
): PfxImports {
  const { graphUrl, graphScope, clock } = settings
  const base = `${graphUrl}beta/`

  async function sendOnce(
    call: GraphCall,
    signal: AbortSignal,
    isRepeat = false,
  ): Promise<HttpAnswer> {
    const token = await tokens.get(graphScope, signal)
    const bearer = token.value.reveal()
    const request: HttpRequest = {
      method: call.method,
      url: call.path.startsWith('https:') ? call.path : `${base}${call.path}`,
      headers: {
        authorization: `Bearer ${bearer}`,
        ...(call.body === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' }),
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      activityId: randomUUID(),
    }
    const answer = await http.send(request, signal)
    if (answer.status >= 200 && answer.status <= 299) return answer
    const isRefused = answer.status === 401 || answer.status === 403
    if (isRefused) tokens.drop(token)
    if (isRefused && !isRepeat) return await sendOnce(call, signal, true)
    const remedy = isRefused
      ? `give the application the Microsoft Graph permission ${call.permission} with admin consent`
      : undefined
    throw createHttpFailure(answer, request, WHAT, [bearer], clock.now(), remedy)
  }

  const send = async (call: GraphCall, signal: AbortSignal): Promise<HttpAnswer> =>
    await runWithRetries(() => sendOnce(call, signal), signal)

  async function readPages(call: GraphCall, signal: AbortSignal): Promise<JsonObject[]> {
    const found: JsonObject[] = []
    let path: string | undefined = call.path
    for (let page = 0; path !== undefined; page += 1) {
      if (page >= MAX_PAGES) throw badAnswer(`more than ${MAX_PAGES} pages`)
      const body = parseObject(await send({ ...call, path }, signal))
      const entries = body['value']
      if (!Array.isArray(entries)) throw badAnswer('no list in member value')
      found.push(...entries.filter(isJsonObject))
      path = parseNextLink(body['@odata.nextLink'], base)
    }
    return found
  }

  return {
    async findUserId(userPrincipalName, signal) {
      const query = filterQuery(`userPrincipalName eq ${quoteLiteral(userPrincipalName)}`)
      const call = { method: 'GET', path: `users?${query}`, permission: USERS_PERMISSION } as const
      for (const user of await readPages(call, signal)) {
        const { id, userPrincipalName: name } = user
        const isSame =
          typeof name === 'string' && name.toLowerCase() === userPrincipalName.toLowerCase()
        if (isSame && typeof id === 'string' && isGuid(id)) return id
      }
      return undefined
    },

    async list(userPrincipalName, signal) {
      const query = userPrincipalName === undefined ? '' : `?${recordsOfUser(userPrincipalName)}`
      const call = { method: 'GET', path: `${RECORDS}${query}` } as const
      const entries = await readPages({ ...call, permission: RECORDS_PERMISSION }, signal)
      return entries.map((entry) => readRecord(entry))
    },

    async find(userId, thumbprint, signal) {
      const path = `${RECORDS}('${recordKeyOf(userId, thumbprint)}')`
      try {
        const answer = await send({ method: 'GET', path, permission: RECORDS_PERMISSION }, signal)
        return readRecord(parseObject(answer))
      } catch (failure) {
        if (isNotFound(failure)) return undefined
        throw failure
      }
    },

    async add(record, signal) {
      const body = encodeUserPfxCertificate(record, clock.now())
      await send({ method: 'POST', path: RECORDS, body, permission: RECORDS_PERMISSION }, signal)
    },

    async replace(userId, record, signal) {
      const body = encodeUserPfxCertificate(record, clock.now())
      const path = `${RECORDS}(${recordKeyOf(userId, record.thumbprint)})`
      await send({ method: 'PATCH', path, body, permission: RECORDS_PERMISSION }, signal)
    },

    async remove(userId, thumbprint, signal) {
      const path = `${RECORDS}/${recordKeyOf(userId, thumbprint)}`
      try {
        await send({ method: 'DELETE', path, permission: RECORDS_PERMISSION }, signal)
        return true
      } catch (failure) {
        if (isNotFound(failure)) return false
        throw failure
      }
    },
  }
}

function readRecord(entry: JsonObject): ImportedPfx {
  const record = parseUserPfxCertificate(entry)
  if (record === undefined) throw badAnswer('a record without thumbprint or dates')
  return record
}

function isNotFound(failure: unknown): boolean {
  return failure instanceof ConnectorError && failure.httpStatus === 404
}

function parseObject({ body }: HttpAnswer): JsonObject {
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    throw badAnswer('no JSON')
  }
  if (isJsonObject(parsed)) return parsed
  throw badAnswer('no JSON object')
}

/** The token goes along, so the next page must be at the same origin. */
function parseNextLink(link: unknown, base: string): string | undefined {
  if (link === undefined || link === null || link === '') return undefined
  const url = typeof link === 'string' ? URL.parse(link) : null
  if (url?.origin !== new URL(base).origin) throw badAnswer('a link to a next page at another host')
  return url.href
}

function badAnswer(found: string): ConnectorError {
  return new ConnectorError('management/bad-response', `${WHAT} answered with ${found}`)
}
