import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertFailsWith } from '../../../support/assert-fails-with.ts'
import { json, type ScriptedAnswer } from '../../../support/scripted-https.ts'
import { ACTIVITY, CLIENT_SECRET, PROVIDER, patient, startBench } from './fixture.ts'

const call = { activityId: ACTIVITY, signal: patient }
const download = { ...call, maxItems: 10, waitSeconds: 0, leaseSeconds: 900 }
const entry = {
  requestContext: 'MARKED+context/1==',
  serialNumber: '4A01',
  issuerName: 'CN=Issuing CA',
  caConfiguration: 'connector-ca/default',
}
const succeeded = {
  requestContext: 'ctx1',
  lease: undefined,
  end: { succeeded: true, value: { revokedAt: new Date(0), alreadyRevoked: true } },
  durationMs: 1,
} as const
const failed = {
  requestContext: 'ctx2',
  lease: undefined,
  end: { succeeded: false, errorCode: 'CertificateNotFoundError', errorMessage: 'not here' },
  durationMs: 1,
} as const

/** A client whose tenant has the service of CA requests, which answers from this list. */
async function startPki(
  answers: readonly ScriptedAnswer[],
  options: Parameters<typeof startBench>[0] = () => ({}),
) {
  const bench = await startBench(options)
  const services = [{ providerName: 'pkiconnectorFEservice', uri: `${bench.server.url}/pki/` }]
  bench.server.always('graph', json({ value: services }))
  bench.server.script('other', ...answers)
  return bench
}

test('check 32: the download is Microsoft’s, header by header and member by member', async () => {
  await using bench = await startPki([json({ value: [] })])
  await bench.client.revocations.download(download)
  const [seen] = bench.server.callsOf('other')
  assert.equal(seen?.method, 'POST')
  assert.equal(seen?.target, '/pki/CertificateAuthorityRequests/downloadRevocationRequests')
  assert.equal(seen?.headers['api-version'], '5019-05-05')
  assert.equal(seen?.headers['client-request-id'], ACTIVITY)
  assert.equal(seen?.headers['useragent'], PROVIDER)
  assert.match(String(seen?.headers['authorization']), /^Bearer /)
  assert.deepEqual(JSON.parse(seen?.body ?? ''), {
    downloadParameters: { maxRequests: 10, issuerName: null },
  })
})

test('check 7: items are read, @odata.context is not, members in any case', async () => {
  const pascal = Object.fromEntries(
    Object.entries(entry).map(([key, value]) => [`${key[0]?.toUpperCase()}${key.slice(1)}`, value]),
  )
  await using bench = await startPki([
    json({ '@odata.context': 'x', value: [entry, { ...pascal, RequestContext: 'two' }] }),
  ])
  const { items, unreadable, moreAvailable } = await bench.client.revocations.download(download)
  assert.deepEqual(
    items.map(({ requestContext }) => requestContext),
    [entry.requestContext, 'two'],
  )
  for (const { request, lease } of items) {
    assert.equal(lease, undefined)
    assert.equal(request.serialNumber, '4A01')
    assert.equal(request.issuerName, 'CN=Issuing CA')
    assert.equal(request.caConfiguration, 'connector-ca/default')
  }
  assert.deepEqual(unreadable, [])
  assert.equal(moreAvailable, false)
})

test('check 18: an item without caConfiguration is accepted; a full list means that there is more', async () => {
  await using bench = await startPki([json({ value: [{ ...entry, caConfiguration: null }] })])
  const batch = await bench.client.revocations.download({ ...download, maxItems: 1 })
  assert.equal(batch.items[0]?.request.caConfiguration, undefined)
  assert.equal(batch.moreAvailable, true)
})

test('an item that cannot be read does not spoil the others', async () => {
  await using bench = await startPki([
    json({
      value: [
        { ...entry, serialNumber: 7 },
        { ...entry, serialNumber: 'F'.repeat(300) },
        { ...entry, issuerName: {} },
        { serialNumber: '01' },
        entry,
      ],
    }),
  ])
  const batch = await bench.client.revocations.download(download)
  assert.equal(batch.items.length, 1)
  assert.equal(batch.unreadable.length, 3)
  assert.equal(batch.passedOver, 1)
})

