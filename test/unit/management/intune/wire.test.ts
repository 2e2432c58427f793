import assert from 'node:assert/strict'
import { test } from 'node:test'
import { json, SERVICE_PATH } from '../../../support/scripted-https.ts'
import {
  ACTIVITY,
  CLIENT_ID,
  CLIENT_SECRET,
  CSR_BASE64,
  failure,
  PROVIDER,
  patient,
  request,
  startBench,
  success,
  TENANT,
} from './fixture.ts'

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

test('check 1, 9: a good answer accepts, after two tokens, one discovery and one POST', async () => {
  await using bench = await startBench()
  assert.deepEqual(await bench.client.validator.validate(request, patient), { kind: 'accepted' })
  assert.deepEqual(
    bench.server.calls.map((call) => call.hop),
    ['token', 'graph', 'token', 'validate'],
  )
})

test('check 34: scopes, authority and tenant form the token request exactly', async () => {
  await using bench = await startBench()
  await bench.client.validator.validate(request, patient)
  const [graph, intune] = bench.server.callsOf('token')
  assert.equal(graph?.target, `/${TENANT}/oauth2/v2.0/token`)
  assert.equal(intune?.target, `/${TENANT}/oauth2/v2.0/token`)
  const form = new URLSearchParams(graph?.body)
  assert.equal(form.get('grant_type'), 'client_credentials')
  assert.equal(form.get('client_id'), CLIENT_ID)
  assert.equal(form.get('client_secret'), CLIENT_SECRET)
  assert.equal(form.get('client_assertion'), null)
  assert.equal(form.get('scope'), `${bench.server.url}/.default`)
  const intuneScope = new URLSearchParams(intune?.body).get('scope')
  assert.equal(intuneScope, 'https://api.manage.microsoft.com//.default')
  assert.match(String(graph?.headers['content-type']), /^application\/x-www-form-urlencoded/)
})

test('check 34: a tenant may be a GUID', async () => {
  const tenant = 'AAAAAAAA-bbbb-4ccc-8ddd-eeeeeeeeeeee'
  await using bench = await startBench(() => ({ tenant }))
  await bench.client.validator.validate(request, patient)
  assert.equal(bench.server.callsOf('token')[0]?.target, `/${tenant}/oauth2/v2.0/token`)
})

test('discovery asks for the path with appId= and without quotes, with a bearer and a GUID', async () => {
  await using bench = await startBench()
  await bench.client.validator.validate(request, patient)
  const [call] = bench.server.callsOf('graph')
  const id = '0000000a-0000-0000-c000-000000000000'
  assert.equal(call?.method, 'GET')
  assert.equal(call?.target, `/v1.0/servicePrincipals/appId=${id}/endpoints`)
  assert.match(String(call?.headers['authorization']), /^Bearer [\w.-]+$/)
  assert.match(String(call?.headers['client-request-id']), GUID)
})

test('check 32, 33: validateRequest goes to uri/suffix without query, with every header of 3.1', async () => {
  await using bench = await startBench()
  await bench.client.validator.validate(request, patient)
  const [call] = bench.server.callsOf('validate')
  assert.equal(call?.method, 'POST')
  assert.equal(call?.target, `${SERVICE_PATH}/ScepActions/validateRequest`)
  assert.equal(call?.headers['api-version'], '2018-02-20')
  assert.equal(call?.headers['content-type'], 'application/json; charset=utf-8')
  assert.equal(call?.headers['accept'], 'application/json')
  assert.equal(call?.headers['client-request-id'], ACTIVITY)
  assert.equal(call?.headers['useragent'], PROVIDER)
  assert.equal(call?.headers['user-agent'], PROVIDER)
  assert.ok(call?.headerNames.includes('UserAgent'))
  assert.deepEqual(JSON.parse(call?.body ?? ''), {
    request: { transactionId: 'tx-1', certificateRequest: CSR_BASE64, callerInfo: PROVIDER },
  })
})

test('check 33: every HTTP call has its own client-request-id', async () => {
  await using bench = await startBench()
  bench.server.script('validate', { status: 503 }, { status: 401 })
  await bench.client.validator.validate(request, patient)
  const ids = bench.server.calls.map((call) => call.headers['client-request-id'])
  assert.equal(bench.server.count('validate'), 3)
  assert.equal(new Set(ids).size, ids.length)
})

