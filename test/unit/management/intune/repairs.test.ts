import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { ConnectorError } from '../../../../src/kernel/index.ts'
import type { ServiceMapStore } from '../../../../src/management/index.ts'
import { json, makeToken } from '../../../support/scripted-https.ts'
import { ACTIVITY, patient, request, startBench, success } from './fixture.ts'

const listing = (uri: string) =>
  json({ value: [{ providerName: 'ScepRequestValidationFEService', uri }] })

test('check 44: three validates cost two tokens, one discovery and three POSTs', async () => {
  await using bench = await startBench()
  for (let i = 0; i < 3; i += 1) await bench.client.validator.validate(request, patient)
  assert.equal(bench.server.count('token'), 2)
  assert.equal(bench.server.count('graph'), 1)
  assert.equal(bench.server.count('validate'), 3)
})

test('check 45: fifty validates at once on a cold client cost 1 + 1 + 1 calls', async () => {
  await using bench = await startBench()
  const work = Array.from({ length: 50 }, () => bench.client.validator.validate(request, patient))
  const verdicts = await Promise.all(work)
  assert.ok(verdicts.every((verdict) => verdict.kind === 'accepted'))
  const scopes = bench.server
    .callsOf('token')
    .map((call) => new URLSearchParams(call.body).get('scope'))
  assert.equal(scopes.length, 2)
  assert.notEqual(scopes[0], scopes[1])
  assert.equal(bench.server.count('graph'), 1)
  assert.equal(bench.server.count('validate'), 50)
})

test('no more than ten POSTs are under way at a time', async () => {
  await using bench = await startBench()
  await bench.client.validator.validate(request, patient)
  bench.server.always('validate', 'hang')
  const stop = new AbortController()
  const work = Array.from({ length: 15 }, () =>
    bench.client.validator.validate(request, stop.signal).catch((cause: unknown) => cause),
  )
  while (bench.server.count('validate') < 11) await new Promise((resolve) => setImmediate(resolve))
  // Another call through the same server tells that time has passed for the waiting ones too.
  await bench.client.health.check(patient)
  assert.equal(bench.server.count('validate'), 11)
  stop.abort()
  for (const thrown of await Promise.all(work)) {
    assert.ok(thrown instanceof ConnectorError)
    assert.equal(thrown.code, 'management/unavailable')
    assert.equal(thrown.isTransient, true)
    assert.ok(thrown.activityId)
  }
})

for (const status of [401, 403]) {
  test(`check 44: a ${status} drops the token and is repeated once with a fresh one`, async () => {
    await using bench = await startBench()
    bench.server.script('validate', { status })
    const verdict = await bench.client.validator.validate(request, patient)
    assert.equal(verdict.kind, 'accepted')
    assert.equal(bench.server.count('token'), 3)
    const [first, second] = bench.server.callsOf('validate')
    assert.notEqual(first?.headers['authorization'], second?.headers['authorization'])
  })
}

test('a token that ten calls at once find refused is replaced once', async () => {
  await using bench = await startBench()
  await bench.client.validator.validate(request, patient)
  const refused = bench.server.callsOf('validate')[0]?.headers['authorization']
  bench.server.always('validate', ({ headers }) =>
    headers['authorization'] === refused ? json({}, 401) : json({ code: 'Success' }),
  )
  const work = Array.from({ length: 10 }, () => bench.client.validator.validate(request, patient))
  for (const verdict of await Promise.all(work)) assert.equal(verdict.kind, 'accepted')
  assert.equal(bench.server.count('token'), 3)
  assert.equal(bench.server.count('validate'), 21)
})

test('a token is refreshed five minutes before its end, and serves to its end when Entra ID is away', async () => {
  await using bench = await startBench()
  await bench.client.validator.validate(request, patient)
  bench.advance((3599 - 301) * 1000)
  await bench.client.validator.validate(request, patient)
  const intuneTokens = () =>
    bench.server.callsOf('token').filter((call) => call.body.includes('manage.microsoft')).length
  assert.equal(intuneTokens(), 1)
  bench.advance(2_000)
  bench.server.always('token', { status: 503 })
  assert.equal((await bench.client.validator.validate(request, patient)).kind, 'accepted')
  assert.equal(intuneTokens(), 2)
  bench.advance(300_000)
  await assert.rejects(bench.client.validator.validate(request, patient), {
    code: 'management/unavailable',
  })
})

