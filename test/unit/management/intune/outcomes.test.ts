import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConnectorError } from '../../../../src/kernel/index.ts'
import { RESULT_CODES } from '../../../../src/management/index.ts'
import { json, type ScriptedAnswer } from '../../../support/scripted-https.ts'
import { ACTIVITY, failure, patient, request, startBench, success } from './fixture.ts'

/** What a call threw, which must be a ConnectorError. */
async function failureOf(work: Promise<unknown>): Promise<ConnectorError> {
  const thrown: unknown = await work.then(
    () => assert.fail('nothing was thrown'),
    (cause: unknown) => cause,
  )
  assert.ok(thrown instanceof ConnectorError)
  return thrown
}

test('check 2, 10: every published code but Success is a refusal with that code', async () => {
  await using bench = await startBench()
  const refusals = RESULT_CODES.filter((entry) => entry.code !== 'Success')
  assert.equal(refusals.length, 25)
  for (const { code } of refusals) {
    bench.server.script('validate', json({ code, errorDescription: 'because' }))
    const verdict = await bench.client.validator.validate(request, patient)
    assert.deepEqual(verdict, { kind: 'refused', code, reason: 'because' })
  }
  assert.equal(bench.server.count('validate'), 25)
})

test('check 37: an unknown code is a refusal that keeps its text', async () => {
  await using bench = await startBench()
  bench.server.script('validate', json({ code: 'SomethingNew', errorDescription: 'x' }))
  const verdict = await bench.client.validator.validate(request, patient)
  assert.deepEqual(verdict, { kind: 'refused', code: 'SomethingNew', reason: 'x' })
})

test('check 38: errorDescription may be absent, and unknown members are ignored', async () => {
  await using bench = await startBench()
  bench.server.script(
    'validate',
    json({ '@odata.context': 'c', code: 'ChallengeExpired', more: 1 }),
  )
  const verdict = await bench.client.validator.validate(request, patient)
  assert.equal(verdict.kind === 'refused' && verdict.code, 'ChallengeExpired')
  bench.server.script('validate', json({ code: 'SUCCESS' }))
  assert.equal((await bench.client.validator.validate(request, patient)).kind, 'accepted')
})

test('the service id of the call comes with a refusal', async () => {
  await using bench = await startBench()
  bench.server.script('validate', { headers: { 'request-id': 'r-1' }, body: '{"code":"Unknown"}' })
  const verdict = await bench.client.validator.validate(request, patient)
  assert.equal(verdict.serverRequestId, 'r-1')
})

const unreadable: readonly (readonly [string, ScriptedAnswer])[] = [
  ['no code', json({ errorDescription: '' })],
  ['a code that is no text', json({ code: 1 })],
  ['a blank code', json({ code: ' ' })],
  ['an array', json([{ code: 'Success' }])],
  ['a nested Success', json({ value: { code: 'Success' } })],
  ['HTML with status 200', { headers: { 'content-type': 'text/html' }, body: '<p>Success</p>' }],
  ['an empty body', { body: '' }],
  ['204', { status: 204 }],
  ['JSON that ends early', { body: '{"code":"Success"' }],
]
for (const [title, answer] of unreadable) {
  test(`check 36: ${title} is a bad response for validate and notify, never a yes`, async () => {
    await using bench = await startBench()
    bench.server.always('validate', answer)
    bench.server.always('success', answer)
    const validated = await failureOf(bench.client.validator.validate(request, patient))
    assert.equal(validated.code, 'management/bad-response')
    assert.equal(validated.activityId, ACTIVITY)
    const notified = await failureOf(bench.client.notifier.notify(success, ACTIVITY, patient))
    assert.equal(notified.code, 'management/bad-response')
    assert.equal(bench.server.count('validate'), 1)
  })
}

test('check 36: an answer over 1 MiB is a bad response, packed or not', async () => {
  await using bench = await startBench()
  const { gzipSync } = await import('node:zlib')
  const huge = Buffer.from(JSON.stringify({ code: 'Success', padding: 'p'.repeat(1024 * 1024) }))
  bench.server.script('validate', { body: huge })
  const plain = await failureOf(bench.client.validator.validate(request, patient))
  assert.equal(plain.code, 'management/bad-response')
  bench.server.script('validate', { headers: { 'content-encoding': 'gzip' }, body: gzipSync(huge) })
  const packed = await failureOf(bench.client.validator.validate(request, patient))
  assert.equal(packed.code, 'management/bad-response')
})

test('a gzip answer is read', async () => {
  await using bench = await startBench()
  const { gzipSync } = await import('node:zlib')
  const headers = { 'content-encoding': 'gzip' }
  bench.server.script('validate', { headers, body: gzipSync('{"code":"Success"}') })
  assert.equal((await bench.client.validator.validate(request, patient)).kind, 'accepted')
})

for (const kind of ['success', 'failure'] as const) {
  test(`check 12, 14: ${kind}Notification answered with another code is a bad response`, async () => {
    await using bench = await startBench()
    bench.server.script(kind, json({ code: 'ChallengeDecryptionError', errorDescription: 'no' }))
    const notification = kind === 'success' ? success : failure
    const thrown = await failureOf(bench.client.notifier.notify(notification, ACTIVITY, patient))
    assert.equal(thrown.code, 'management/bad-response')
    assert.equal(thrown.isTransient, false)
    assert.equal(thrown.activityId, ACTIVITY)
    assert.match(thrown.message, /ChallengeDecryptionError/)
  })
}

