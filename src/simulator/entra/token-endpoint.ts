import type { Clock } from '../../kernel/index.ts'
import type { Answer, Call } from '../wire/answer.ts'
import { ok } from '../wire/answer.ts'
import { parseBodyText } from '../wire/body-text.ts'
import type { PublicUrls } from '../wire/public-urls.ts'
import type { AssertionChecker } from './client-assertion.ts'
import type { App, Directory } from './directory.ts'
import { answerTokenRefusal, type TokenRefusal } from './oauth-error.ts'
import type { ResourceRegistry } from './resources.ts'
import { type TokenIssuer, tokenLifetimeSeconds } from './tokens.ts'

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** Scopes that MSAL for Java adds to every request. */
const openIdScopes = ['openid', 'profile', 'offline_access']

/** What the token endpoint is made of. */
export interface TokenEndpointParts {
  readonly directory: Directory
  readonly resources: ResourceRegistry
  readonly tokens: TokenIssuer
  readonly assertions: AssertionChecker
  readonly urls: PublicUrls
  readonly clock: Clock
  /** Judges assertions: the client made them by its own clock. */
  readonly clientClock: Clock
}

/** A refusal on its way out. */
interface Refused {
  readonly kind: TokenRefusal
  readonly text: string
}

/**
 * Gives tokens for client credentials, on the v2.0 path (`scope`), the v1 path (`resource`) and the ADFS-shaped path.
 *
 * @see RFC 6749, section 4.4; RFC 7523, section 2.2; protocol note, chapters 1.1, 1.4 and 1.5
 */
export class TokenEndpoint {
  readonly #parts: TokenEndpointParts

  constructor(parts: TokenEndpointParts) {
    this.#parts = parts
  }

  /** @param tenantName first path segment: a GUID, a domain, or `adfs` */
  async answer(tenantName: string, version: 1 | 2, call: Call): Promise<Answer> {
    const form = new URLSearchParams(parseBodyText(call.body))
    const outcome = await this.#decide(tenantName, version, form, call.path)
    if ('json' in outcome) return ok(outcome.json)
    return answerTokenRefusal(outcome.kind, outcome.text, this.#parts.clock.now())
  }

  async #decide(
    tenantName: string,
    version: 1 | 2,
    form: URLSearchParams,
    path: string,
  ): Promise<Refused | { json: unknown }> {
    const { directory, resources, tokens } = this.#parts
    if (form.get('grant_type') !== 'client_credentials') {
      return refuse('unsupportedGrant', 'The grant_type must be client_credentials.')
    }
    const tenantId = directory.findTenantId(tenantName)
    if (tenantId === undefined) {
      return refuse('unknownTenant', `Tenant '${printable(tenantName)}' not found.`)
    }
    const clientId = form.get('client_id')
    if (!clientId) return refuse('missingParameter', 'The body must contain client_id.')
    const app = directory.findApp(tenantId, clientId)
    if (!app) {
      return refuse('unknownApp', `Application '${printable(clientId)}' not found in the tenant.`)
    }
    const credential = await this.#checkCredential(app, form, tenantName, path)
    if (typeof credential !== 'string') return credential
    const audience = version === 2 ? parseScope(form) : (form.get('resource') ?? '')
    if (typeof audience !== 'string') return audience
    const resource = resources.find(audience)
    if (!resource) {
      return refuse('unknownResource', `Resource principal '${printable(audience)}' not found.`)
    }
    const accessToken = await tokens.issue(app, audience, resource, credential)
    return { json: this.#encode(version, audience, accessToken) }
  }

  async #checkCredential(
    app: App,
    form: URLSearchParams,
    tenantName: string,
    path: string,
  ): Promise<'secret' | 'certificate' | Refused> {
    const secret = form.get('client_secret')
    if (secret !== null) {
      if (app.isSecret(secret)) return 'secret'
      return refuse('wrongSecret', `Invalid client secret provided for app '${app.clientId}'.`)
    }
    const assertion = form.get('client_assertion')
    if (assertion === null || form.get('client_assertion_type') !== ASSERTION_TYPE) {
      return refuse(
        'missingCredential',
        `The body must contain client_secret, or client_assertion with client_assertion_type ${ASSERTION_TYPE}.`,
      )
    }
    const { urls, assertions, clientClock } = this.#parts
    const tail = path.slice(path.indexOf('/', 1))
    const tokenUrls = [tenantName, app.tenantId].map((tenant) => `${urls.https}/${tenant}${tail}`)
    const problem = await assertions.check(assertion, app, tokenUrls, clientClock.now())
    return problem === undefined ? 'certificate' : refuse('wrongAssertion', `${problem}.`)
  }

  #encode(version: 1 | 2, audience: string, accessToken: string): unknown {
    const nowSeconds = Math.floor(this.#parts.clock.now().getTime() / 1000)
    if (version === 2) {
      return {
        token_type: 'Bearer',
        expires_in: tokenLifetimeSeconds,
        ext_expires_in: tokenLifetimeSeconds,
        access_token: accessToken,
      }
    }
    // The old endpoint writes its numbers as text.
    return {
      token_type: 'Bearer',
      expires_in: String(tokenLifetimeSeconds),
      ext_expires_in: String(tokenLifetimeSeconds),
      expires_on: String(nowSeconds + tokenLifetimeSeconds),
      not_before: String(nowSeconds),
      resource: audience,
      access_token: accessToken,
    }
  }
}

/** The audience: the one scope that is left without MSAL's own, without its final `/.default`. */
function parseScope(form: URLSearchParams): string | Refused {
  const scopes = (form.get('scope') ?? '')
    .split(' ')
    .filter((scope) => scope !== '' && !openIdScopes.includes(scope))
  const [scope = '', ...others] = scopes
  if (others.length === 0 && scope.endsWith('/.default')) return scope.slice(0, -'/.default'.length)
  return refuse('wrongScope', 'The scope must be one resource followed by /.default.')
}

function refuse(kind: TokenRefusal, text: string): Refused {
  return { kind, text }
}

/** Names from outside, fit for an error text: a secret pasted into the wrong field is long or has other characters. */
function printable(name: string): string {
  return /^[\w.:/@-]{1,60}$/.test(name) ? name : '(not shown)'
}