for (const status of [302, 404, 410, 421]) {
  test(`check 43: a ${status} drops the address, discovers once and repeats once`, async () => {
    await using bench = await startBench()
    bench.server.script('graph', listing(`${bench.server.url}/old`))
    bench.server.script('validate', { status, headers: { location: `${bench.server.url}/evil` } })
    const verdict = await bench.client.validator.validate(request, patient)
    assert.equal(verdict.kind, 'accepted')
    const targets = bench.server.callsOf('validate').map((call) => call.target)
    assert.equal(targets.length, 2)
    assert.equal(targets[0], '/old/ScepActions/validateRequest')
    assert.match(`${targets[1]}`, /^\/RACerts\//)
    assert.equal(bench.server.count('graph'), 2)
    assert.equal(bench.server.count('other'), 0)
  })
}

test('a service that stays away after rediscovery is unavailable, after two POSTs', async () => {
  await using bench = await startBench()
  bench.server.always('validate', { status: 404 })
  await assert.rejects(bench.client.validator.validate(request, patient), {
    code: 'management/unavailable',
    httpStatus: 404,
  })
  assert.equal(bench.server.count('validate'), 2)
  assert.equal(bench.server.count('graph'), 2)
})

test('check 6, 16: an unknown host surfaces after one rediscovery; the next call discovers again and works', async () => {
  await using bench = await startBench(() => ({ allowedHostSuffixes: ['127.0.0.1', 'invalid'] }))
  const nowhere = listing('https://no-such-host.invalid/scep')
  bench.server.script('graph', nowhere, nowhere)
  await assert.rejects(bench.client.notifier.notify(success, ACTIVITY, patient), {
    code: 'management/unavailable',
    isTransient: true,
  })
  assert.equal(bench.server.count('graph'), 2)
  await bench.client.notifier.notify(success, ACTIVITY, patient)
  assert.equal(bench.server.count('graph'), 3)
  assert.equal(bench.server.count('success'), 1)
})

test('check 43: refused connections and broken TLS drop the address', async () => {
  const plain = createServer((socket) => socket.destroy())
  await using _closing = { [Symbol.asyncDispose]: async () => void plain.close() }
  await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve))
  const address = plain.address()
  assert.ok(typeof address === 'object' && address !== null)
  await using bench = await startBench()
  // Port 1 of the loopback: nobody listens there without root.
  const wrong = ['https://127.0.0.1:1/scep', `https://127.0.0.1:${address.port}/scep`]
  for (const uri of wrong) {
    const before = bench.server.count('graph')
    bench.server.script('graph', listing(uri))
    bench.advance(31 * 60_000)
    await bench.client.notifier.notify(success, ACTIVITY, patient)
    assert.equal(bench.server.count('graph'), before + 2)
  }
})

test('check 43: 5xx that repeats drops the address, and the next call discovers', async () => {
  await using bench = await startBench()
  bench.server.script('validate', { status: 500 }, { status: 500 }, { status: 500 })
  await assert.rejects(bench.client.validator.validate(request, patient), {
    code: 'management/unavailable',
    httpStatus: 500,
  })
  assert.equal(bench.server.count('graph'), 2)
  await bench.client.validator.validate(request, patient)
  assert.equal(bench.server.count('graph'), 3)
})

test('validate is repeated twice after pauses of about 0.5 and 2 seconds; notify is not', async () => {
  await using bench = await startBench()
  bench.server.always('validate', { status: 503 })
  bench.server.always('success', { status: 503 })
  await assert.rejects(bench.client.validator.validate(request, patient), { httpStatus: 503 })
  assert.equal(bench.server.count('validate'), 3)
  assert.deepEqual(bench.pauses, [500, 2000])
  await assert.rejects(bench.client.notifier.notify(success, ACTIVITY, patient), {
    httpStatus: 503,
  })
  assert.equal(bench.server.count('success'), 1)
  assert.equal(bench.pauses.length, 2)
})

test('check 46: Retry-After in seconds and as a date is waited for', async () => {
  await using bench = await startBench()
  const date = 'Mon, 01 Jun 2026 12:00:13 GMT'
  bench.server.script(
    'validate',
    { status: 429, headers: { 'retry-after': '3' } },
    { status: 503, headers: { 'retry-after': date } },
  )
  assert.equal((await bench.client.validator.validate(request, patient)).kind, 'accepted')
  assert.deepEqual(bench.pauses, [3_000, 10_000])
})

