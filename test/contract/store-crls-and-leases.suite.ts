import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
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
      await crls.publish('issuing', crl(number))
      const { der: _der, ...published } = crl(number)
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
      await crls.publish('issuing', crl(2))
      assert.deepEqual(await crls.current('issuing'), crl(2))
      await crls.publish('issuing', crl(1))
      assert.deepEqual(await crls.current('issuing'), crl(2))
      await crls.publish('issuing', crl(3))
      assert.deepEqual(await crls.current('issuing'), crl(3))
      assert.equal(await crls.current('other'), undefined)
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
