import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { CertificateState } from '../../src/store/index.ts'
import { assertFailsWith } from '../support/assert-fails-with.ts'
import type { CurrentHarness } from '../support/store-harness.ts'
import {
  later,
  sampleIntent,
  sampleIssued,
  sampleOwed,
  sampleRefusal,
  start,
} from '../support/store-samples.ts'

const since = later(-86_400)
const lease = later(60)

/** CertificateRegister. */
export function describeRegister(current: CurrentHarness): void {
  const register = () => current().store.certificates
  const outbox = () => current().store.outbox

  async function reserved(change: Parameters<typeof sampleIntent>[0] = {}) {
    const intent = sampleIntent(change)
    const outcome = await register().reserve(intent, 'one', lease, since)
    assert.equal(outcome.kind, 'reserved')
    return intent
  }

  async function issued(change: Parameters<typeof sampleIntent>[0] = {}) {
    const intent = await reserved(change)
    const certificate = sampleIssued(intent)
    await register().complete(intent, certificate, undefined)
    return { intent, certificate }
  }

  /** What comes of another request for this key. */
  async function reserveFor(spkiDer: Uint8Array) {
    const sample = sampleIntent()
    const intent = { ...sample, order: { ...sample.order, spkiDer } }
    const { kind } = await register().reserve(intent, 'one', lease, since)
    return { kind, state: await stateOf(intent.caId, intent.order.serialHex) }
  }

  async function stateOf(caId: string, serialHex: string): Promise<CertificateState | undefined> {
    return (await register().findBySerial(caId, serialHex))?.state
  }

  describe('reserve', () => {
    test('an intent comes back whole, in the state reserved', async () => {
      const intent = await reserved()
      assert.deepEqual(await register().findByRequestKey(intent.requestKey, since), {
        ...intent,
        state: 'reserved',
        holder: 'one',
        leaseUntil: lease,
        certificateDer: undefined,
        thumbprintHex: undefined,
        issuedAt: undefined,
        revokedAt: undefined,
        revocationReason: undefined,
      })
    })

    test('nothing is reserved for a key once a certificate for it was revoked for keyCompromise', async () => {
      const { intent, certificate } = await issued()
      const { spkiDer } = intent.order
      const revoke = async (reason: 1 | 6) =>
        await register().revoke(intent.caId, certificate.serialHex, reason, later(1))
      await revoke(6)
      assert.deepEqual(await reserveFor(spkiDer), { kind: 'reserved', state: 'reserved' })
      await revoke(1)
      assert.deepEqual(await reserveFor(spkiDer), { kind: 'compromised', state: undefined })
      const other = Uint8Array.of(...spkiDer, 0)
      assert.deepEqual(await reserveFor(other), { kind: 'reserved', state: 'reserved' })
    })

    test('a compromised key leaves the earlier record of its request as it was', async () => {
      const { intent, certificate } = await issued()
      await register().revoke(intent.caId, certificate.serialHex, 1, later(1))
      const sample = sampleIntent({ requestKey: intent.requestKey })
      const again = { ...sample, order: { ...sample.order, spkiDer: intent.order.spkiDer } }
      assert.equal((await register().reserve(again, 'one', lease, since)).kind, 'taken')
      const outcome = await register().reserve(again, 'one', lease, later(1))
      assert.equal(outcome.kind, 'compromised')
      const live = await register().findByRequestKey(intent.requestKey, since)
      assert.equal(live?.order.serialHex, intent.order.serialHex)
    })

    test('a second intent of the same request is told of the first', async () => {
      const intent = await reserved()
      const again = sampleIntent({ requestKey: intent.requestKey })
      const outcome = await register().reserve(again, 'two', lease, since)
      assert.equal(outcome.kind, 'taken')
      assert.equal(outcome.record.order.serialHex, intent.order.serialHex)
      assert.equal(outcome.record.holder, 'one')
    })

    test('an issued or revoked record answers for its request', async () => {
      const { intent } = await issued()
      const again = sampleIntent({ requestKey: intent.requestKey })
      const outcome = await register().reserve(again, 'two', lease, since)
      assert.ok(outcome.kind === 'taken' && outcome.record.state === 'issued')
      await register().revoke(intent.caId, intent.order.serialHex, 1, later(5))
      const after = await register().reserve(again, 'two', lease, since)
      assert.ok(after.kind === 'taken' && after.record.state === 'revoked')
    })

    test('of fifty at once on one request key exactly one is reserved', async () => {
      const second = await current().openSecond()
      const { requestKey } = sampleIntent()
      const outcomes = await Promise.all(
        Array.from({ length: 50 }, async (_, index) => {
          const store = index % 2 === 0 ? current().store : second
          const intent = sampleIntent({ requestKey })
          const outcome = await store.certificates.reserve(intent, `h${index}`, lease, since)
          return { intent, outcome }
        }),
      )
      const winners = outcomes.filter(({ outcome }) => outcome.kind === 'reserved')
      assert.equal(winners.length, 1)
      const serial = winners[0]?.intent.order.serialHex
      for (const { outcome } of outcomes)
        if (outcome.kind === 'taken') assert.equal(outcome.record.order.serialHex, serial)
      assert.equal((await register().count()).reserved, 1)
    })

    test('an intent whose lease ran out is abandoned and replaced', async () => {
      const old = await reserved()
      const next = sampleIntent({ requestKey: old.requestKey, reservedAt: lease })
      assert.equal((await register().reserve(next, 'two', later(120), since)).kind, 'reserved')
      assert.equal(await stateOf(old.caId, old.order.serialHex), 'abandoned')
      const live = await register().findByRequestKey(old.requestKey, since)
      assert.equal(live?.order.serialHex, next.order.serialHex)
    })

    test('an intent whose lease still runs is not replaced', async () => {
      const old = await reserved()
      const next = sampleIntent({ requestKey: old.requestKey, reservedAt: later(59) })
      assert.equal((await register().reserve(next, 'two', later(120), since)).kind, 'taken')
    })

    test('of many that replace one intent exactly one does', async () => {
      const second = await current().openSecond()
      const old = await reserved()
      const outcomes = await Promise.all(
        Array.from({ length: 12 }, async (_, index) => {
          const store = index % 2 === 0 ? current().store : second
          const next = sampleIntent({ requestKey: old.requestKey, reservedAt: later(61) })
          return await store.certificates.reserve(next, `h${index}`, later(200), since)
        }),
      )
      assert.equal(outcomes.filter(({ kind }) => kind === 'reserved').length, 1)
      assert.deepEqual(await register().count(), {
        reserved: 1,
        abandoned: 1,
        issued: 0,
        revoked: 0,
      })
    })

    test('a record outside the replay window gives its request key away and stays issued', async () => {
      const { intent } = await issued()
      const next = sampleIntent({ requestKey: intent.requestKey, reservedAt: later(90_000) })
      assert.equal(
        (await register().reserve(next, 'one', later(90_060), later(1))).kind,
        'reserved',
      )
      assert.equal(await stateOf(intent.caId, intent.order.serialHex), 'issued')
      const live = await register().findByRequestKey(intent.requestKey, since)
      assert.equal(live?.order.serialHex, next.order.serialHex)
    })

    test('a record reserved exactly at the begin of the window is inside', async () => {
      const { intent } = await issued()
      const next = sampleIntent({ requestKey: intent.requestKey })
      assert.equal((await register().reserve(next, 'one', lease, start)).kind, 'taken')
      assert.ok(await register().findByRequestKey(intent.requestKey, start))
      assert.equal(await register().findByRequestKey(intent.requestKey, later(0.001)), undefined)
    })

    test('a serial is never taken twice, whatever became of it', async () => {
      const open = await reserved()
      const closed = await reserved()
      await register().abandon(closed.order.serialHex, 'test', undefined)
      const kept = (await issued()).intent
      for (const { order } of [open, closed, kept])
        await assertFailsWith(
          register().reserve(sampleIntent({ order }), 'two', lease, since),
          'store/conflict',
        )
    })

    test('a taken serial does not cost the run-out intent of the same request its key', async () => {
      const other = await reserved()
      const old = await reserved()
      const next = sampleIntent({
        requestKey: old.requestKey,
        order: other.order,
        reservedAt: later(61),
      })
      await assertFailsWith(register().reserve(next, 'two', later(200), since), 'store/conflict')
      assert.equal(await stateOf(old.caId, old.order.serialHex), 'reserved')
      assert.ok(await register().findByRequestKey(old.requestKey, since))
    })
  })

  describe('complete', () => {
    test('the certificate and the notification are there together', async () => {
      const intent = await reserved()
      const certificate = sampleIssued(intent, { backendRef: 'ref-1' })
      const owed = sampleOwed()
      await register().complete(intent, certificate, owed)
      const record = await register().findBySerial(intent.caId, intent.order.serialHex)
      assert.equal(record?.state, 'issued')
      assert.deepEqual(record?.certificateDer, certificate.certificateDer)
      assert.equal(record?.thumbprintHex, certificate.thumbprintHex)
      assert.deepEqual(record?.issuedAt, certificate.issuedAt)
      assert.equal(record?.backendRef, 'ref-1')
      assert.deepEqual(await outbox().find(owed.id), {
        ...owed,
        state: 'due',
        attempts: 0,
        leaseUntil: undefined,
        lastError: undefined,
        deliveredAt: undefined,
      })
    })

    test('repeating it changes nothing', async () => {
      const intent = await reserved()
      const certificate = sampleIssued(intent)
      const owed = sampleOwed()
      await register().complete(intent, certificate, owed)
      await outbox().claim(owed.id, 'one', start, later(9))
      await outbox().markDelivered(owed.id, 'one', later(2))
      const before = await register().findByThumbprint(certificate.thumbprintHex)
      await register().complete(intent, { ...certificate, issuedAt: later(50) }, owed)
      await register().complete(intent, certificate, sampleOwed())
      assert.deepEqual(await register().findByThumbprint(certificate.thumbprintHex), before)
      assert.equal((await outbox().find(owed.id))?.state, 'delivered')
      assert.equal((await outbox().depth(start)).due, 0)
    })

    test('another certificate for the same serial is a conflict, and owes nothing', async () => {
      const { intent, certificate } = await issued()
      const owed = sampleOwed()
      await assertFailsWith(
        register().complete(intent, sampleIssued(intent), owed),
        'store/conflict',
      )
      const record = await register().findBySerial(intent.caId, intent.order.serialHex)
      assert.equal(record?.thumbprintHex, certificate.thumbprintHex)
      assert.equal(await outbox().find(owed.id), undefined)
    })

    test('another CA cannot complete a serial', async () => {
      const intent = await reserved()
      await assertFailsWith(
        register().complete({ ...intent, caId: 'other' }, sampleIssued(intent), undefined),
        'store/conflict',
      )
    })

    test('a missing intent is written again and answers for its request', async () => {
      const intent = sampleIntent()
      const certificate = sampleIssued(intent)
      const owed = sampleOwed()
      await register().complete(intent, certificate, owed)
      await register().complete(intent, certificate, owed)
      const record = await register().findByRequestKey(intent.requestKey, since)
      assert.equal(record?.state, 'issued')
      assert.deepEqual(record?.order, intent.order)
      assert.ok(await outbox().find(owed.id))
    })

    test('a missing intent does not take the request key from the record that has it', async () => {
      const holder = await reserved()
      const lost = sampleIntent({ requestKey: holder.requestKey })
      await register().complete(lost, sampleIssued(lost), undefined)
      const live = await register().findByRequestKey(holder.requestKey, since)
      assert.equal(live?.order.serialHex, holder.order.serialHex)
      assert.equal(await stateOf(lost.caId, lost.order.serialHex), 'issued')
    })

    test('an intent abandoned meanwhile is issued after all', async () => {
      const intent = await reserved()
      await register().abandon(intent.order.serialHex, 'taken for dead', undefined)
      await register().complete(intent, sampleIssued(intent), undefined)
      const record = await register().findByRequestKey(intent.requestKey, since)
      assert.equal(record?.state, 'issued')
    })

    test('an intent that was replaced is issued without the request key', async () => {
      const slow = await reserved()
      const next = sampleIntent({ requestKey: slow.requestKey, reservedAt: later(61) })
      await register().reserve(next, 'two', later(200), since)
      await register().complete(slow, sampleIssued(slow), undefined)
      assert.equal(await stateOf(slow.caId, slow.order.serialHex), 'issued')
      const live = await register().findByRequestKey(slow.requestKey, since)
      assert.equal(live?.order.serialHex, next.order.serialHex)
    })

    test('an intent revoked meanwhile gets its certificate and stays revoked', async () => {
      const intent = await reserved()
      const certificate = sampleIssued(intent)
      assert.equal(await register().revoke(intent.caId, intent.order.serialHex, 1, later(3)), true)
      await register().complete(intent, certificate, undefined)
      const record = await register().findByThumbprint(certificate.thumbprintHex)
      assert.equal(record?.state, 'revoked')
      assert.deepEqual(record?.revokedAt, later(3))
    })

    test('a certificate with a serial of the CA is found, revoked and listed by that serial', async () => {
      const intent = await reserved()
      await register().complete(intent, sampleIssued(intent, { serialHex: '77AA' }), undefined)
      const record = await register().findBySerial(intent.caId, '77AA')
      assert.equal(record?.issuedSerialHex, '77AA')
      assert.equal(record?.order.serialHex, intent.order.serialHex)
      assert.equal(await register().findBySerial(intent.caId, intent.order.serialHex), undefined)
      assert.equal(await register().revoke(intent.caId, '77AA', 0, later(9)), true)
      assert.deepEqual(await register().listRevoked(intent.caId, start), [
        { serialHex: '77AA', at: later(9), reason: 0 },
      ])
    })
  })

  describe('abandon and refuse', () => {
    test('an abandoned intent frees its request key and owes its failure', async () => {
      const intent = await reserved()
      const owed = sampleOwed({ kind: 'failure' })
      await register().abandon(intent.order.serialHex, 'the CA refuses', owed)
      assert.equal(await register().findByRequestKey(intent.requestKey, since), undefined)
      assert.equal((await outbox().find(owed.id))?.kind, 'failure')
      await reserved({ requestKey: intent.requestKey })
    })

    test('abandoning twice owes once, and a missing intent is owed too', async () => {
      const intent = await reserved()
      const owed = sampleOwed({ kind: 'failure' })
      await register().abandon(intent.order.serialHex, 'first', owed)
      await register().abandon(intent.order.serialHex, 'second', owed)
      const late = sampleOwed({ kind: 'failure' })
      await register().abandon(sampleIntent().order.serialHex, 'unknown', late)
      assert.deepEqual(
        (await outbox().list(['due'], 10)).map(({ id }) => id).sort(),
        [owed.id, late.id].sort(),
      )
      assert.equal((await register().count()).abandoned, 1)
    })

    test('an issued or revoked certificate is not abandoned, and no failure is owed', async () => {
      const { intent } = await issued()
      const owed = sampleOwed({ kind: 'failure' })
      await register().abandon(intent.order.serialHex, 'too late', owed)
      assert.equal(await stateOf(intent.caId, intent.order.serialHex), 'issued')
      assert.ok(await register().findByRequestKey(intent.requestKey, since))
      await register().revoke(intent.caId, intent.order.serialHex, 1, later(5))
      await register().abandon(intent.order.serialHex, 'too late', owed)
      assert.equal(await stateOf(intent.caId, intent.order.serialHex), 'revoked')
      assert.equal(await outbox().find(owed.id), undefined)
    })

    test('refusals are listed, newest first, as they were written', async () => {
      const first = sampleRefusal({ requestKey: 'AB', at: later(2) })
      const second = sampleRefusal({ subject: undefined, at: later(1) })
      await register().refuse(first, undefined)
      await register().refuse(second, undefined)
      assert.deepEqual(await register().listRefusals(10), [second, first])
      assert.deepEqual(await register().listRefusals(1), [second])
    })

    test('a refusal owes its failure once, and repeating it records it once', async () => {
      const owed = sampleOwed({ kind: 'failure' })
      const refusal = sampleRefusal()
      await register().refuse(refusal, owed)
      await register().refuse(refusal, owed)
      assert.equal((await register().listRefusals(10)).length, 1)
      assert.equal((await outbox().depth(start)).due, 1)
    })
  })

  describe('revoke', () => {
    test('twice keeps the first date and reason', async () => {
      const { intent } = await issued()
      const { caId } = intent
      const { serialHex } = intent.order
      assert.equal(await register().revoke(caId, serialHex, 4, later(10)), true)
      assert.equal(await register().revoke(caId, serialHex, 5, later(20)), true)
      const record = await register().findBySerial(caId, serialHex)
      assert.deepEqual(record?.revokedAt, later(10))
      assert.equal(record?.revocationReason, 4)
    })

    test('keyCompromise takes the place of another reason, with the first date, and its key is known to be compromised', async () => {
      const { intent } = await issued()
      const { caId } = intent
      const { serialHex, spkiDer } = intent.order
      await register().revoke(caId, serialHex, 4, later(10))
      assert.equal((await reserveFor(spkiDer)).kind, 'reserved')
      await register().revoke(caId, serialHex, 1, later(20))
      await register().revoke(caId, serialHex, 5, later(30))
      const record = await register().findBySerial(caId, serialHex)
      assert.deepEqual(record?.revokedAt, later(10))
      assert.equal(record?.revocationReason, 1)
      assert.equal((await reserveFor(spkiDer)).kind, 'compromised')
    })

    test('a certificate nobody issued is not revoked', async () => {
      const { intent } = await issued()
      assert.equal(await register().revoke(intent.caId, '0BAD', 1, start), false)
      assert.equal(await register().revoke('other', intent.order.serialHex, 1, start), false)
      assert.equal((await register().count()).revoked, 0)
    })

    test('an intent whose certificate is known to exist is revoked', async () => {
      const open = await reserved()
      const closed = await reserved()
      await register().abandon(closed.order.serialHex, 'taken for dead', undefined)
      for (const { caId, order } of [open, closed]) {
        assert.equal(await register().revoke(caId, order.serialHex, 0, later(1)), true)
        assert.equal(await stateOf(caId, order.serialHex), 'revoked')
      }
      assert.equal((await register().listRevoked(open.caId, start)).length, 2)
      assert.equal((await register().listOpenIntents(later(9999), 10)).length, 0)
    })

    test('the list for a CRL holds what is revoked by this CA and has not expired', async () => {
      const order = (notAfter: Date) => ({ ...sampleIntent().order, notAfter })
      const expired = await issued({ order: order(later(99)) })
      const lasting = await issued({ order: order(later(100)) })
      const foreign = await issued({ caId: 'other' })
      await issued()
      for (const { intent } of [expired, lasting, foreign])
        await register().revoke(intent.caId, intent.order.serialHex, 1, later(50))
      assert.deepEqual(await register().listRevoked('issuing', later(100)), [
        { serialHex: lasting.intent.order.serialHex, at: later(50), reason: 1 },
      ])
      assert.deepEqual(await register().listRevoked('none', start), [])
    })

    test('expiry is that of the certificate, not of the order', async () => {
      const intent = await reserved()
      await register().complete(intent, sampleIssued(intent, { notAfter: later(10) }), undefined)
      await register().revoke(intent.caId, intent.order.serialHex, 1, later(5))
      assert.equal((await register().listRevoked(intent.caId, later(10))).length, 1)
      assert.equal((await register().listRevoked(intent.caId, later(11))).length, 0)
    })
  })

  describe('lists and look-ups', () => {
    test('open intents are those whose lease ended before the moment', async () => {
      const first = await reserved()
      await issued()
      const later2 = sampleIntent()
      await register().reserve(later2, 'one', later(90), since)
      assert.deepEqual(await register().listOpenIntents(lease, 10), [])
      const open = await register().listOpenIntents(later(61), 10)
      assert.deepEqual(
        open.map(({ order }) => order.serialHex),
        [first.order.serialHex],
      )
      assert.equal((await register().listOpenIntents(later(100), 1)).length, 1)
      assert.equal((await register().listOpenIntents(later(100), 10)).length, 2)
    })

    test('the newest certificates come first', async () => {
      const made = [await reserved(), await reserved(), await reserved()]
      const listed = await register().listRecent(2)
      assert.deepEqual(
        listed.map(({ order }) => order.serialHex),
        [made[2]?.order.serialHex, made[1]?.order.serialHex],
      )
    })

    test('what is unknown is undefined', async () => {
      assert.equal(await register().findByRequestKey('00', since), undefined)
      assert.equal(await register().findBySerial('issuing', '00'), undefined)
      assert.equal(await register().findByThumbprint('00'), undefined)
    })

    test('every state is counted', async () => {
      assert.deepEqual(await register().count(), {
        reserved: 0,
        issued: 0,
        abandoned: 0,
        revoked: 0,
      })
      await reserved()
      await issued()
      await issued()
      await register().abandon((await reserved()).order.serialHex, 'test', undefined)
      const { intent } = await issued()
      await register().revoke(intent.caId, intent.order.serialHex, 1, start)
      assert.deepEqual(await register().count(), {
        reserved: 1,
        issued: 2,
        abandoned: 1,
        revoked: 1,
      })
    })

    test('another instance reads what this one wrote, at once', async () => {
      const second = await current().openSecond()
      const { intent, certificate } = await issued()
      const record = await second.certificates.findBySerial(intent.caId, intent.order.serialHex)
      assert.deepEqual(record?.certificateDer, certificate.certificateDer)
    })

    test('readiness is a write and a read that succeed', async () => {
      await current().store.check()
      await current().store.check()
    })
  })
}
