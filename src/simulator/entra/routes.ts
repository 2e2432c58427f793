import { Router } from 'express'
import type { Exchange } from '../wire/exchange.ts'
import { answerInstanceDiscovery, answerOpenIdConfiguration } from './metadata.ts'
import { TokenEndpoint, type TokenEndpointParts } from './token-endpoint.ts'

/** Entra ID: token endpoints, instance discovery, OpenID metadata and keys. */
export function entraRoutes(exchange: Exchange, parts: TokenEndpointParts): Router {
  const { directory, tokens, urls, clock } = parts
  const endpoint = new TokenEndpoint(parts)
  const tenantOf = (path: string): string => path.split('/')[1] ?? ''
  const router = Router()

  router.get(
    '/common/discovery/instance',
    exchange.playOther((call) => answerInstanceDiscovery(call, urls)),
  )
  router.get(
    ['/:tenant/v2.0/.well-known/openid-configuration', '/:tenant/.well-known/openid-configuration'],
    exchange.playOther(({ path }) =>
      answerOpenIdConfiguration(tenantOf(path), { directory, tokens, urls, now: clock.now() }),
    ),
  )
  router.get(
    ['/:tenant/discovery/v2.0/keys', '/:tenant/discovery/keys'],
    exchange.playOther(async () => ({ status: 200, json: await tokens.encodeKeySet() })),
  )
  router.post(
    '/:tenant/oauth2/v2.0/token',
    exchange.playHop('token', (call) => endpoint.answer(tenantOf(call.path), 2, call)),
  )
  router.post(
    '/:tenant/oauth2/token',
    exchange.playHop('token', (call) => {
      // ADFS has one path for both dialects; MSAL sends it a scope, ADAL a resource.
      const isAdfs = tenantOf(call.path) === 'adfs'
      const hasScope = isAdfs && !Buffer.from(call.body).includes('resource=')
      return endpoint.answer(tenantOf(call.path), hasScope ? 2 : 1, call)
    }),
  )
  return router
}
