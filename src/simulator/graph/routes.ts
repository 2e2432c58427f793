import { createHash, randomUUID } from 'node:crypto'
import { Router } from 'express'
import type { Clock } from '../../kernel/index.ts'
import type { TokenIssuer } from '../entra/tokens.ts'
import type { Answer, Call } from '../wire/answer.ts'
import { odataError, ok } from '../wire/answer.ts'
import type { Exchange } from '../wire/exchange.ts'
import type { PublicUrls } from '../wire/public-urls.ts'
import type { ListedService, ServiceMap } from './service-map.ts'

/** Application id of Microsoft Intune, the key of the discovery. */
const INTUNE_APP_ID = '0000000a-0000-0000-c000-000000000000'

/** The role that discovery needs. */
const READ_ROLE = 'Application.Read.All'

const deniedText = 'Insufficient privileges to complete the operation.'

/** What the two Graph services are made of. */
export interface GraphParts {
  readonly services: ServiceMap
  readonly tokens: TokenIssuer
  readonly urls: PublicUrls
  readonly clock: Clock
}

/** Service discovery as MS Graph and as the retired AAD Graph (protocol note, chapter 2). */
export function graphRoutes(exchange: Exchange, parts: GraphParts): Router {
  const router = Router()
  router.get(
    /^\/graph\/(v1\.0|beta)\/servicePrincipals/,
    exchange.playHop('graph', (call) => answerMsGraph(call, parts)),
  )
  router.get(
    '/aad-graph/:tenant/servicePrincipalsByAppId/:appId/serviceEndpoints',
    exchange.playHop('graph', (call) => answerAadGraph(call, parts)),
  )
  return router
}

async function answerMsGraph(call: Call, { services, tokens, urls }: GraphParts): Promise<Answer> {
  const bearer = await tokens.findBearer(call.headers.authorization, 'graph')
  if (!bearer) return odataError(401, 'InvalidAuthenticationToken', 'Access token is not valid.')
  if (!bearer.roles.includes(READ_ROLE)) {
    return odataError(403, 'Authorization_RequestDenied', deniedText)
  }
  // Microsoft's libraries write appId=<guid> as a segment; Graph also knows the form with a key in parentheses.
  const appId = /servicePrincipals(?:\/appId=([\w-]+)|\(appId='([\w-]+)'\))\/endpoints$/i.exec(
    call.path,
  )
  if ((appId?.[1] ?? appId?.[2])?.toLowerCase() !== INTUNE_APP_ID) {
    return odataError(404, 'Request_ResourceNotFound', 'The resource does not exist.')
  }
  const all = services.list()
  const start = Math.max(0, Number.parseInt(call.query.get('$skiptoken') ?? '0', 10) || 0)
  const end = start + (services.settings.pageSize ?? all.length)
  const next = new URL(`.${call.path}`, urls.https)
  next.searchParams.set('$skiptoken', String(end))
  return ok({
    '@odata.context': `${urls.graph}v1.0/$metadata#servicePrincipals('${INTUNE_APP_ID}')/endpoints`,
    ...(end < all.length ? { '@odata.nextLink': next.href } : {}),
    value: all.slice(start, end).map(encodeEndpoint),
  })
}

async function answerAadGraph(
  call: Call,
  { services, tokens, urls, clock }: GraphParts,
): Promise<Answer> {
  const bearer = await tokens.findBearer(call.headers.authorization, 'aad-graph')
  const fail = (status: number, code: string, text: string): Answer => ({
    status,
    json: {
      'odata.error': {
        code,
        message: { lang: 'en', value: text },
        requestId: randomUUID(),
        date: clock.now().toISOString().slice(0, 19),
      },
    },
  })
  if (!bearer) return fail(401, 'Authentication_MissingOrMalformed', 'Access token is not valid.')
  if (!bearer.roles.includes(READ_ROLE)) return fail(403, 'Authorization_RequestDenied', deniedText)
  if (call.query.get('api-version') !== '1.6') {
    return fail(400, 'Request_BadRequest', 'The query must contain api-version=1.6.')
  }
  if (call.path.split('/')[4]?.toLowerCase() !== INTUNE_APP_ID) {
    return fail(404, 'Request_ResourceNotFound', 'The resource does not exist.')
  }
  return ok({
    'odata.metadata': `${urls.aadGraph}${bearer.tenantId}/$metadata#directoryObjects`,
    value: services.list().map(encodeServiceEndpoint),
  })
}

function encodeEndpoint(service: ListedService, index: number): unknown {
  return {
    id: stableId(`endpoint ${index}`),
    deletedDateTime: null,
    capability: service.name,
    providerId: INTUNE_APP_ID,
    providerName: service.name,
    uri: service.uri,
    providerResourceId: stableId(`resource ${index}`),
  }
}

function encodeServiceEndpoint(service: ListedService, index: number): unknown {
  return {
    'odata.type': 'Microsoft.DirectoryServices.ServiceEndpoint',
    objectType: 'ServiceEndpoint',
    objectId: stableId(`endpoint ${index}`),
    deletionTimestamp: null,
    capability: service.name,
    serviceId: INTUNE_APP_ID,
    serviceName: service.name,
    uri: service.uri,
    resourceId: stableId(`resource ${index}`),
  }
}

/** The same GUID for the same entry at every call. */
function stableId(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex')
  return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-8$4-$5')
}
