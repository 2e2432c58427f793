import { randomUUID } from 'node:crypto'
import { type Clock, Secret } from '../../kernel/index.ts'
import { waitUntil } from '../http/abort.ts'
import { createSingleFlight } from '../http/single-flight.ts'
import type { RequestToken } from './token-request.ts'

const REFRESH_BEFORE_MS = 5 * 60_000

/** A token as Entra ID gave it. Its signature is not checked: it is for the service, not for us. */
export interface AccessToken {
  readonly scope: string
  readonly value: Secret
  readonly expiresAt: Date
  /** Claim `roles`; undefined when the token is opaque. */
  readonly roles: readonly string[] | undefined
}

/** Hands out tokens, one a scope, from memory while they last. */
export interface TokenSource {
  /** @throws ConnectorError `management/unauthorized`, `management/unavailable`, `management/bad-response`, `management/misconfigured` */
  get(scope: string, signal: AbortSignal): Promise<AccessToken>
  /** Forgets this very token, after a 401 or 403: one minted before consent fails for its whole life. */
  drop(token: AccessToken): void
}

/**
 * Caches tokens until five minutes before their end, with one request in flight a scope.
 * When Entra ID is away in those last minutes, the old token serves on.
 *
 * @param lifetime aborts what runs when the client is closed
 */
export function createTokenSource(
  requestToken: RequestToken,
  clock: Clock,
  lifetime: AbortSignal,
): TokenSource {
  const tokens = new Map<string, { readonly token: AccessToken; readonly refreshAt: number }>()
  const share = createSingleFlight<AccessToken>()

  async function refresh(scope: string): Promise<AccessToken> {
    const { value, lifetimeMs } = await requestToken(scope, randomUUID(), lifetime)
    const now = clock.now().getTime()
    const token: AccessToken = {
      scope,
      value: new Secret(value),
      expiresAt: new Date(now + lifetimeMs),
      roles: readRoles(value),
    }
    const refreshAt = now + lifetimeMs - Math.min(REFRESH_BEFORE_MS, lifetimeMs / 2)
    tokens.set(scope, { token, refreshAt })
    return token
  }

  return {
    async get(scope, signal) {
      const known = tokens.get(scope)
      if (known !== undefined && clock.now().getTime() < known.refreshAt) return known.token
      try {
        return await waitUntil(
          share(scope, () => refresh(scope)),
          signal,
          'token request',
        )
      } catch (failure) {
        if (
          known !== undefined &&
          tokens.get(scope) === known &&
          clock.now() < known.token.expiresAt
        ) {
          return known.token
        }
        throw failure
      }
    },
    drop(token) {
      if (tokens.get(token.scope)?.token === token) tokens.delete(token.scope)
    },
  }
}

/** Reads the claim without trusting it; it only feeds a warning. */
function readRoles(jwt: string): readonly string[] | undefined {
  const payload = jwt.split('.')[1]
  if (payload === undefined) return undefined
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))
    if (typeof claims !== 'object' || claims === null) return undefined
    const roles: unknown = 'roles' in claims ? claims.roles : []
    return Array.isArray(roles) ? roles.filter((role) => typeof role === 'string') : []
  } catch {
    return undefined
  }
}
