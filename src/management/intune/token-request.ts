import { ConfidentialClientApplication, type INetworkModule } from '@azure/msal-node'
import { ConnectorError } from '../../kernel/index.ts'
import { parseErrorBody } from '../http/error-body.ts'
import type { HttpAnswer, HttpClient, HttpRequest } from '../http/http-client.ts'
import { createHttpFailure } from '../http/http-failure.ts'
import { isJsonObject, type JsonObject } from '../http/json-object.ts'
import { createAssertionSource } from './client-assertion.ts'
import type { IntuneSettings } from './settings.ts'

const WHAT = 'Entra ID'
/** Numbers that tell of a wrong setting rather than of a wrong secret: unknown tenant, application, resource. */
const SETTING_ERRORS: ReadonlySet<string> = new Set(['90002', '700016', '500011'])

/** Asks Entra ID for one token, without any cache. */
export type RequestToken = (
  scope: string,
  activityId: string,
  signal: AbortSignal,
) => Promise<{ readonly value: string; readonly lifetimeMs: number }>

/**
 * Client credentials grant of OAuth 2.0 by MSAL, over our own HTTP client.
 *
 * Each request gets its own MSAL application: a longer-lived one answers from memory for a minute after one 5xx, which
 * defeats our retries, and keeps tokens that we dropped. The endpoint is given, so MSAL asks for no metadata.
 *
 * @throws ConnectorError `management/misconfigured` the certificate or key is unusable
 * @see intune-api.md, 1.1 and 1.4
 */
export function createTokenRequest(settings: IntuneSettings, http: HttpClient): RequestToken {
  const { clientId, credential, clock } = settings
  const authority = `${settings.authorityUrl}${settings.tenant}`
  const tokenUrl = `${authority}/oauth2/v2.0/token`
  const secrets = 'secret' in credential ? [credential.secret.reveal()] : []
  const makeAssertion =
    'secret' in credential
      ? undefined
      : createAssertionSource(clientId, credential.certificatePem, credential.privateKey, clock)
  const auth = {
    clientId,
    authority,
    knownAuthorities: [new URL(authority).host],
    authorityMetadata: JSON.stringify({
      issuer: `${authority}/v2.0`,
      authorization_endpoint: `${authority}/oauth2/v2.0/authorize`,
      token_endpoint: tokenUrl,
      jwks_uri: `${authority}/discovery/v2.0/keys`,
    }),
    ...('secret' in credential
      ? { clientSecret: credential.secret.reveal() }
      : { clientAssertion: async () => (await makeAssertion?.(tokenUrl)) ?? '' }),
  }

  return async (scope, activityId, signal) => {
    let failure: ConnectorError | undefined
    const post: TokenPost = async (headers, body) => {
      // MSAL would add a query of its own; the call has an id already.
      const call: HttpRequest = { method: 'POST', url: tokenUrl, headers, body, activityId }
      try {
        const answer = await http.send(call, signal)
        return { ...answer, body: parseTokenAnswer(answer, call, secrets, clock.now()) }
      } catch (cause) {
        // MSAL wraps what its network throws; the caller needs the original.
        failure = cause instanceof ConnectorError ? cause : undefined
        throw cause
      }
    }
    const app = new ConfidentialClientApplication({
      auth,
      system: { networkClient: createNetwork(post) },
    })
    try {
      const result = await app.acquireTokenByClientCredential({
        scopes: [scope],
        correlationId: activityId,
        skipCache: true,
        azureRegion: 'DisableMsalForceRegion',
      })
      // MSAL reckons `expiresOn` with the machine's clock; only the difference is of use to ours.
      const lifetimeMs = (result?.expiresOn?.getTime() ?? 0) - Date.now()
      if (result === null || lifetimeMs <= 0)
        throw badToken('its token is already expired', activityId)
      return { value: result.accessToken, lifetimeMs }
    } catch (cause) {
      if (failure !== undefined) throw failure
      if (cause instanceof ConnectorError) throw cause
      throw badToken('its answer could not be used', activityId)
    }
  }
}

type TokenPost = (
  headers: Record<string, string>,
  body: string,
) => Promise<{ status: number; headers: Readonly<Record<string, string>>; body: JsonObject }>

/** MSAL's network port. It needs no GET: the metadata is given. */
function createNetwork(post: TokenPost): INetworkModule {
  return {
    sendGetRequestAsync: () => Promise.reject(new TypeError('the token request sends no GET')),
    sendPostRequestAsync: async <T>(
      _url: string,
      options?: { headers?: Record<string, string>; body?: string },
    ) => {
      const answer = await post(options?.headers ?? {}, options?.body ?? '')
      // MSAL names the type it expects; parseTokenAnswer has checked the members that it reads.
      return { status: answer.status, headers: { ...answer.headers }, body: answer.body as T }
    },
  }
}

function parseTokenAnswer(
  answer: HttpAnswer,
  call: HttpRequest,
  secrets: readonly string[],
  now: Date,
): JsonObject {
  if (answer.status < 200 || answer.status > 299) {
    const { aadsts } = parseErrorBody(answer.body, secrets)
    const failure = createHttpFailure(answer, call, WHAT, secrets, now)
    if (failure.isTransient) throw failure
    const isSetting = aadsts !== undefined && SETTING_ERRORS.has(aadsts)
    throw new ConnectorError(
      isSetting ? 'management/misconfigured' : 'management/unauthorized',
      failure.message,
      {
        httpStatus: answer.status,
        activityId: call.activityId,
      },
    )
  }
  let body: unknown
  try {
    body = JSON.parse(answer.body)
  } catch {
    throw badToken('its answer is no JSON', call.activityId, answer.status)
  }
  if (isJsonObject(body) && isUsableToken(body)) return body
  throw badToken('its answer lacks access_token or expires_in', call.activityId, answer.status)
}

/** The token becomes a header, so it must fit into one. */
function isUsableToken({ access_token: token, expires_in: seconds }: JsonObject): boolean {
  const isHeaderText = typeof token === 'string' && /^[\x21-\x7e]+$/.test(token)
  return isHeaderText && /^\d{1,9}$/.test(String(seconds))
}

function badToken(problem: string, activityId: string, httpStatus?: number): ConnectorError {
  return new ConnectorError('management/bad-response', `${WHAT}: ${problem}`, {
    activityId,
    isTransient: true,
    ...(httpStatus === undefined ? {} : { httpStatus }),
  })
}
