import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { pick, type Reply, textAt, WireClient } from './wire-client.ts'

let wire: WireClient

before(async () => {
  wire = await WireClient.start()
})
afterEach(async () => {
  await wire.control('DELETE', 'faults')
})
after(async () => {
  await wire[Symbol.asyncDispose]()
})

const scep = { transactionId: 't', certificateRequest: 'Q1NS', callerInfo: 'c' }
const success = {
  ...scep,
  certificateThumbprint: 'T',
  certificateSerialNumber: '0A',
  certificateExpirationDateUtc: '2027-01-02T03:04:05Z',
  issuingCertificateAuthority: 'CN=I',
}
const failure = { ...scep, hResult: 1, errorDescription: 'e' }

/** One good call a hop. The token comes along, so that a fault on the token hop does not meet the others. */
const calls: Record<string, (token: string, signal?: AbortSignal) => Promise<Reply>> = {
  token: (_token, signal) => {
    const { authorityUrl, tenantId, clientId, clientSecret } = wire.simulator
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
      scope: 'https://api.manage.microsoft.com//.default',
    })
    const url = `${authorityUrl}${tenantId}/oauth2/v2.0/token`
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    return wire.send('POST', url, form.toString(), headers, signal)
  },
  graph: async (_token, signal) => {
    const token = await wire.getToken({ scope: 'https://graph.microsoft.com/.default' })
    const url = `${wire.simulator.graphUrl}v1.0/servicePrincipals/appId=0000000a-0000-0000-c000-000000000000/endpoints`
    const headers = { authorization: `Bearer ${token}` }
    return await wire.send('GET', url, undefined, headers, signal)
  },
  validate: (token, signal) =>
    post('ScepActions/validateRequest', { request: scep }, token, signal),
  success: (token, signal) =>
    post('ScepActions/successNotification', { notification: success }, token, signal),
  failure: (token, signal) =>
    post('ScepActions/failureNotification', { notification: failure }, token, signal),
  download: (token, signal) =>
    post(
      'CertificateAuthorityRequests/downloadRevocationRequests',
      { downloadParameters: { maxRequests: 1, issuerName: null } },
      token,
      signal,
    ),
  upload: (token, signal) =>
    post(
      'CertificateAuthorityRequests/uploadRevocationResults',
      { results: [{ requestContext: 'x', succeeded: true, errorCode: 'None' }] },
      token,
      signal,
    ),
}

async function post(suffix: string, body: object, token: string, signal?: AbortSignal) {
  const { scepUri, pkiUri } = await wire.getServiceUris()
  const isScep = suffix.startsWith('ScepActions')
  const headers = {
    authorization: `Bearer ${token}`,
    'api-version': isScep ? '2018-02-20' : '5019-05-05',
  }
  return await wire.send('POST', `${isScep ? scepUri : pkiUri}/${suffix}`, body, headers, signal)
}

/** The call that a time-out fault holds, once it has arrived. */
async function seenFault(client: WireClient, hop: string): Promise<unknown> {
  for (let look = 0; look < 1000; look++) {
    const [seen] = await client.list(`requests?hop=${hop}&last=1`)
    if (pick(seen, 'fault') === 'timeout') return seen
  }
  throw new Error(`no call with a time-out fault came in on ${hop}`)
}

