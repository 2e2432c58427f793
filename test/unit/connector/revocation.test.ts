import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CaBackend, RevokeOrder, RevokeResult } from '../../../src/ca/index.ts'
import { createRevocation } from '../../../src/connector/index.ts'
import { ConnectorError } from '../../../src/kernel/index.ts'
import type { RevocationRequest } from '../../../src/management/index.ts'
import { fakeItem } from '../../support/fake-work-queue.ts'
import { createMemoryStore } from '../../support/memory-store.ts'
import { recordedJournal } from '../../support/recorded-journal.ts'
import { commonName } from '../../support/scep-messages/ber.ts'
import { issueTestCertificate } from '../../support/scep-messages/certificates.ts'
import { createEcKeys } from '../../support/scep-messages/test-authority.ts'
import { sampleIntent, sampleIssued, start } from '../../support/store-samples.ts'

const signal = new AbortController().signal

/** A certificate of CA `issuing` on record, and a CA that answers as it is told. */
async function stage(
  answer: (order: RevokeOrder) => Promise<RevokeResult> | RevokeResult,
  kind = 'embedded',
) {
  const store = createMemoryStore()
  const intent = sampleIntent()
  const keys = createEcKeys()
  const issuerName = 'CN=Issuing CA'
  const certificateDer = issueTestCertificate({
    subject: commonName('device'),
    issuer: commonName('Issuing CA'),
    ...keys,
    signingKey: keys.privateKey,
  })
  await store.certificates.complete(intent, sampleIssued(intent, { certificateDer }), undefined)
  const orders: RevokeOrder[] = []
  const ca = {
    id: 'issuing',
    kind,
    capabilities: { revoke: true, maxParallel: 4 },
    async revoke(order: RevokeOrder) {
      orders.push(order)
      return await answer(order)
    },
  } as unknown as CaBackend
  const { journal, records, eventIds } = recordedJournal()
  const authorities = [{ ca, issuerName }]
  let progress: Uint8Array | undefined
  const handler = createRevocation({
    authorities: async () => authorities,
    certificates: store.certificates,
    reason: 5,
    clock: { now: () => start },
  })
  const request = (change: Partial<RevocationRequest> = {}): RevocationRequest => ({
    ...fakeItem().request,
    serialNumber: intent.order.serialHex,
    caConfiguration: 'connector-ca/issuing',
    issuerName,
    ...change,
  })
  return {
    ca,
    authorities,
    handler,
    orders,
    records,
    eventIds,
    request,
    carryOut: async (change: Partial<RevocationRequest> = {}, isLastAttempt = false) =>
      await handler.carryOut({
        request: request(change),
        requestContext: 'context-1',
        isLastAttempt,
        progress,
        keep: async (kept) => {
          progress = kept
        },
        log: journal,
        signal,
      }),
  }
}

const revoked = (): RevokeResult => ({ status: 'revoked', at: start })

test('a certificate of ours is revoked, with the reason of the configuration: 3050', async () => {
  const on = await stage(revoked)
  const { end } = await on.carryOut()
  assert.deepEqual(end, { succeeded: true, value: { revokedAt: start, alreadyRevoked: false } })
  assert.equal(on.orders[0]?.reason, 5)
  assert.deepEqual(on.eventIds(), [3050])
})

test('a reason that the service tells goes before that of the configuration', async () => {
  const on = await stage(revoked)
  await on.carryOut({ reason: 'keyCompromise' })
  assert.equal(on.orders[0]?.reason, 1)
})

test('revoked before is success, and says so', async () => {
  const on = await stage(() => ({ status: 'alreadyRevoked', at: start }))
  const { end } = await on.carryOut()
  assert.deepEqual(end, { succeeded: true, value: { revokedAt: start, alreadyRevoked: true } })
  assert.match(String(on.records[0]?.detail), /revoked before/)
})