test('check 3, 39: 401 with JSON, also when repeated, is unauthorized and names the permission', async () => {
  await using bench = await startBench()
  bench.server.always('validate', json({ error: { code: 'Unauthorized', message: 'role' } }, 401))
  const thrown = await failureOf(bench.client.validator.validate(request, patient))
  assert.equal(thrown.code, 'management/unauthorized')
  assert.equal(thrown.httpStatus, 401)
  assert.equal(thrown.isTransient, false)
  assert.match(thrown.message, /Unauthorized: role.*scep_challenge_provider/)
  assert.equal(bench.server.count('validate'), 2)
})

test('check 39: a 502 with an HTML page is an HTTP error with its status, not a parse error', async () => {
  await using bench = await startBench()
  const body = '<html><head><title>Bad Gateway</title></head><body>...</body></html>'
  bench.server.always('validate', { status: 502, headers: { 'content-type': 'text/html' }, body })
  const thrown = await failureOf(bench.client.validator.validate(request, patient))
  assert.equal(thrown.code, 'management/unavailable')
  assert.equal(thrown.httpStatus, 502)
  assert.equal(thrown.isTransient, true)
  assert.match(thrown.message, /HTTP 502: HTML page 'Bad Gateway'/)
})

test('a 500 in the nested form tells the inner message', async () => {
  await using bench = await startBench()
  const inner = JSON.stringify({ _version: 3, Message: 'Method not found' })
  bench.server.always('success', json({ error: { code: 'InternalError', message: inner } }, 500))
  const thrown = await failureOf(bench.client.notifier.notify(success, ACTIVITY, patient))
  assert.match(thrown.message, /InternalError: Method not found$/)
  assert.equal(bench.server.count('success'), 1)
})

test('400 is a bad response and is not repeated', async () => {
  await using bench = await startBench()
  bench.server.always('validate', json({ error: { message: 'unknown api-version' } }, 400))
  const thrown = await failureOf(bench.client.validator.validate(request, patient))
  assert.equal(thrown.code, 'management/bad-response')
  assert.equal(thrown.isTransient, false)
  assert.equal(bench.server.count('validate'), 1)
})

test('check 4, 15: a wrong secret surfaces with advice, and neither Graph nor Intune is called', async () => {
  await using bench = await startBench()
  const error_description = 'AADSTS7000215: Invalid client secret provided.'
  bench.server.always('token', json({ error: 'invalid_client', error_description }, 401))
  const thrown = await failureOf(bench.client.validator.validate(request, patient))
  assert.equal(thrown.code, 'management/unauthorized')
  assert.equal(thrown.httpStatus, 401)
  assert.match(thrown.message, /AADSTS7000215.*enter its value/)
  assert.deepEqual(
    bench.server.calls.map((call) => call.hop),
    ['token'],
  )
})

test('an unknown tenant is a setting to correct, not a permission', async () => {
  await using bench = await startBench()
  const error_description = "AADSTS90002: Tenant 'x' not found."
  bench.server.always('token', json({ error: 'invalid_request', error_description }, 400))
  const thrown = await failureOf(bench.client.validator.validate(request, patient))
  assert.equal(thrown.code, 'management/misconfigured')
})

test('a token endpoint that answers nonsense is a bad response', async () => {
  await using bench = await startBench()
  const answers = [json({ token_type: 'Bearer' }), { body: '<html>' }, { status: 204 }, json([])]
  for (const answer of answers) {
    bench.server.script('token', answer)
    const thrown = await failureOf(bench.client.validator.validate(request, patient))
    assert.equal(thrown.code, 'management/bad-response')
  }
})

test('check 52: no secret, token, CSR or challenge reaches an error, even when the server echoes them', async () => {
  await using bench = await startBench()
  const texts: string[] = []
  for (const hop of ['token', 'graph', 'validate'] as const) {
    for (const status of [400, 401, 403, 500]) {
      bench.server.always(hop, echo(hop, status))
      const thrown = await failureOf(bench.client.validator.validate(request, patient))
      texts.push(JSON.stringify([thrown.message, `${thrown.stack}`, `${String(thrown.cause)}`]))
    }
    bench.server.always(hop, goodOf(hop, bench.server.url))
  }
  bench.server.script(
    'validate',
    json({ code: 'ChallengeExpired', errorDescription: LEAKS.validate }),
  )
  const verdict = await bench.client.validator.validate(request, patient)
  texts.push(JSON.stringify(verdict))
  assert.equal(texts.length, 13)
  for (const text of texts) assert.doesNotMatch(text, /MARKED|eyJ|MAMCAf8=/)
})

const TOKEN = `eyJhbGciOiJub25lIn0.${'QUJD'.repeat(30)}.c2ln`
/** What each hop was sent, and could echo. */
const LEAKS = {
  token: 'form client_secret=MARKED~client.secret-7h3 and MARKED%7Eclient.secret-7h3',
  graph: `bearer ${TOKEN}`,
  validate: `bearer ${TOKEN} csr MAMCAf8= challenge MARKED-challenge-blob`,
}

function echo(hop: keyof typeof LEAKS, status: number): ScriptedAnswer {
  return json({ error: { code: 'Echo', message: LEAKS[hop] } }, status)
}

function goodOf(hop: 'token' | 'graph' | 'validate', url: string): ScriptedAnswer {
  if (hop === 'token') return json({ token_type: 'Bearer', expires_in: 3599, access_token: TOKEN })
  if (hop === 'validate') return json({ code: 'Success' })
  const entry = { providerName: 'ScepRequestValidationFEService', uri: `${url}/scep` }
  return json({ value: [entry] })
}