test('check 11: successNotification carries the members of 3.3', async () => {
  await using bench = await startBench()
  bench.server.script('success', {
    headers: { 'request-id': 'server-42' },
    body: '{"code":"Success"}',
  })
  const receipt = await bench.client.notifier.notify(success, ACTIVITY, patient)
  assert.deepEqual(receipt, { serverRequestId: 'server-42' })
  const [call] = bench.server.callsOf('success')
  assert.equal(call?.target, `${SERVICE_PATH}/ScepActions/successNotification`)
  assert.equal(call?.headers['client-request-id'], ACTIVITY)
  assert.deepEqual(JSON.parse(call?.body ?? ''), {
    notification: {
      transactionId: 'tx-1',
      certificateRequest: CSR_BASE64,
      certificateThumbprint: '0123456789ABCDEF0123456789ABCDEF01234567',
      certificateSerialNumber: '0A1B',
      certificateExpirationDateUtc: '2027-01-02T03:04:05.000Z',
      issuingCertificateAuthority: 'CN=Issuing CA',
      callerInfo: PROVIDER,
      caConfiguration: 'connector-ca/default',
      certificateAuthority: 'Issuing CA',
    },
  })
})

test('check 13: failureNotification carries the members of 3.4, hResult as signed 32 bits', async () => {
  await using bench = await startBench()
  assert.deepEqual(await bench.client.notifier.notify(failure, ACTIVITY, patient), {})
  const [call] = bench.server.callsOf('failure')
  assert.equal(call?.target, `${SERVICE_PATH}/ScepActions/failureNotification`)
  assert.deepEqual(JSON.parse(call?.body ?? ''), {
    notification: {
      transactionId: 'tx-1',
      certificateRequest: CSR_BASE64,
      hResult: -2147418113,
      errorDescription: 'the CA did not answer',
      callerInfo: PROVIDER,
    },
  })
})

test('check 35: a description over 255 characters is cut, not in the middle of a character', async () => {
  await using bench = await startBench()
  const long = { ...failure, errorDescription: `${'d'.repeat(254)}😀 and more` }
  await bench.client.notifier.notify(long, ACTIVITY, patient)
  const sent: unknown = JSON.parse(bench.server.callsOf('failure')[0]?.body ?? '')
  assert.match(JSON.stringify(sent), /"errorDescription":"d{254}"/)
})

for (const [title, blank] of [
  ['transactionId', { ...request, transactionId: ' ' }],
  ['activityId', { ...request, activityId: '' }],
  ['csrDer', { ...request, csrDer: new Uint8Array() }],
] as const) {
  test(`check 35: a blank ${title} is refused before any call of validate`, async () => {
    await using bench = await startBench()
    await assert.rejects(bench.client.validator.validate(blank, patient), { code: 'internal/bug' })
    assert.equal(bench.server.calls.length, 0)
  })
}

for (const [title, blank] of [
  ['errorDescription', { ...failure, errorDescription: '  ' }],
  ['hResult', { ...failure, hResult: 2 ** 32 }],
  ['thumbprintHex', { ...success, thumbprintHex: '' }],
  ['issuer', { ...success, issuer: '' }],
  ['notAfter', { ...success, notAfter: new Date(Number.NaN) }],
] as const) {
  test(`check 35: a blank or senseless ${title} is refused before any call of notify`, async () => {
    await using bench = await startBench()
    const told = bench.client.notifier.notify(blank, ACTIVITY, patient)
    await assert.rejects(told, { code: 'internal/bug' })
    assert.equal(bench.server.calls.length, 0)
  })
}

test('check 47: an issuer outside ASCII arrives as UTF-8', async () => {
  await using bench = await startBench()
  const issuer = 'CN=Ausstellende Zertifizierungsstelle Zürich, O=東京'
  await bench.client.notifier.notify({ ...success, issuer }, ACTIVITY, patient)
  const [call] = bench.server.callsOf('success')
  assert.ok(call?.bytes.includes(Buffer.from(`"${issuer}"`, 'utf8')))
})

test('a request without a challenge is refused and Intune is not asked', async () => {
  await using bench = await startBench()
  const verdict = await bench.client.validator.validate(
    { ...request, challenge: undefined },
    patient,
  )
  assert.equal(verdict.kind === 'refused' && verdict.code, 'ChallengePasswordMissing')
  assert.equal(bench.server.calls.length, 0)
})

test('settings for api-version, Graph version, app id and scope reach the wire', async () => {
  await using bench = await startBench(() => ({
    scepApiVersion: '5019-05-05',
    graphVersion: 'beta',
    intuneAppId: 'c161e42e-d4df-4a3d-9b42-e7a3c31f59d4',
    intuneScope: 'c161e42e-d4df-4a3d-9b42-e7a3c31f59d4/.default',
  }))
  bench.server.always('validate', json({ code: 'success' }))
  await bench.client.validator.validate(request, patient)
  assert.equal(bench.server.callsOf('validate')[0]?.headers['api-version'], '5019-05-05')
  assert.equal(
    bench.server.callsOf('graph')[0]?.target,
    '/vbeta/servicePrincipals/appId=c161e42e-d4df-4a3d-9b42-e7a3c31f59d4/endpoints',
  )
  const scope = new URLSearchParams(bench.server.callsOf('token')[1]?.body).get('scope')
  assert.equal(scope, 'c161e42e-d4df-4a3d-9b42-e7a3c31f59d4/.default')
})
