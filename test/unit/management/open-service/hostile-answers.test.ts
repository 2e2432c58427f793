import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { ConnectorError } from '../../../../src/kernel/index.ts'
import type { OpenService } from '../../../../src/management/index.ts'
import { openServiceClient } from '../../../support/open-service-client.ts'
import {
  json,
  type ScriptedAnswer,
  type ScriptedHttps,
  startScriptedHttps,
} from '../../../support/scripted-https.ts'

let server: ScriptedHttps
before(async () => {
  server = await startScriptedHttps()
})
after(async () => {
  await server[Symbol.asyncDispose]()
})

function discovery(change: object = {}): object {
  const base = `${server.url}/ocs`
  return {
    service: 'open-connector-service',
    apiVersions: ['2025-01-01'],
    endpoints: { work: base, health: base, enrollment: base },
    limits: {
      maxRequests: 100,
      maxRevocationRequests: 500,
      maxBodyBytes: 8_388_608,
      maxWaitSeconds: 30,
      minLeaseSeconds: 60,
      maxLeaseSeconds: 3600,
    },
    ...change,
  }
}

const token = 'enrolment-token-that-must-not-be-seen'

function openClient(): OpenService {
  return openServiceClient({
    httpsUrl: server.url,
    caPem: server.caPem,
    enrolmentToken: token,
    releaseKeyPem: releaseKey,
  })
}

const releaseKey =
  '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n'

async function enrolAgainst(...answers: ScriptedAnswer[]): Promise<ConnectorError> {
  server.script('other', ...answers)
  const client = openClient()
  try {
    await client.keepEnrolled(AbortSignal.timeout(20_000))
  } catch (error) {
    assert.ok(error instanceof ConnectorError, String(error))
    assert.ok(!error.message.includes(token), error.message)
    return error
  } finally {
    await client.close()
    // What the client did not ask for must not meet the next one.
    server.script('other')
  }
  throw new Error('it enrolled')
}

describe('a discovery that is not the contract’s', () => {
  for (const [title, answer, code] of [
    ['is a page', { body: '<html><title>Sign in</title></html>' }, 'management/bad-response'],
    ['is a list', json([]), 'management/bad-response'],
    ['is of another service', json({ service: 'other' }), 'management/bad-response'],
    [
      'is a redirect',
      { status: 302, headers: { location: '/elsewhere' } },
      'management/unavailable',
    ],
    ['is larger than 8 MiB', { body: `"${'x'.repeat(8_400_000)}"` }, 'management/bad-response'],
    ['is cut off', { body: '{"service":"open', cutBytes: 5 }, 'management/unavailable'],
  ] as const)
    test(`${title}: nobody enrols`, async () => {
      assert.equal((await enrolAgainst(answer)).code, code)
    })

  test('names an endpoint elsewhere: the token is not sent there', async () => {
    const elsewhere = 'https://198.51.100.1/ocs'
    const endpoints = { work: elsewhere, health: elsewhere, enrollment: elsewhere }
    const before = server.calls.length
    const error = await enrolAgainst(json(discovery({ endpoints })))
    assert.equal(error.code, 'management/bad-response')
    assert.equal(server.calls.length, before + 1)
  })

  test('speaks another version', async () => {
    const error = await enrolAgainst(json(discovery({ apiVersions: ['1999-01-01'] })))
    assert.equal(error.code, 'management/misconfigured')
  })
})

describe('an enrolment that is answered', () => {
  test('429 waits as long as Retry-After says', async () => {
    const busy = { status: 429, headers: { 'retry-after': '120' }, body: '{}' }
    const error = await enrolAgainst(json(discovery()), busy)
    assert.equal(error.isTransient, true)
    assert.equal(error.retryAfterMs, 120_000)
  })

  test('400 names the members, and does not repeat the token', async () => {
    const details = [{ target: 'csr', code: 'BadRequest', message: `no PKCS #10 in ${token}` }]
    const answer = json({ error: { code: 'ParameterDataInvalid', message: 'wrong', details } }, 400)
    const error = await enrolAgainst(json(discovery()), answer)
    assert.match(error.message, /csr: no PKCS #10/)
    assert.equal(error.isTransient, false)
  })

  test('201 with certificates for other keys is refused', async () => {
    const connector = {
      id: randomUUID(),
      displayName: 'x',
      machineName: 'x',
      connectorVersion: '1',
      enrolledDateTime: '2026-01-01T00:00:00Z',
      lastConnectionDateTime: '2026-01-01T00:00:00Z',
      state: 'active',
      features: { scep: true, pkcs: true, pkcsImport: true, revocation: true },
      paused: false,
      routingTags: [],
      encryptionCertificateThumbprintSha256: 'ab'.repeat(32),
    }
    const pem = server.caPem
    const answer = { connector, certificate: pem, encryptionCertificate: pem, chain: pem }
    const error = await enrolAgainst(json(discovery()), json(answer, 201))
    assert.equal(error.code, 'management/bad-response')
  })
})
