import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { CurrentHarness } from '../support/store-harness.ts'
import { later, start } from '../support/store-samples.ts'

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
