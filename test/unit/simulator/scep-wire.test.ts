import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { encodeCsr } from './csr-maker.ts'
import { pick, textAt, WireClient } from './wire-client.ts'

const powerless = { clientId: 'aaaaaaaa-0000-4000-8000-000000000004', clientSecret: 'powerless' }
const defaults = {
  successWithoutValidate: 'accept',
  apiVersions: 'lenient',
  downloadFilter: 'bug-compatible',
  uploadAnswer: true,
}

let wire: WireClient

before(async () => {
  wire = await WireClient.start({ apps: [{ ...powerless, intuneRoles: [] }] })
})
after(async () => {
  await wire[Symbol.asyncDispose]()
})
beforeEach(async () => {
  await wire.control('PUT', 'behaviour', defaults)
})

const success = {
  transactionId: 'tx-ok',
  certificateRequest: 'Q1NS',
  certificateThumbprint: 'THUMB',
  certificateSerialNumber: '0A',
  certificateExpirationDateUtc: '2027-01-02T03:04:05.000Z',
  issuingCertificateAuthority: 'CN=Issuing',
  callerInfo: 'Conn/1.0',
}
const failure = {
  transactionId: 'tx-ok',
  certificateRequest: 'Q1NS',
  hResult: -2147418113,
  errorDescription: 'desc',
  callerInfo: 'Conn/1.0',
}

async function lastNotification() {
  const [last] = await wire.list('notifications?last=1')
  assert.ok(last)
  return last
}

describe('check 60: who may call', () => {
  const cases: [string, () => Promise<string>][] = [
    ['no token', async () => ''],
    ['a damaged token', async () => `Bearer ${await wire.getToken()}x`],
    [
      'a token for Graph',
      async () =>
        `Bearer ${await wire.getToken({ scope: 'https://graph.microsoft.com/.default' })}`,
    ],
    [
      'a token without the role',
      async () =>
        `Bearer ${await wire.getToken({ client_id: powerless.clientId, client_secret: powerless.clientSecret })}`,
    ],
  ]
  for (const [title, authorization] of cases) {
    test(`${title} is 401 with a JSON body`, async () => {
      const headers = { authorization: await authorization() }
      const { status, json } = await wire.postIntune('ScepActions/validateRequest', {}, headers)
      assert.equal(status, 401)
      assert.equal(pick(json, 'error', 'code'), 'Unauthorized')
    })
  }

  test('a token expires by the clock of the simulator', async () => {
    const authorization = `Bearer ${await wire.getToken()}`
    await wire.control('POST', 'clock', { advanceMinutes: 61 })
    const { status } = await wire.postIntune('ScepActions/validateRequest', {}, { authorization })
    await wire.control('POST', 'clock', { advanceMinutes: -61 })
    assert.equal(status, 401)
  })

  test('the tenant of the token is what the challenge is compared with', async () => {
    const tenantId = 'bbbbbbbb-0000-4000-8000-000000000001'
    const app = { tenantId, clientId: 'bbbbbbbb-0000-4000-8000-000000000002', clientSecret: 's' }
    await wire.control('POST', 'apps', app)
    const path = `${tenantId}/oauth2/v2.0/token`
    const form = { client_id: app.clientId, client_secret: app.clientSecret }
    const authorization = `Bearer ${await wire.getToken(form, path)}`
    const certificateRequest = await encodeCsr({ challenge: await wire.mint({ tenantId }) })
    const request = { transactionId: 't', certificateRequest, callerInfo: 'c' }
    const validate = (headers: Record<string, string>) =>
      wire.postIntune('ScepActions/validateRequest', { request }, headers)
    assert.equal(pick((await validate({ authorization })).json, 'code'), 'Success')
    assert.equal(pick((await validate({})).json, 'code'), 'BadTenantIdInChallenge')
  })
})

