import type { Answer, Call } from '../wire/answer.ts'
import { ok } from '../wire/answer.ts'
import type { PublicUrls } from '../wire/public-urls.ts'
import type { Directory } from './directory.ts'
import { answerTokenRefusal } from './oauth-error.ts'
import type { TokenIssuer } from './tokens.ts'

/** Instance discovery: says that the authority asked about is a good one, as MSAL for Java asks before its first token. */
export function answerInstanceDiscovery(call: Call, urls: PublicUrls): Answer {
  const asked = call.query.get('authorization_endpoint') ?? ''
  const tenant = URL.canParse(asked) ? new URL(asked).pathname.split('/')[1] : undefined
  const { host } = new URL(urls.https)
  return ok({
    tenant_discovery_endpoint: `${urls.authority}${tenant || 'common'}/v2.0/.well-known/openid-configuration`,
    'api-version': '1.1',
    metadata: [{ preferred_network: host, preferred_cache: host, aliases: [host] }],
  })
}

/** OpenID Provider metadata of a tenant, as far as client credentials need it. */
export function answerOpenIdConfiguration(
  tenantName: string,
  { directory, tokens, urls, now }: MetadataParts,
): Answer {
  const tenantId = directory.findTenantId(tenantName)
  if (tenantId === undefined) {
    return answerTokenRefusal('unknownTenant', 'The tenant was not found.', now)
  }
  const base = `${urls.authority}${tenantName}`
  return ok({
    issuer: tokens.issuerOf(tenantId),
    authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
    token_endpoint: `${base}/oauth2/v2.0/token`,
    jwks_uri: `${base}/discovery/v2.0/keys`,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt'],
    response_types_supported: ['code'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
  })
}

/** What the metadata is made of. */
export interface MetadataParts {
  readonly directory: Directory
  readonly tokens: TokenIssuer
  readonly urls: PublicUrls
  readonly now: Date
}
