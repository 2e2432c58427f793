import assert from 'node:assert/strict'
import { createHash, randomUUID, X509Certificate } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { ConfidentialClientApplication } from '@azure/msal-node'
import * as jose from 'jose'
import { type Identity, issueIdentity } from '../../../src/simulator/x509.ts'
import { listAt, pick, textAt, WireClient } from './wire-client.ts'

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const certificateApp = 'aaaaaaaa-0000-4000-8000-000000000001'
const powerlessApp = 'aaaaaaaa-0000-4000-8000-000000000002'

let wire: WireClient
let identity: Identity

before(async () => {
  const now = new Date()
  identity = await issueIdentity({ commonName: 'app', purpose: 'signing', key: 'rsa-2048', now })
  wire = await WireClient.start({
    apps: [
      { clientId: certificateApp, certificatesPem: [identity.certificatePem] },
      { clientId: powerlessApp, clientSecret: 'powerless', intuneRoles: [], graphRoles: [] },
    ],
  })
})
after(async () => {
  await wire[Symbol.asyncDispose]()
})

/** What a test changes about a good assertion. */
interface AssertionChange {
  readonly alg?: string
  readonly header?: object
  readonly audience?: string
  readonly subject?: string
  readonly issuer?: string
  readonly lifetimeSeconds?: number
  readonly jti?: string
  readonly issuedAt?: number
}

async function assertion(change: AssertionChange = {}): Promise<Record<string, string>> {
  const alg = change.alg ?? 'PS256'
  const key = await jose.importPKCS8(identity.privateKeyPem, alg)
  const thumbprint = createHash('sha256').update(identity.certificateDer).digest('base64url')
  const now = change.issuedAt ?? Math.floor(Date.now() / 1000)
  const { authorityUrl, tenantId } = wire.simulator
  const signed = await new jose.SignJWT({})
    .setProtectedHeader({ alg, typ: 'JWT', 'x5t#S256': thumbprint, ...change.header })
    .setAudience(change.audience ?? `${authorityUrl}${tenantId}/oauth2/v2.0/token`)
    .setIssuer(change.issuer ?? certificateApp)
    .setSubject(change.subject ?? certificateApp)
    .setJti(change.jti ?? randomUUID())
    .setIssuedAt(now)
    .setNotBefore(now)
    .setExpirationTime(now + (change.lifetimeSeconds ?? 600))
    .sign(key)
  return {
    client_id: certificateApp,
    client_secret: '',
    client_assertion: signed,
    client_assertion_type: assertionType,
  }
}

