import { randomUUID } from 'node:crypto'
import * as jose from 'jose'
import type { Clock } from '../../kernel/index.ts'
import type { PublicUrls } from '../wire/public-urls.ts'
import type { App } from './directory.ts'
import type { Resource, ResourceRegistry } from './resources.ts'

/** Seconds that a token lives, as Entra ID answers. */
export const tokenLifetimeSeconds = 3599

/** What a token proves about its bearer. */
export interface Bearer {
  readonly tenantId: string
  readonly clientId: string
  readonly roles: readonly string[]
}

/** The key pair that signs tokens. */
export type TokenKeys = jose.GenerateKeyPairResult

/** Makes the key pair, RSA-2048, which lives as long as the simulator. */
export function issueTokenKeys(): Promise<TokenKeys> {
  return jose.generateKeyPair('RS256', { modulusLength: 2048 })
}

/** Mints and verifies access tokens: RS256, verifiable by the published key. Times are the simulator's clock. */
export class TokenIssuer {
  readonly #keys: TokenKeys
  readonly #keyId = randomUUID()
  readonly #urls: PublicUrls
  readonly #resources: ResourceRegistry
  readonly #clock: Clock

  constructor(keys: TokenKeys, urls: PublicUrls, resources: ResourceRegistry, clock: Clock) {
    this.#keys = keys
    this.#urls = urls
    this.#resources = resources
    this.#clock = clock
  }

  /** A token for `audience`, the name that the client asked for. Roles are those granted now. */
  async issue(
    app: App,
    audience: string,
    resource: Resource,
    credential: 'secret' | 'certificate',
  ): Promise<string> {
    const roles = resource === 'intune' ? app.intuneRoles : app.graphRoles
    const nowSeconds = Math.floor(this.#clock.now().getTime() / 1000)
    const claims = {
      tid: app.tenantId,
      appid: app.clientId,
      azp: app.clientId,
      appidacr: credential === 'secret' ? '1' : '2',
      idtyp: 'app',
      ver: '1.0',
      uti: randomUUID(),
      // Entra ID leaves the claim out of a token without any role.
      ...(roles.length === 0 ? {} : { roles }),
    }
    return await new jose.SignJWT(claims)
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: this.#keyId })
      .setIssuer(this.issuerOf(app.tenantId))
      .setSubject(app.clientId)
      .setAudience(audience)
      .setIssuedAt(nowSeconds)
      .setNotBefore(nowSeconds)
      .setExpirationTime(nowSeconds + tokenLifetimeSeconds)
      .sign(this.#keys.privateKey)
  }

  /** Who bears this Authorization header; undefined unless it is a live token of ours for that resource. */
  async findBearer(header: string | undefined, resource: Resource): Promise<Bearer | undefined> {
    const token = /^Bearer ([\w.-]{1,8000})$/i.exec(header ?? '')?.[1]
    if (token === undefined) return undefined
    try {
      const { payload } = await jose.jwtVerify<{ tid: string; appid: string; roles?: string[] }>(
        token,
        this.#keys.publicKey,
        { algorithms: ['RS256'], currentDate: this.#clock.now() },
      )
      const isForUs =
        typeof payload.aud === 'string' && this.#resources.find(payload.aud) === resource
      if (!isForUs) return undefined
      return { tenantId: payload.tid, clientId: payload.appid, roles: payload.roles ?? [] }
    } catch {
      // Expired, foreign or damaged: the caller answers 401 without saying which.
      return undefined
    }
  }

  /** `iss` of a tenant's tokens. */
  issuerOf(tenantId: string): string {
    return `${this.#urls.authority}${tenantId}/v2.0`
  }

  /** JSON Web Key Set with the one key. */
  async encodeKeySet(): Promise<{ keys: jose.JWK[] }> {
    const key = await jose.exportJWK(this.#keys.publicKey)
    return { keys: [{ ...key, kid: this.#keyId, use: 'sig', alg: 'RS256' }] }
  }
}