test('check 46: a Retry-After beyond the budget ends the attempt at once and is reported', async () => {
  await using bench = await startBench()
  bench.server.script('validate', { status: 429, headers: { 'retry-after': '60' } })
  await assert.rejects(bench.client.validator.validate(request, patient), {
    code: 'management/unavailable',
    retryAfterMs: 60_000,
    isTransient: true,
  })
  assert.equal(bench.server.count('validate'), 1)
  assert.deepEqual(bench.pauses, [])
})

test('check 46: a server that never answers costs no more than the budget', async () => {
  await using bench = await startBench(() => ({ timeouts: { budgetMs: 400 } }))
  bench.server.always('validate', 'hang')
  await assert.rejects(bench.client.validator.validate(request, patient), {
    code: 'management/unavailable',
    isTransient: true,
    activityId: ACTIVITY,
  })
  assert.equal(bench.server.count('validate'), 1)
})

test('a read time-out and a broken connection are repeated like any outage', async () => {
  await using bench = await startBench(() => ({ timeouts: { connectMs: 300, readMs: 200 } }))
  bench.server.script('validate', 'hang', 'reset')
  assert.equal((await bench.client.validator.validate(request, patient)).kind, 'accepted')
  bench.server.script('validate', { body: '{"code":"Success"}', cutBytes: 4 })
  assert.equal((await bench.client.validator.validate(request, patient)).kind, 'accepted')
})

test('the caller who gives up gets an answer at once, and others are not disturbed', async () => {
  await using bench = await startBench()
  bench.server.script('graph', 'hang')
  const stop = new AbortController()
  const given = bench.client.validator.validate(request, stop.signal)
  while (bench.server.count('graph') === 0) await new Promise((resolve) => setImmediate(resolve))
  stop.abort()
  await assert.rejects(given, { code: 'management/unavailable', activityId: ACTIVITY })
})

test('check 40: a 403 of Graph names the permission, after one fresh token, without another directory', async () => {
  await using bench = await startBench()
  const body = {
    error: { code: 'Authorization_RequestDenied', message: 'Insufficient privileges' },
  }
  bench.server.always('graph', json(body, 403))
  await assert.rejects(bench.client.validator.validate(request, patient), {
    code: 'management/unauthorized',
    httpStatus: 403,
    message: /Authorization_RequestDenied: Insufficient privileges: .*Application\.Read\.All/,
  })
  assert.deepEqual(
    bench.server.calls.map((call) => call.hop),
    ['token', 'graph', 'token', 'graph'],
  )
})

test('check 41: mixed case, nameless entries, duplicates, slashes and pages are read', async () => {
  await using bench = await startBench()
  const { url } = bench.server
  bench.server.script(
    'graph',
    json({
      value: [
        null,
        { uri: `${url}/nameless` },
        { providerName: 'Other', uri: `${url}/other` },
        { providerName: 'scepREQUESTvalidationfeservice', uri: '' },
        { providerName: 'scepREQUESTvalidationfeservice', uri: 'http://127.0.0.1/plain' },
      ],
      '@odata.nextLink': `${url}/v1.0/servicePrincipals/appId=x/endpoints?$skiptoken=2`,
    }),
    json({
      value: [
        { serviceName: 'ScepRequestValidationFEService', uri: `${url}/first///` },
        { providerName: 'ScepRequestValidationFEService', uri: `${url}/second` },
      ],
    }),
  )
  await bench.client.validator.validate(request, patient)
  const [call] = bench.server.callsOf('validate')
  assert.equal(call?.target, '/first/ScepActions/validateRequest')
  assert.equal(bench.server.count('graph'), 2)
})

test('a next page at another host is not asked with our token', async () => {
  await using bench = await startBench()
  const value = { value: [], '@odata.nextLink': 'https://evil.example/next' }
  bench.server.script('graph', json(value))
  await assert.rejects(bench.client.validator.validate(request, patient), {
    code: 'management/bad-response',
  })
})

test('an endless list of pages is given up', async () => {
  await using bench = await startBench()
  const next = `${bench.server.url}/v1.0/servicePrincipals/more`
  bench.server.always('graph', json({ value: [], '@odata.nextLink': next }))
  await assert.rejects(bench.client.validator.validate(request, patient), {
    code: 'management/bad-response',
  })
  assert.equal(bench.server.count('graph'), 20)
})