describe('check 53: token endpoint v2', () => {
  test('a secret gives a bearer token, as JSON with a numeric lifetime', async () => {
    const { status, headers, json } = await wire.postToken()
    assert.equal(status, 200)
    assert.match(String(headers['content-type']), /^application\/json/)
    assert.equal(pick(json, 'token_type'), 'Bearer')
    assert.equal(pick(json, 'expires_in'), 3599)
  })

  test('the token verifies by the published key and names aud, tid, appid and roles', async () => {
    const token = await wire.getToken()
    const { authorityUrl, tenantId, clientId } = wire.simulator
    const keys = await wire.send('GET', `${authorityUrl}${tenantId}/discovery/v2.0/keys`)
    const keySet = jose.createLocalJWKSet(JSON.parse(keys.text) as jose.JSONWebKeySet)
    const { payload } = await jose.jwtVerify(token, keySet)
    assert.equal(payload.aud, 'https://api.manage.microsoft.com/')
    assert.equal(payload['tid'], tenantId)
    assert.equal(payload['appid'], clientId)
    assert.deepEqual(payload['roles'], ['scep_challenge_provider'])
  })

  test('an app without roles gets a token without the claim', async () => {
    const token = await wire.getToken({ client_id: powerlessApp, client_secret: 'powerless' })
    assert.equal('roles' in jose.decodeJwt(token), false)
  })

  test("MSAL's three further scopes are dropped, and the single slash is accepted", async () => {
    const scope = 'openid https://api.manage.microsoft.com/.default profile offline_access'
    const token = await wire.getToken({ scope, client_info: '1' })
    assert.equal(jose.decodeJwt(token).aud, 'https://api.manage.microsoft.com')
  })

  test('client-request-id comes back', async () => {
    const { authorityUrl, tenantId } = wire.simulator
    const url = `${authorityUrl}${tenantId}/oauth2/v2.0/token`
    const { headers } = await wire.send('POST', url, '', { 'client-request-id': 'one-1' })
    assert.equal(headers['client-request-id'], 'one-1')
  })

  for (const [title, change, path, status, error, number] of [
    ['a wrong secret', { client_secret: 'wrong' }, undefined, 401, 'invalid_client', 7000215],
    ['no credential', { client_secret: '' }, undefined, 401, 'invalid_client', 7000218],
    ['an unknown tenant', {}, 'nowhere/oauth2/v2.0/token', 400, 'invalid_request', 90002],
    ['an unknown app', { client_id: randomUUID() }, undefined, 400, 'unauthorized_client', 700016],
    [
      'an unknown resource',
      { scope: 'https://else.example/.default' },
      undefined,
      400,
      'invalid_resource',
      500011,
    ],
    ['a scope without .default', { scope: 'openid' }, undefined, 400, 'invalid_scope', 1002012],
    ['another grant', { grant_type: 'password' }, undefined, 400, 'unsupported_grant_type', 70003],
  ] as const) {
    test(`${title} is ${status} ${error}`, async () => {
      const reply = await wire.postToken(change, path)
      assert.equal(reply.status, status)
      assert.equal(pick(reply.json, 'error'), error)
      assert.deepEqual(pick(reply.json, 'error_codes'), [number])
      assert.match(textAt(reply.json, 'error_description'), new RegExp(`^AADSTS${number}: `))
    })
  }

  test('a tenant is found by its domain as well', async () => {
    const path = 'Simulator.onmicrosoft.com/oauth2/v2.0/token'
    const token = await wire.getToken({}, path)
    assert.equal(jose.decodeJwt(token)['tid'], wire.simulator.tenantId)
  })
})

describe('check 53: client assertions', () => {
  const sha1 = (): string =>
    new X509Certificate(identity.certificatePem).fingerprint.replaceAll(':', '')

  for (const [title, change] of [
    ['PS256 with x5t#S256', {}],
    ['RS256 with x5t#S256', { alg: 'RS256' }],
    ['a client id in capitals', { issuer: certificateApp.toUpperCase() }],
  ] as const) {
    test(`${title} gives a token`, async () => {
      assert.equal((await wire.postToken(await assertion(change))).status, 200)
    })
  }

  test('the older x5t, and an audience with a trailing slash, are accepted', async () => {
    const x5t = Buffer.from(sha1(), 'hex').toString('base64url')
    const { authorityUrl, tenantId } = wire.simulator
    const form = await assertion({
      header: { x5t, 'x5t#S256': undefined },
      audience: `${authorityUrl}${tenantId}/oauth2/v2.0/token/`,
    })
    assert.equal((await wire.postToken(form)).status, 200)
  })

  for (const [title, change] of [
    ['an unregistered certificate', { header: { 'x5t#S256': 'AAAA' } }],
    ['no thumbprint', { header: { 'x5t#S256': undefined } }],
    ['another audience', { audience: 'https://login.microsoftonline.com/' }],
    ['another subject', { subject: powerlessApp }],
    ['another issuer', { issuer: powerlessApp }],
    ['an hour of life', { lifetimeSeconds: 3600 }],
    ['an end in the past', { issuedAt: 1_600_000_000 }],
  ] as const) {
    test(`an assertion with ${title} is 401 AADSTS700027`, async () => {
      const { status, json } = await wire.postToken(await assertion(change))
      assert.equal(status, 401)
      assert.deepEqual(pick(json, 'error_codes'), [700027])
    })
  }

  test('an assertion is good once', async () => {
    const form = await assertion({ jti: 'once' })
    assert.equal((await wire.postToken(form)).status, 200)
    assert.equal((await wire.postToken(form)).status, 401)
  })

  test('the moved clock does not age assertions, which the client made by its own', async () => {
    await wire.control('POST', 'clock', { advanceMinutes: 120 })
    const { status } = await wire.postToken(await assertion())
    await wire.control('POST', 'clock', { advanceMinutes: -120 })
    assert.equal(status, 200)
  })
})

