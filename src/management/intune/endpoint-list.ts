import { randomUUID } from 'node:crypto'
import { ConnectorError } from '../../kernel/index.ts'
import type { HttpAnswer, HttpClient, HttpRequest } from '../http/http-client.ts'
import { createHttpFailure } from '../http/http-failure.ts'
import { isJsonObject, type JsonObject } from '../http/json-object.ts'
import { addEndpoints, type ServiceMap } from './service-map.ts'
import type { IntuneSettings } from './settings.ts'
import type { TokenSource } from './token-source.ts'

const MAX_PAGES = 20
const WHAT = 'Microsoft Graph'
const REMEDY =
  'give the application the Microsoft Graph permission Application.Read.All with admin consent'

/** Asks Graph once for all services of the tenant's Intune. */
export type RequestServiceMap = (activityId: string, signal: AbortSignal) => Promise<ServiceMap>

/**
 * Reads the endpoint list of the Intune service principal, page by page. A 401 or 403 drops the token and is tried
 * once more with a fresh one. There is no fallback to the retired Azure AD Graph.
 *
 * @see intune-api.md, 2.1
 */
export function createServiceMapRequest(
  settings: IntuneSettings,
  http: HttpClient,
  tokens: TokenSource,
): RequestServiceMap {
  const { graphUrl, graphVersion, graphScope, intuneAppId, clock } = settings
  const firstUrl = `${graphUrl}v${graphVersion}/servicePrincipals/appId=${intuneAppId}/endpoints`

  async function requestPage(
    url: string,
    activityId: string,
    signal: AbortSignal,
    isRepeat = false,
  ): Promise<JsonObject> {
    const token = await tokens.get(graphScope, signal)
    const bearer = token.value.reveal()
    const headers = { authorization: `Bearer ${bearer}` }
    const call: HttpRequest = { method: 'GET', url, headers, activityId }
    const answer = await http.send(call, signal)
    if (answer.status >= 200 && answer.status <= 299) return parsePage(answer, call)
    const isRefused = answer.status === 401 || answer.status === 403
    if (isRefused) tokens.drop(token)
    if (isRefused && !isRepeat) return await requestPage(url, randomUUID(), signal, true)
    const remedy = isRefused ? REMEDY : undefined
    throw createHttpFailure(answer, call, WHAT, [bearer], clock.now(), remedy)
  }

  return async (activityId, signal) => {
    const map = new Map<string, string>()
    let url: string | undefined = firstUrl
    for (let page = 0; url !== undefined; page += 1) {
      if (page >= MAX_PAGES) throw badList(`more than ${MAX_PAGES} pages`, activityId)
      const id: string = page === 0 ? activityId : randomUUID()
      const body = await requestPage(url, id, signal)
      const entries = body['value']
      if (!Array.isArray(entries)) throw badList('no list in member value', id)
      addEndpoints(map, entries)
      url = parseNextLink(body['@odata.nextLink'], firstUrl, id)
    }
    return map
  }
}

function parsePage(answer: HttpAnswer, { activityId }: HttpRequest): JsonObject {
  let body: unknown
  try {
    body = JSON.parse(answer.body)
  } catch {
    throw badList('no JSON', activityId, answer.status)
  }
  if (!isJsonObject(body)) throw badList('no JSON object', activityId, answer.status)
  return body
}

/** The token goes along, so the next page must be at the same origin. */
function parseNextLink(link: unknown, firstUrl: string, activityId: string): string | undefined {
  if (link === undefined || link === null || link === '') return undefined
  const url = typeof link === 'string' ? URL.parse(link) : null
  if (url?.origin !== new URL(firstUrl).origin) {
    throw badList('a link to a next page at another host', activityId)
  }
  return url.href
}

function badList(found: string, activityId: string, httpStatus?: number): ConnectorError {
  return new ConnectorError('management/bad-response', `${WHAT}'s endpoint list: ${found}`, {
    activityId,
    isTransient: true,
    ...(httpStatus === undefined ? {} : { httpStatus }),
  })
}