for (const [title, body] of [
  ['value is a text', { value: 'x' }],
  ['value holds no objects', { value: ['x'] }],
  ['there is no value', {}],
] as const)
  test(`checks 19, 20: ${title}: a bad response`, async () => {
    await using bench = await startPki([json(body)])
    await assertFailsWith(bench.client.revocations.download(download), 'management/bad-response')
  })

for (const maxItems of [-1, 0, 501, 1.5])
  test(`checks 22, 23: ${maxItems} items are refused and nothing is sent`, async () => {
    await using bench = await startPki([])
    await assertFailsWith(
      bench.client.revocations.download({ ...download, maxItems }),
      'internal/bug',
    )
    assert.equal(bench.server.calls.length, 0)
  })

test('checks 8, 24, 48: results carry names of codes, and a success neither code nor message', async () => {
  await using bench = await startPki([json({ value: true })])
  const outcomes = await bench.client.revocations.upload([succeeded, failed], call)
  assert.deepEqual(
    outcomes.map(({ outcome }) => outcome),
    ['recorded', 'recorded'],
  )
  const [seen] = bench.server.callsOf('other')
  assert.equal(seen?.target, '/pki/CertificateAuthorityRequests/uploadRevocationResults')
  assert.equal(seen?.headers['api-version'], '5019-05-05')
  assert.deepEqual(JSON.parse(seen?.body ?? ''), {
    results: [
      { requestContext: 'ctx1', succeeded: true, errorCode: 'None' },
      {
        requestContext: 'ctx2',
        succeeded: false,
        errorCode: 'CertificateNotFoundError',
        errorMessage: 'not here',
      },
    ],
  })
})

test('codes are numbers as text where that is configured, and the api-version is a setting', async () => {
  await using bench = await startPki([json({ value: 'True' })], () => ({
    revocationErrorCodes: 'number',
    revocationApiVersion: '5020-01-01',
  }))
  await bench.client.revocations.upload([succeeded, failed], call)
  const [seen] = bench.server.callsOf('other')
  assert.equal(seen?.headers['api-version'], '5020-01-01')
  const { results } = JSON.parse(seen?.body ?? '') as { results: { errorCode: unknown }[] }
  assert.deepEqual(
    results.map(({ errorCode }) => errorCode),
    ['0', '4004'],
  )
})

for (const value of [false, 'test', undefined])
  test(`checks 28 to 30: value ${String(value)} means not recorded`, async () => {
    await using bench = await startPki([json({ value })])
    await assertFailsWith(
      bench.client.revocations.upload([succeeded], call),
      'management/bad-response',
    )
  })

test('check 25: no results are refused and nothing is sent', async () => {
  await using bench = await startPki([])
  await assertFailsWith(bench.client.revocations.upload([], call), 'internal/bug')
  assert.equal(bench.server.calls.length, 0)
})

test('a message is cut at 255 characters', async () => {
  await using bench = await startPki([json({ value: true })])
  const end = { ...failed.end, errorMessage: 'y'.repeat(400) }
  await bench.client.revocations.upload([{ ...failed, end }], call)
  assert.equal(/y+/.exec(bench.server.callsOf('other')[0]?.body ?? '')?.[0].length, 255)
})

test('check 44: a refused token is replaced once', async () => {
  await using bench = await startPki([json({}, 401), json({ value: [entry] })])
  assert.equal((await bench.client.revocations.download(download)).items.length, 1)
  assert.equal(bench.server.count('token'), 3)
})

test('check 43: an address that moved is looked up again once', async () => {
  await using bench = await startPki([json({}, 404), json({ value: true })])
  await bench.client.revocations.upload([succeeded], call)
  assert.equal(bench.server.count('graph'), 2)
})

test('check 46, 52: 429 tells how long to wait, and no error repeats a context or a secret', async () => {
  const body = JSON.stringify({ error: { code: 'Busy', message: 'for MARKED+context/1==' } })
  await using bench = await startPki([{ status: 429, headers: { 'retry-after': '7' }, body }])
  const result = { ...succeeded, requestContext: entry.requestContext }
  const failure = await assertFailsWith(
    bench.client.revocations.upload([result], call),
    'management/unavailable',
  )
  assert.equal(failure.retryAfterMs, 7000)
  assert.ok(!failure.message.includes('MARKED'), failure.message)
  assert.ok(!failure.message.includes(CLIENT_SECRET))
})