describe('checks 54 to 57: the other dialects', () => {
  test('check 54: v1 takes a resource and a lower-cased tenant, and writes numbers as text', async () => {
    const path = `${wire.simulator.tenantId.toLowerCase()}/oauth2/token`
    const form = { resource: 'https://graph.windows.net/', scope: 'openid' }
    const { status, json } = await wire.postToken(form, path)
    assert.equal(status, 200)
    assert.equal(pick(json, 'expires_in'), '3599')
    assert.equal(pick(json, 'resource'), 'https://graph.windows.net/')
  })

  test('check 55: instance discovery names a tenant discovery endpoint', async () => {
    const { authorityUrl, tenantId } = wire.simulator
    const asked = encodeURIComponent(`${authorityUrl}${tenantId}/oauth2/v2.0/authorize`)
    const url = `${authorityUrl}common/discovery/instance?api-version=1.1&authorization_endpoint=${asked}`
    const { json } = await wire.send('GET', url)
    const next = await wire.send('GET', textAt(json, 'tenant_discovery_endpoint'))
    assert.equal(pick(next.json, 'token_endpoint'), `${authorityUrl}${tenantId}/oauth2/v2.0/token`)
    const { host } = new URL(authorityUrl)
    const [entry] = listAt(json, 'metadata')
    assert.deepEqual(entry, { preferred_network: host, preferred_cache: host, aliases: [host] })
  })

  test('check 56: the issuer of the OpenID metadata is the issuer of the tokens', async () => {
    const { authorityUrl, tenantId } = wire.simulator
    const url = `${authorityUrl}${tenantId}/v2.0/.well-known/openid-configuration`
    const { json } = await wire.send('GET', url)
    assert.equal(pick(json, 'issuer'), jose.decodeJwt(await wire.getToken()).iss)
  })

  for (const form of [
    { resource: 'https://graph.windows.net/', scope: '' },
    { scope: 'https://graph.microsoft.com/.default' },
  ]) {
    test(`check 57: an ADFS-shaped path takes ${Object.keys(form)[0]}`, async () => {
      assert.equal((await wire.postToken(form, 'adfs/oauth2/token')).status, 200)
    })
  }

  test('MSAL for Node gets a token, with the real library and nothing but the CA file', async () => {
    const { authorityUrl, tenantId, clientId, clientSecret } = wire.simulator
    const exchange = async (method: 'GET' | 'POST', url: string, options?: object) => {
      const { headers, body } = (options ?? {}) as {
        headers?: Record<string, string>
        body?: string
      }
      const reply = await wire.send(method, url, body, headers)
      return { status: reply.status, headers: {}, body: JSON.parse(reply.text) }
    }
    const msal = new ConfidentialClientApplication({
      auth: {
        clientId,
        clientSecret,
        authority: `${authorityUrl}${tenantId}`,
        knownAuthorities: [new URL(authorityUrl).host],
      },
      system: {
        networkClient: {
          sendGetRequestAsync: (url, options) => exchange('GET', url, options),
          sendPostRequestAsync: (url, options) => exchange('POST', url, options),
        },
      },
    })
    const scopes = ['https://api.manage.microsoft.com//.default']
    const result = await msal.acquireTokenByClientCredential({ scopes })
    const claims = jose.decodeJwt(result?.accessToken ?? '')
    assert.equal(claims.aud, 'https://api.manage.microsoft.com/')
  })
})