test('check 5, 42: a list without the service says what is missing; Intune gets no call', async () => {
  await using bench = await startBench()
  bench.server.script('graph', json({ value: [{ providerName: 'A', uri: 'https://a.example' }] }))
  await assert.rejects(bench.client.validator.validate(request, patient), {
    code: 'management/misconfigured',
    message:
      /lists 1 other services and not ScepRequestValidationFEService.*scep_challenge_provider/,
  })
  bench.server.script('graph', json({ value: [] }))
  await assert.rejects(bench.client.validator.validate(request, patient), {
    code: 'management/misconfigured',
    message: /lists no service at all/,
  })
  assert.equal(bench.server.count('graph'), 2)
  assert.equal(bench.server.count('validate'), 0)
  await bench.client.validator.validate(request, patient)
  assert.equal(bench.server.count('graph'), 3)
})

for (const [title, uri] of [
  ['another host', 'https://evil.example/scep'],
  ['a host that only ends alike', 'https://evilmanage.microsoft.com/scep'],
  ['a user name', 'https://user@fef.manage.microsoft.com/scep'],
  ['a query', 'https://fef.manage.microsoft.com/scep?x=1'],
] as const) {
  test(`a discovered address with ${title} gets no token`, async () => {
    await using bench = await startBench(() => ({ allowedHostSuffixes: ['manage.microsoft.com'] }))
    bench.server.script('graph', listing(uri))
    await assert.rejects(bench.client.validator.validate(request, patient), {
      code: 'management/misconfigured',
    })
    assert.equal(bench.server.count('token'), 1)
  })
}

test('during an outage of Graph the last good addresses serve, also those of an earlier process', async () => {
  let kept: string | undefined
  const serviceMapStore: ServiceMapStore = {
    load: async () => await Promise.resolve(kept),
    save: async (text) => {
      kept = text
      await Promise.resolve()
    },
  }
  await using bench = await startBench(() => ({ serviceMapStore }))
  await bench.client.validator.validate(request, patient)
  assert.ok(kept)
  const { url } = bench.server
  await using second = await startBench(() => ({
    serviceMapStore,
    cloud: {
      authorityUrl: `${url}/`,
      graphUrl: `${url}/`,
      intuneResourceUrl: 'https://api.manage.microsoft.com/',
    },
    trustedCaPem: bench.server.caPem,
  }))
  bench.server.always('graph', { status: 503 })
  assert.equal((await second.client.validator.validate(request, patient)).kind, 'accepted')
  assert.match((await second.client.health.check(patient)).detail, /Graph does not answer/)
  bench.server.always('graph', json({ error: { code: 'Denied' } }, 403))
  second.advance(61_000)
  await assert.rejects(second.client.validator.validate(request, patient), {
    code: 'management/unauthorized',
  })
})

test('a kept map of another tenant or of nonsense is not used', async () => {
  const services = { scepRequestValidationFEService: 'https://127.0.0.1:1/' }
  const texts = ['{', '[]', JSON.stringify({ version: 1, tenant: 'other', services })]
  for (const text of texts) {
    const serviceMapStore: ServiceMapStore = {
      load: async () => await Promise.resolve(text),
      save: async () => await Promise.reject(new Error('disk full')),
    }
    await using bench = await startBench(() => ({ serviceMapStore }))
    bench.server.always('graph', { status: 503 })
    await assert.rejects(bench.client.validator.validate(request, patient), { httpStatus: 503 })
  }
})

test('a map that cannot be kept is a warning of health', async () => {
  const serviceMapStore: ServiceMapStore = {
    load: async () => await Promise.resolve(undefined),
    save: async () => await Promise.reject(new Error('disk full')),
  }
  await using bench = await startBench(() => ({ serviceMapStore }))
  const { ok, detail } = await bench.client.health.check(patient)
  assert.equal(ok, true)
  assert.match(detail, /warning: the service map cannot be saved/)
})

test('health warns of a token without the role and is not ok without a token', async () => {
  await using bench = await startBench()
  const access_token = makeToken({ aud: 'x' })
  bench.server.always('token', json({ token_type: 'Bearer', expires_in: '3599', access_token }))
  const poor = await bench.client.health.check(patient)
  assert.equal(poor.ok, true)
  assert.match(poor.detail, /warning: the token lacks the role scep_challenge_provider/)
  bench.server.always('token', { status: 503 })
  bench.advance(4_000_000)
  const away = await bench.client.health.check(patient)
  assert.equal(away.ok, false)
  assert.match(away.detail, /management\/unavailable: Entra ID answered HTTP 503/)
})