describe('check 61: bodies as they come', () => {
  test('the recorded success of the Java library is accepted: Latin-1, escaped slashes, hash order', async () => {
    const body = Buffer.from(
      '{"notification":{"certificateRequest":"Q1NS","certificateThumbprint":"THUMB","issuingCertificateAuthority":"CN=Issuing \u00e9?","certificateSerialNumber":"0A","certificateExpirationDateUtc":"2027-01-02T03:04:05.000Z","transactionId":"tx-java","callerInfo":"Conn\\/1.0"}}',
      'latin1',
    )
    const reply = await wire.postIntune('ScepActions/successNotification', body, {
      'content-type': 'application/json',
      'client-request-id': '6f9619ff-8b86-4011-b42d-00c04fc964ff',
      UserAgent: 'Conn/1.0',
      'User-Agent': 'Apache-HttpClient/4.5.13 (Java/17.0.15)',
      'Accept-Encoding': 'gzip,deflate',
    })
    assert.equal(pick(reply.json, 'code'), 'Success')
    assert.equal(reply.headers['client-request-id'], '6f9619ff-8b86-4011-b42d-00c04fc964ff')
    const last = await lastNotification()
    assert.equal(pick(last, 'issuingCertificateAuthority'), 'CN=Issuing \u00e9?')
    assert.equal(pick(last, 'callerInfo'), 'Conn/1.0')
    assert.equal(pick(last, 'caConfiguration'), null)
  })

  test('the recorded validation of the Java library is read', async () => {
    const body =
      '{"request":{"certificateRequest":"Q1NS","transactionId":"tx-ok","callerInfo":"Conn\\/1.0"}}'
    const headers = { 'content-type': 'application/json', UserAgent: 'Conn/1.0' }
    const { json } = await wire.postIntune('ScepActions/validateRequest', body, headers)
    assert.equal(pick(json, 'code'), 'CertificateRequestDecodingFailed')
  })

  test('the C# shape is accepted: UTF-8, indented, null for what is unset', async () => {
    const notification = {
      ...success,
      issuingCertificateAuthority: 'CN=Ausstellende Stelle \u00fc\u4e2d',
      caConfiguration: null,
      certificateAuthority: null,
    }
    const { json } = await wire.postIntune(
      'ScepActions/successNotification',
      JSON.stringify({ notification }, null, 2).replaceAll('\n', '\r\n'),
      { 'content-type': 'application/json; charset=utf-8' },
    )
    assert.equal(pick(json, 'code'), 'Success')
    const last = await lastNotification()
    assert.equal(pick(last, 'issuingCertificateAuthority'), 'CN=Ausstellende Stelle \u00fc\u4e2d')
  })

  test('an optional member that is empty counts as unset, a full one is kept', async () => {
    const notification = { ...success, caConfiguration: 'ca/1', certificateAuthority: '' }
    await wire.postIntune('ScepActions/successNotification', { notification })
    const last = await lastNotification()
    assert.equal(pick(last, 'caConfiguration'), 'ca/1')
    assert.equal(pick(last, 'certificateAuthority'), null)
  })

  for (const hResult of [-(2 ** 31), -2147418113, 2147549183, 2 ** 32 - 1]) {
    test(`hResult ${hResult} is accepted and recorded as sent`, async () => {
      const notification = { ...failure, hResult }
      const { json } = await wire.postIntune('ScepActions/failureNotification', { notification })
      assert.equal(pick(json, 'code'), 'Success')
      const last = await lastNotification()
      assert.equal(pick(last, 'kind'), 'failure')
      assert.equal(pick(last, 'hResult'), hResult)
      assert.equal(pick(last, 'errorDescription'), 'desc')
    })
  }

  for (const [title, change] of [
    ['an hResult beyond 32 bits', { hResult: 2 ** 32 }],
    ['an hResult as text', { hResult: '1' }],
    ['a description of 256 characters', { errorDescription: 'x'.repeat(256) }],
    ['an empty description', { errorDescription: '' }],
    ['no transactionId', { transactionId: undefined }],
  ] as const) {
    test(`${title} is 400 and not recorded`, async () => {
      const before = (await wire.list('notifications')).length
      const { status, json } = await wire.postIntune('ScepActions/failureNotification', {
        notification: { ...failure, ...change },
      })
      assert.equal(status, 400)
      assert.match(textAt(json, 'error', 'message'), new RegExp(Object.keys(change)[0] ?? '-'))
      assert.equal((await wire.list('notifications')).length, before)
    })
  }

  for (const body of ['', 'not json', '[]', '<html></html>']) {
    test(`the body "${body}" is 400`, async () => {
      assert.equal((await wire.postIntune('ScepActions/validateRequest', body)).status, 400)
    })
  }

  test('SCEP calls take either api-version, strict mode only their own', async () => {
    const version = { 'api-version': '5019-05-05' }
    const notify = (headers: Record<string, string>) =>
      wire.postIntune('ScepActions/successNotification', { notification: success }, headers)
    assert.equal((await notify(version)).status, 200)
    assert.equal((await notify({ 'api-version': '2019-01-01' })).status, 400)
    await wire.control('PUT', 'behaviour', { apiVersions: 'strict' })
    assert.equal((await notify(version)).status, 400)
    assert.equal((await notify({})).status, 200)
  })
})

describe('check 64: a success without an earlier validation', () => {
  test('is accepted and recorded by default', async () => {
    const { json } = await wire.postIntune('ScepActions/successNotification', {
      notification: success,
    })
    assert.equal(pick(json, 'code'), 'Success')
    assert.equal(pick(await lastNotification(), 'wasValidated'), false)
  })

  test('is refused, and recorded as refused, when that is switched on', async () => {
    await wire.control('PUT', 'behaviour', { successWithoutValidate: 'refuse' })
    const certificateRequest = await encodeCsr({ challenge: await wire.mint() })
    const notification = { ...success, transactionId: 'tx-64', certificateRequest }
    const notify = () => wire.postIntune('ScepActions/successNotification', { notification })
    assert.equal(pick((await notify()).json, 'code'), 'Unknown')
    assert.equal(pick(await lastNotification(), 'code'), 'Unknown')
    await wire.validate(certificateRequest, 'tx-64')
    assert.equal(pick((await notify()).json, 'code'), 'Success')
    assert.equal(pick(await lastNotification(), 'wasValidated'), true)
  })

  test('codes for notifications can be dictated', async () => {
    await wire.control('POST', 'verdicts', { code: 'ChallengeDecryptionError', action: 'success' })
    const notify = () =>
      wire.postIntune('ScepActions/successNotification', { notification: success })
    assert.equal(pick((await notify()).json, 'code'), 'ChallengeDecryptionError')
    assert.equal(pick((await notify()).json, 'code'), 'Success')
  })
})
