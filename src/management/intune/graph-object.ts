import { randomUUID } from 'node:crypto'
import { ConnectorError } from '../../kernel/index.ts'
import type { HttpClient, HttpRequest } from '../http/http-client.ts'
import { createHttpFailure } from '../http/http-failure.ts'
import { isJsonObject, type JsonObject } from '../http/json-object.ts'
import type { IntuneSettings } from './settings.ts'
import type { TokenSource } from './token-source.ts'

const WHAT = 'Microsoft Graph'

/** One object of the directory, ready to ask for. */
export interface GraphQuery {
  /** After the version, percent-encoded, with its `$select`. */
  readonly path: string
  /** The application permission that Graph wants for it, for the operator. */
  readonly permission: string
  readonly activityId: string
}

/**
 * Reads one object; undefined: Graph says that there is none (404).
 *
 * @throws ConnectorError `management/unavailable`, `management/unauthorized`, `management/bad-response`, `management/misconfigured`
 */
export type ReadGraphObject = (
  query: GraphQuery,
  signal: AbortSignal,
) => Promise<JsonObject | undefined>

/** Binds the reader to its tenant. A 401 or 403 drops the token and is tried once more with a fresh one. */
export function createGraphReader(
  settings: IntuneSettings,
  http: HttpClient,
  tokens: TokenSource,
): ReadGraphObject {
  const { graphUrl, graphVersion, graphScope, clock } = settings

  async function read(
    query: GraphQuery,
    signal: AbortSignal,
    activityId: string,
    isRepeat: boolean,
  ): Promise<JsonObject | undefined> {
    const token = await tokens.get(graphScope, signal)
    const bearer = token.value.reveal()
    const call: HttpRequest = {
      method: 'GET',
      url: `${graphUrl}v${graphVersion}/${query.path}`,
      headers: { authorization: `Bearer ${bearer}` },
      activityId,
    }
    const answer = await http.send(call, signal)
    if (answer.status >= 200 && answer.status <= 299) return parseObject(answer.body, call)
    // A proxy's 404 page is no word of the directory.
    if (answer.status === 404 && isGraphError(answer.body)) return undefined
    const isRefused = answer.status === 401 || answer.status === 403
    if (isRefused) tokens.drop(token)
    if (isRefused && !isRepeat) return await read(query, signal, randomUUID(), true)
    const remedy = isRefused
      ? `give the application the Microsoft Graph permission ${query.permission} with admin consent`
      : undefined
    throw createHttpFailure(answer, call, WHAT, [bearer], clock.now(), remedy)
  }

  return async (query, signal) => await read(query, signal, query.activityId, false)
}

function parseObject(body: string, { activityId }: HttpRequest): JsonObject {
  const parsed = parseJson(body)
  if (isJsonObject(parsed)) return parsed
  throw new ConnectorError('management/bad-response', `${WHAT} answered with no JSON object`, {
    activityId,
    isTransient: true,
  })
}

function isGraphError(body: string): boolean {
  const parsed = parseJson(body)
  return isJsonObject(parsed) && isJsonObject(parsed['error'])
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
