import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { encodeCsr } from './csr-maker.ts'
import { listAt, pick, textAt, WireClient } from './wire-client.ts'

let wire: WireClient

before(async () => {
  wire = await WireClient.start()
})
after(async () => {
  await wire[Symbol.asyncDispose]()
})

describe('check 68: the control calls', () => {
  test('a challenge is answered with 201, its expiry and its request id', async () => {
    const { status, json } = await wire.control('POST', 'challenges', { validMinutes: 5 })
    assert.equal(status, 201)
    assert.match(textAt(json, 'challenge'), /^[A-Za-z0-9+/]+={0,2}$/)
    assert.match(textAt(json, 'certificateRequestId'), /^[0-9a-f-]{36}$/)
    const now = textAt((await wire.control('GET', 'clock')).json, 'now')
    const leftMs = Date.parse(textAt(json, 'expires')) - Date.parse(now)
    assert.ok(leftMs > 4 * 60_000 && leftMs <= 5 * 60_000)
  })

  for (const [path, body, members] of [
    [
      'challenges',
      { subject: 'no equals sign', sans: [{ type: 'ip', value: 'x' }], ekus: ['one'], more: 1 },
      ['subject', 'sans.0.value', 'ekus.0', ''],
    ],
    ['challenges', { keyUsage: ['everything'], keyLength: -1 }, ['keyUsage.0', 'keyLength']],
    ['faults', { hop: 'nowhere', fault: '418', times: 0 }, ['hop', 'fault', 'times']],
    ['verdicts', { code: '', times: 1.5 }, ['code', 'times']],
    ['revocations', {}, ['serialNumber']],
    ['clock', { advanceMinutes: 'an hour' }, ['advanceMinutes']],
    ['apps', { clientId: 'a', certificatesPem: ['no PEM'] }, ['certificatesPem.0']],
  ] as const) {
    test(`${path}: a wrong body is 400 and names ${members.join(', ')}`, async () => {
      const { status, json } = await wire.control('POST', path, body)
      assert.equal(status, 400)
      const named = listAt(json, 'problems').map((problem) => textAt(problem, 'member'))
      assert.deepEqual(named.sort(), [...members].sort())
    })
  }

  test('a body that is not declared as JSON is not read', async () => {
    const url = `${wire.simulator.controlUrl}/control/clock`
    const { status } = await wire.send('POST', url, '{"advanceMinutes":60}')
    assert.equal(status, 400)
  })

  test('a body that is no JSON is 400, a path that is no call 404', async () => {
    const url = `${wire.simulator.controlUrl}/control/clock`
    const headers = { 'content-type': 'application/json' }
    assert.equal((await wire.send('POST', url, '{', headers)).status, 400)
    assert.equal((await wire.control('GET', 'everything')).status, 404)
  })

  test('the clock moves forward and back', async () => {
    const now = async () => Date.parse(textAt((await wire.control('GET', 'clock')).json, 'now'))
    const start = await now()
    await wire.control('POST', 'clock', { advanceMinutes: 90 })
    assert.ok((await now()) - start >= 90 * 60_000)
    await wire.control('POST', 'clock', { advanceMinutes: -90 })
    assert.ok((await now()) - start < 60_000)
  })

  test('an app can be registered while it runs', async () => {
    const app = { clientId: 'cccccccc-0000-4000-8000-000000000001', clientSecret: 'late' }
    assert.equal((await wire.control('POST', 'apps', app)).status, 201)
    const form = { client_id: app.clientId, client_secret: app.clientSecret }
    assert.equal((await wire.postToken(form)).status, 200)
  })

  test('a notification shows what was sent and when it came', async () => {
    const certificateRequest = await encodeCsr({ challenge: await wire.mint() })
    const notification = {
      transactionId: 'tx-shown',
      certificateRequest,
      certificateThumbprint: 'AB'.repeat(20),
      certificateSerialNumber: '0A',
      certificateExpirationDateUtc: '2027-01-02T03:04:05.000Z',
      issuingCertificateAuthority: 'CN=I',
      callerInfo: 'c',
    }
    await wire.postIntune('ScepActions/successNotification', { notification })
    const [shown] = await wire.list('notifications?transactionId=tx-shown')
    assert.equal(pick(shown, 'kind'), 'success')
    assert.equal(pick(shown, 'certificateThumbprint'), 'AB'.repeat(20))
    assert.equal(pick(shown, 'certificateSerialNumber'), '0A')
    assert.equal(pick(shown, 'hResult'), null)
    assert.ok(!Number.isNaN(Date.parse(textAt(shown, 'receivedAt'))))
  })
})

describe('recorded requests', () => {
  test('show hop, headers, body and answer of a call, without any secret', async () => {
    const { clientSecret } = wire.simulator
    const challenge = await wire.mint()
    const certificateRequest = await encodeCsr({ challenge })
    const token = await wire.getToken()
    await wire.postToken({ client_secret: '', client_assertion: 'assertion-marker' })
    await wire.postToken({ client_secret: 'wrong-secret-marker' })
    const headers = {
      authorization: `Bearer ${token}`,
      'x-api-key': 'header-marker',
      UserAgent: 'Conn/1.0',
      'client-request-id': 'shown-1',
    }
    const request = { transactionId: 'tx', certificateRequest, callerInfo: 'c' }
    await wire.postIntune('ScepActions/validateRequest', { request }, headers)
    await wire.postIntune('ScepActions/validateRequest', `{"cut": "${challenge}`, headers)
    const query = `?client_secret=query-marker`
    await wire.send('GET', `${wire.simulator.httpsUrl}/nowhere${query}`)

    const { text } = await wire.control('GET', 'requests')
    const secrets = [clientSecret, challenge, certificateRequest, token]
    const markers = ['assertion-marker', 'wrong-secret-marker', 'header-marker', 'query-marker']
    for (const secret of [...secrets, ...markers]) assert.equal(text.includes(secret), false)

    const seen = (await wire.list('requests?hop=validate')).at(-2)
    assert.equal(pick(seen, 'headers', 'useragent'), 'Conn/1.0')
    assert.equal(pick(seen, 'headers', 'client-request-id'), 'shown-1')
    assert.equal(pick(seen, 'headers', 'authorization'), '[redacted]')
    assert.equal(pick(seen, 'body', 'request', 'callerInfo'), 'c')
    assert.deepEqual(pick(seen, 'body', 'request', 'certificateRequest'), {
      sha256: createHash('sha256').update(certificateRequest).digest('hex'),
      length: certificateRequest.length,
    })
    assert.equal(pick(seen, 'answer', 'status'), 200)
    assert.equal(pick(seen, 'answer', 'body', 'code'), 'Success')
  })

  test('a body that is long without any long text is shown as its hash', async () => {
    const results = Array.from({ length: 400 }, (_, index) => ({
      requestContext: `context-${index}`,
    }))
    await wire.postIntune('CertificateAuthorityRequests/uploadRevocationResults', { results })
    const [seen] = await wire.list('requests?hop=upload&last=1')
    assert.match(textAt(seen, 'body', 'sha256'), /^[0-9a-f]{64}$/)
  })

  test('count on, and can be narrowed to a hop and to the newest', async () => {
    await wire.getToken()
    await wire.getToken()
    const all = await wire.list('requests')
    const [last, ...others] = await wire.list('requests?hop=token&last=1')
    assert.equal(others.length, 0)
    assert.equal(pick(last, 'sequence'), all.length)
    assert.equal(pick(last, 'hop'), 'token')
  })
})
