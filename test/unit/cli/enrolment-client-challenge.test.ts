import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createChallenge, type HttpFetch } from '../../../src/cli/enrolment-client/index.ts'
import { ConnectorError, describeError } from '../../../src/kernel/index.ts'

const good = { challenge: 'c-1', expires: '2026-11-22T13:00:00Z', certificateRequestId: 'id-1' }

test('the terms go to the control API as JSON and its challenge comes back as a secret', async () => {
  const seen: string[] = []
  const fetch: HttpFetch = (url, init) => {
    seen.push(`${init.method} ${url} ${Buffer.from(init.body ?? []).toString()}`)
    return answer(201, JSON.stringify(good))
  }
  const got = await createChallenge(
    'http://127.0.0.1:8090',
    { subject: 'CN=a', validMinutes: 5 },
    fetch,
  )
  assert.deepEqual(seen, [
    'POST http://127.0.0.1:8090/control/challenges {"subject":"CN=a","validMinutes":5}',
  ])
  assert.equal(got.challenge.reveal(), 'c-1')
  assert.equal(got.expires.toISOString(), '2026-11-22T13:00:00.000Z')
  assert.equal(got.certificateRequestId, 'id-1')
  assert.equal(JSON.stringify(got).includes('c-1'), false)
})

const bad: readonly (readonly [title: string, fetch: HttpFetch])[] = [
  ['HTTP 400', () => answer(400, '{"error":"subject"}')],
  ['an HTML page', () => answer(201, '<html>')],
  ['an answer without a challenge', () => answer(201, JSON.stringify({ ...good, challenge: 7 }))],
  ['an answer without an expiry', () => answer(201, JSON.stringify({ ...good, expires: 'soon' }))],
  ['a broken connection', () => Promise.reject(new TypeError('fetch failed'))],
]

for (const [title, fetch] of bad) {
  test(`${title} says where the challenge was asked for`, async () => {
    await assert.rejects(createChallenge('http://127.0.0.1:8090', {}, fetch), (error) => {
      assert.ok(error instanceof ConnectorError)
      assert.equal(error.code, 'scep/unavailable')
      assert.match(error.message, /127\.0\.0\.1:8090\/control\/challenges/)
      assert.equal(describeError(error).includes('c-1'), false)
      return true
    })
  })
}

function answer(status: number, body: string) {
  return Promise.resolve({
    status,
    headers: { get: () => null },
    arrayBuffer: () => Promise.resolve(Uint8Array.from(Buffer.from(body)).buffer),
  })
}