describe('check 67: faults on every hop', () => {
  for (const [hop, call] of Object.entries(calls)) {
    for (const fault of ['401', '403', '404', '408', '429', '500', '503', '204']) {
      test(`${hop} answers ${fault} once and then works again`, async () => {
        const token = await wire.getToken()
        await wire.control('POST', 'faults', { hop, fault, times: 1, retryAfterSeconds: 7 })
        const broken = await call(token)
        assert.equal(broken.status, Number(fault))
        const hasRetryAfter = ['408', '429', '500', '503'].includes(fault)
        if (hasRetryAfter) assert.equal(broken.headers['retry-after'], '7')
        assert.equal((await call(token)).status, 200)
      })
    }

    test(`${hop} answers HTML with a good status`, async () => {
      const token = await wire.getToken()
      await wire.control('POST', 'faults', { hop, fault: 'html', times: 1 })
      const { status, headers, text } = await call(token)
      assert.equal(status, 200)
      assert.match(String(headers['content-type']), /^text\/html/)
      assert.match(text, /^<!DOCTYPE html>/)
    })

    test(`${hop} answers JSON that stops in the middle`, async () => {
      const token = await wire.getToken()
      await wire.control('POST', 'faults', { hop, fault: 'truncated', times: 1 })
      const { status, text } = await call(token)
      assert.equal(status, 200)
      assert.match(text, /^\{"/)
      assert.throws(() => JSON.parse(text), SyntaxError)
    })

    test(`${hop} drops the connection`, async () => {
      const token = await wire.getToken()
      await wire.control('POST', 'faults', { hop, fault: 'reset', times: 1 })
      await assert.rejects(call(token), { code: 'UND_ERR_SOCKET' })
    })

    test(`${hop} stays silent: the call was seen, and nothing came back`, async () => {
      const token = await wire.getToken()
      await wire.control('POST', 'faults', { hop, fault: 'timeout', times: 1 })
      const giveUp = new AbortController()
      const pending = call(token, giveUp.signal)
      const outcome = assert.rejects(pending, { name: 'AbortError' })
      assert.equal(pick(await seenFault(wire, hop), 'answer'), null)
      giveUp.abort()
      await outcome
    })
  }

  test('the 500 of Intune carries a JSON document inside its message', async () => {
    const token = await wire.getToken()
    await wire.control('POST', 'faults', { hop: 'validate', fault: '500', times: 1 })
    const { json } = await post('ScepActions/validateRequest', { request: scep }, token)
    assert.equal(pick(json, 'error', 'code'), 'InternalError')
    const inner: unknown = JSON.parse(textAt(json, 'error', 'message'))
    assert.equal(pick(inner, '_version'), 3)
    assert.match(textAt(inner, 'Message'), /internal server error/)
  })

  test('a fault without times holds until it is deleted', async () => {
    await wire.control('POST', 'faults', { hop: 'token', fault: '503' })
    for (let call = 0; call < 3; call++) assert.equal((await wire.postToken()).status, 503)
    await wire.control('DELETE', 'faults')
    assert.equal((await wire.postToken()).status, 200)
  })

  test('faults of one hop follow each other', async () => {
    await wire.control('POST', 'faults', { hop: 'token', fault: '500', times: 2 })
    await wire.control('POST', 'faults', { hop: 'token', fault: '429', times: 1 })
    assert.equal((await wire.list('faults')).length, 2)
    const statuses: number[] = []
    for (let call = 0; call < 4; call++) statuses.push((await wire.postToken()).status)
    assert.deepEqual(statuses, [500, 500, 429, 200])
  })

  test('a fault before processing leaves no trace, one after it loses only the answer', async () => {
    const token = await wire.getToken()
    const count = async () => (await wire.list('notifications')).length
    const start = await count()
    await wire.control('POST', 'faults', { hop: 'success', fault: '500', times: 1 })
    const notify = () => post('ScepActions/successNotification', { notification: success }, token)
    assert.equal((await notify()).status, 500)
    assert.equal(await count(), start)
    const fault = { hop: 'success', fault: 'reset', times: 1, afterProcessing: true }
    await wire.control('POST', 'faults', fault)
    await assert.rejects(notify(), { code: 'UND_ERR_SOCKET' })
    assert.equal(await count(), start + 1)
  })

  test('closing ends calls that a time-out fault holds', async () => {
    await using other = await WireClient.start()
    await other.control('POST', 'faults', { hop: 'token', fault: 'timeout' })
    const outcome = assert.rejects(other.postToken(), { code: 'UND_ERR_SOCKET' })
    await seenFault(other, 'token')
    await other.simulator.close()
    await outcome
  })
})
