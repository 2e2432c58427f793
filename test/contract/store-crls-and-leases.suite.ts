import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Publication } from '../../src/ca/index.ts'
import type { CurrentHarness } from '../support/store-harness.ts'
import { later, sampleIntent, sampleIssued, start } from '../support/store-samples.ts'

/** CrlRegister and Leases. */
export function describeCrlsAndLeases(current: CurrentHarness): void {
  const crl = (number: number) => ({
    number,
    der: new Uint8Array([48, number]),
    thisUpdate: later(number),
    nextUpdate: later(number + 100),
  })
  const publication = (number: number, more: Partial<Publication> = {}): Publication => ({
    ...crl(number),
    shards: 0,
    base: undefined,
    parts: new Map(),
    ...more,
  })

  describe('CRLs', () => {
    test('no number is given twice, not even to two instances at once', async () => {
      const second = await current().openSecond()
      const numbers = await Promise.all(
        Array.from({ length: 30 }, async (_, index) => {
          const store = index % 2 === 0 ? current().store : second
          return await store.crls.takeNumber('issuing')
        }),
      )
      assert.deepEqual(
        numbers.sort((a, b) => a - b),
        Array.from({ length: 30 }, (_, index) => index + 1),
      )
    })

    test('each CA counts for itself', async () => {
      const { crls } = current().store
      assert.equal(await crls.takeNumber('one'), 1)
      assert.equal(await crls.takeNumber('two'), 1)
      assert.equal(await crls.takeNumber('one'), 2)
    })

    test('a revocation marks the CRL of its CA outdated until the next number is taken', async () => {
      const { crls, certificates } = current().store
      const waiting = async (caId: string) => {
        const { takenNumber, outdatedSince } = await crls.status(caId)
        return { takenNumber, outdatedSince }
      }
      const intent = sampleIntent({ caId: 'issuing' })
      const { serialHex } = intent.order
      await certificates.reserve(intent, 'one', later(60), start)
      await certificates.complete(intent, sampleIssued(intent), undefined)
      assert.deepEqual(await waiting('issuing'), { takenNumber: 0, outdatedSince: undefined })
      await certificates.revoke('issuing', serialHex, 6, later(5))
      await certificates.revoke('issuing', serialHex, 6, later(6))
      assert.deepEqual(await waiting('issuing'), { takenNumber: 0, outdatedSince: later(5) })
      assert.equal(await crls.takeNumber('issuing'), 1)
      assert.deepEqual(await waiting('issuing'), { takenNumber: 1, outdatedSince: undefined })
      assert.equal(await certificates.release('issuing', serialHex, later(7)), true)
      assert.deepEqual(await waiting('issuing'), { takenNumber: 1, outdatedSince: later(7) })
      assert.equal(await certificates.revoke('issuing', '4FFFFF', 1, later(8)), false)
      assert.deepEqual(await waiting('other'), { takenNumber: 0, outdatedSince: undefined })
    })

    test('the status tells of the CRL in force without its bytes', async () => {
      const { crls } = current().store
      assert.equal((await crls.status('issuing')).published, undefined)
      const number = await crls.takeNumber('issuing')
      assert.deepEqual(await crls.status('issuing'), {
        takenNumber: 1,
        outdatedSince: undefined,
        published: undefined,
      })
      await crls.publish('issuing', publication(number))
      const { der: _der, parts: _parts, ...published } = publication(number)
      assert.deepEqual((await crls.status('issuing')).published, published)
    })

    test('a hold is lifted, or becomes final with its first date; what is final is never lifted', async () => {
      const { certificates } = current().store
      const intent = sampleIntent({ caId: 'issuing' })
      const { serialHex } = intent.order
      await certificates.reserve(intent, 'one', later(60), start)
      assert.equal(await certificates.release('issuing', serialHex, later(1)), false)
      await certificates.complete(intent, sampleIssued(intent), undefined)
      assert.equal(await certificates.release('issuing', serialHex, later(1)), false)
      await certificates.revoke('issuing', serialHex, 6, later(2))
      assert.equal((await certificates.findBySerial('issuing', serialHex))?.state, 'revoked')
      assert.equal(await certificates.release('issuing', serialHex, later(3)), true)
      const lifted = await certificates.findBySerial('issuing', serialHex)
      assert.equal(lifted?.state, 'issued')
      assert.equal(lifted?.revokedAt, undefined)
      assert.deepEqual(await certificates.listRevoked('issuing', start), [])
      await certificates.revoke('issuing', serialHex, 6, later(4))
      await certificates.revoke('issuing', serialHex, 1, later(5))
      assert.deepEqual(await certificates.listRevoked('issuing', start), [
        { serialHex, at: later(4), reason: 1 },
      ])
      await certificates.revoke('issuing', serialHex, 6, later(6))
      assert.equal(await certificates.release('issuing', serialHex, later(7)), false)
      assert.equal((await certificates.findBySerial('issuing', serialHex))?.revocationReason, 1)
    })

    test('the CRL with the highest number is current', async () => {
      const { crls } = current().store
      assert.equal(await crls.current('issuing'), undefined)
      await crls.publish('issuing', publication(2))
      assert.deepEqual(await crls.current('issuing'), crl(2))
      await crls.publish('issuing', publication(1))
      assert.deepEqual(await crls.current('issuing'), crl(2))
      await crls.publish('issuing', publication(3))
      assert.deepEqual(await crls.current('issuing'), crl(3))
      assert.equal(await crls.current('other'), undefined)
    })
  })

  describe('parts of a CRL', () => {
    const part = (octet: number) => ({
      der: new Uint8Array([48, octet]),
      thisUpdate: later(1),
      nextUpdate: later(50),
    })

    test('are those of one publication; an older one changes none of them', async () => {
      const { crls } = current().store
      const parts = new Map([
        ['0', part(10)],
        ['1', part(11)],
        ['delta', part(12)],
      ])
      const base = { number: 2, thisUpdate: later(2) }
      await crls.publish('issuing', publication(2, { shards: 2, base, parts }))
      await crls.publish('other', publication(1, { shards: 1, parts: new Map([['0', part(20)]]) }))
      assert.deepEqual(await crls.current('issuing', '1'), { number: 2, ...part(11) })
      assert.deepEqual(await crls.current('issuing', 'delta'), { number: 2, ...part(12) })
      const { published } = await crls.status('issuing')
      assert.deepEqual([published?.shards, published?.base], [2, base])

      await crls.publish('issuing', publication(1, { parts: new Map([['0', part(30)]]) }))
      assert.deepEqual(await crls.current('issuing', '0'), { number: 2, ...part(10) })
      assert.equal((await crls.status('issuing')).published?.shards, 2)

      await crls.publish('issuing', publication(3, { parts: new Map([['0', part(40)]]) }))
      assert.deepEqual(await crls.current('issuing', '0'), { number: 3, ...part(40) })
      for (const gone of ['1', 'delta', 'full-delta'])
        assert.equal(await crls.current('issuing', gone), undefined)
      assert.deepEqual((await crls.status('issuing')).published?.base, undefined)
      assert.deepEqual(await crls.current('other', '0'), { number: 1, ...part(20) })
    })

    test('the shard of a certificate stands in the list; before it is on record, every one', async () => {
      const { certificates } = current().store
      const [kept, whole, bare] = [sampleIntent(), sampleIntent(), sampleIntent()]
      for (const intent of [kept, whole, bare])
        await certificates.reserve(intent, 'one', later(60), start)
      await certificates.complete(kept, sampleIssued(kept, { crlShard: 7 }), undefined)
      await certificates.complete(whole, sampleIssued(whole), undefined)
      for (const { order } of [kept, whole, bare])
        await certificates.revoke('issuing', order.serialHex, 1, later(2))
      const listed = await certificates.listRevoked('issuing', start)
      const shardOf = (serialHex: string) =>
        listed.find((entry) => entry.serialHex === serialHex)?.shard
      assert.deepEqual(
        [kept, whole, bare].map(({ order }) => shardOf(order.serialHex)),
        [7, undefined, 'every'],
      )
    })

    test('what changed since a CRL number was taken: revoked, compromised, final after a hold, released', async () => {
      const { certificates, crls } = current().store
      const intents = Array.from({ length: 5 }, () => sampleIntent())
      for (const intent of intents) {
        await certificates.reserve(intent, 'one', later(60), start)
        await certificates.complete(intent, sampleIssued(intent), undefined)
      }
      const [early = '', compromised = '', final = '', released = '', fresh = ''] = intents.map(
        ({ order }) => order.serialHex,
      )
      await certificates.revoke('issuing', early, 4, later(1))
      await certificates.revoke('issuing', compromised, 4, later(1))
      await certificates.revoke('issuing', final, 6, later(1))
      await certificates.revoke('issuing', released, 6, later(1))
      const base = await crls.takeNumber('issuing')
      assert.deepEqual(await certificates.listChanged('issuing', base, start), [])
      await certificates.revoke('issuing', early, 5, later(2))
      await certificates.revoke('issuing', compromised, 1, later(2))
      await certificates.revoke('issuing', final, 1, later(2))
      await certificates.release('issuing', released, later(2))
      await certificates.revoke('issuing', fresh, 5, later(2))
      const expected = [
        { serialHex: compromised, at: later(1), reason: 1 },
        { serialHex: final, at: later(1), reason: 1 },
        { serialHex: released, at: start, reason: 8 },
        { serialHex: fresh, at: later(2), reason: 5 },
      ]
      assert.deepEqual(await certificates.listChanged('issuing', base, start), expected)
      // Later deltas of the same base tell it again.
      await crls.takeNumber('issuing')
      assert.deepEqual(await certificates.listChanged('issuing', base, start), expected)
      assert.deepEqual(await certificates.listChanged('issuing', base + 1, start), [])
      assert.deepEqual(await certificates.listChanged('other', 0, start), [])
    })
  })

  describe('leases', () => {
    test('a lease has one holder until it runs out or is released', async () => {
      const { leases } = current().store
      assert.equal(await leases.acquire('crl', 'one', start, later(10)), true)
      assert.equal(await leases.acquire('crl', 'two', later(9), later(20)), false)
      assert.equal(await leases.acquire('crl', 'one', later(9), later(20)), true)
      assert.equal(await leases.acquire('crl', 'two', later(19), later(30)), false)
      assert.equal(await leases.acquire('crl', 'two', later(20), later(30)), true)
      await leases.release('crl', 'one')
      assert.equal(await leases.acquire('crl', 'one', later(21), later(30)), false)
      await leases.release('crl', 'two')
      assert.equal(await leases.acquire('crl', 'one', later(21), later(30)), true)
    })

    test('leases of different names do not touch each other', async () => {
      const { leases } = current().store
      assert.equal(await leases.acquire('a', 'one', start, later(10)), true)
      assert.equal(await leases.acquire('b', 'two', start, later(10)), true)
    })

    test('of two instances at once one gets the lease', async () => {
      const second = await current().openSecond()
      const got = await Promise.all([
        current().store.leases.acquire('crl', 'one', start, later(10)),
        second.leases.acquire('crl', 'two', start, later(10)),
      ])
      assert.notEqual(got[0], got[1])
    })
  })
}