for (const [title, change, isOurs] of [
  ['with both names', {}, true],
  ['without any name', { caConfiguration: undefined, issuerName: undefined }, true],
  ['with the issuer alone', { caConfiguration: undefined }, true],
  ['with the configuration alone', { issuerName: undefined }, true],
  ['with the configuration of another', { caConfiguration: 'connector-ca/other' }, false],
  ['with the issuer of another', { issuerName: 'CN=Other' }, false],
  [
    'with an unknown serial and no name',
    {
      serialNumber: '4F',
      caConfiguration: undefined,
      issuerName: undefined,
    },
    false,
  ],
  ['with an unknown serial and one name', { serialNumber: '4F', issuerName: undefined }, false],
  ['with an unknown serial and both names', { serialNumber: '4F' }, true],
  ['with something that is no serial', { serialNumber: 'hello', issuerName: undefined }, false],
] as const)
  test(`a request ${title} is ${isOurs ? 'ours' : 'left alone'}`, async () => {
    const on = await stage(revoked)
    assert.equal(await on.handler.isOurs(on.request(change)), isOurs)
  })

test('event 3051: an unknown serial of ours is CertificateNotFoundError, final: 3051', async () => {
  const on = await stage(revoked)
  const { end, isPassing } = await on.carryOut({ serialNumber: '4F' })
  assert.ok(!end.succeeded && end.errorCode === 'CertificateNotFoundError')
  assert.equal(isPassing, false)
  assert.deepEqual(on.eventIds(), [3051])
  assert.deepEqual(on.orders, [])
})

for (const [status, code] of [
  ['notFound', 'CertificateNotFoundError'],
  ['notSupported', 'NotSupportedError'],
] as const)
  test(`a CA that says ${status} is ${code}, final: 3051`, async () => {
    const on = await stage(() => ({ status, message: 'no' }))
    const { end, isPassing } = await on.carryOut()
    assert.ok(!end.succeeded && end.errorCode === code)
    assert.equal(isPassing, false)
    assert.deepEqual(on.eventIds(), [3051])
  })

test('a CA that cannot revoke at all is not asked', async () => {
  const on = await stage(revoked)
  Object.assign(on.ca.capabilities, { revoke: false })
  const { end } = await on.carryOut()
  assert.ok(!end.succeeded && end.errorCode === 'NotSupportedError')
  assert.deepEqual(on.orders, [])
})

for (const [code, expected] of [
  ['ca/unavailable', 'ServiceUnavailableException'],
  ['ca/misconfigured', 'AuthenticationException'],
  ['ca/unknown-outcome', 'RetryableServiceException'],
  ['store/unavailable', 'RetryableServiceException'],
] as const)
  test(`events 3052, 3051: ${code} is ${expected}: 3052 while attempts follow, 3051 with the last`, async () => {
    const on = await stage(() => {
      throw new ConnectorError(code, 'away', { isTransient: true })
    })
    const { end, isPassing } = await on.carryOut()
    assert.ok(!end.succeeded && end.errorCode === expected)
    assert.equal(isPassing, true)
    await on.carryOut({}, true)
    assert.deepEqual(on.eventIds(), [3052, 3051])
  })

test('event 3032: what a CA of DigiCert is to revoke says so, once an item, however often it is tried', async () => {
  let isAway = true
  const on = await stage(() => {
    if (isAway) throw new ConnectorError('ca/unavailable', 'away', { isTransient: true })
    return revoked()
  }, 'digicert')
  await on.carryOut()
  isAway = false
  assert.ok((await on.carryOut()).end.succeeded)
  assert.deepEqual(on.eventIds(), [3032, 3052, 3050])
  const [passed] = on.records
  assert.equal(passed?.serialNumber, on.orders[0]?.serialHex)
  assert.equal(passed?.caId, 'issuing')
})

test('what DigiCert’s CA is not asked for does not say that it was passed on', async () => {
  const on = await stage(revoked, 'digicert')
  await on.carryOut({ serialNumber: '4F' })
  Object.assign(on.ca.capabilities, { revoke: false })
  await on.carryOut()
  assert.deepEqual(on.eventIds(), [3051, 3051])
})

test('a request whose CA left the configuration meanwhile is not ended for whoever has that CA', async () => {
  const on = await stage(revoked)
  on.authorities.pop()
  const first = await on.carryOut()
  const last = await on.carryOut({}, true)
  assert.equal(first.isPassing, true)
  // From 4100 on a service offers a request again.
  assert.ok(!last.end.succeeded && last.end.errorCode === 'RetryableServiceException')
  assert.deepEqual(on.eventIds(), [3052, 3051])
  assert.deepEqual(on.orders, [])
})

test('items of one CA share its lane', async () => {
  const on = await stage(revoked)
  assert.deepEqual(await on.handler.laneOf(on.request()), { name: 'issuing', parallel: 4 })
})
