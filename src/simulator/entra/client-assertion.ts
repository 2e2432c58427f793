import { createHash, type X509Certificate } from 'node:crypto'
import * as jose from 'jose'
import { BoundedMap } from '../ring.ts'
import type { App } from './directory.ts'

/** Longest life of an assertion that is accepted, in seconds: MSAL's ten minutes and a minute of grace. */
const maxLifetimeSeconds = 660

/**
 * Checks client assertions: PS256 or RS256, thumbprint in `x5t#S256` or `x5t`, `aud` the token URL, `iss` and `sub` the
 * client, a short life, each `jti` once.
 *
 * @see Microsoft identity platform, application authentication certificate credentials
 */
export class AssertionChecker {
  readonly #jtiSeen = new BoundedMap<string, true>(10_000)

  /**
   * @param tokenUrls every URL that may stand in `aud`
   * @param now by the client's clock, which the control call does not shift
   * @returns a problem in words, without any part of the assertion; undefined when it is good
   */
  async check(
    assertion: string,
    app: App,
    tokenUrls: readonly string[],
    now: Date,
  ): Promise<string | undefined> {
    try {
      const header = jose.decodeProtectedHeader(assertion)
      const certificate = app.certificates.find((one) => isNamedBy(header, one))
      if (!certificate) return 'the certificate of the assertion is not registered for the app'
      const { payload } = await jose.jwtVerify(assertion, certificate.publicKey, {
        algorithms: ['PS256', 'RS256'],
        audience: tokenUrls.flatMap((url) => [url, `${url}/`]),
        requiredClaims: ['exp', 'jti', 'iss', 'sub'],
        clockTolerance: 60,
        currentDate: now,
      })
      // Application ids are GUIDs, which no case can make different.
      const names = [payload.iss, payload.sub].map((name) => name?.toLowerCase())
      if (names.some((name) => name !== app.clientId)) return 'iss and sub must be the client_id'
      return this.#checkOnce(app, payload)
    } catch (error) {
      return error instanceof jose.errors.JOSEError
        ? `the assertion is not valid (${error.code})`
        : 'the assertion is not a JWT'
    }
  }

  #checkOnce(app: App, { jti, iat, nbf, exp }: jose.JWTPayload): string | undefined {
    const start = nbf ?? iat
    if (start === undefined || exp === undefined || exp - start > maxLifetimeSeconds) {
      return 'the assertion lives longer than ten minutes'
    }
    const key = `${app.tenantId}/${app.clientId}/${jti}`
    if (this.#jtiSeen.has(key)) return 'the jti of the assertion was used before'
    this.#jtiSeen.set(key, true)
    return undefined
  }
}

function isNamedBy(header: jose.ProtectedHeaderParameters, { raw }: X509Certificate): boolean {
  const named = header as Readonly<Record<string, unknown>>
  const thumbprint = (hash: string): string => createHash(hash).update(raw).digest('base64url')
  // Some clients send both; then both must be right.
  const sha256 = named['x5t#S256']
  const sha1 = named['x5t']
  if (sha256 === undefined && sha1 === undefined) return false
  return (
    (sha256 === undefined || sha256 === thumbprint('sha256')) &&
    (sha1 === undefined || sha1 === thumbprint('sha1'))
  )
}
