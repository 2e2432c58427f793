import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { CurrentHarness } from '../support/store-harness.ts'
import { later, sampleOwed, sampleRefusal } from '../support/store-samples.ts'

/** forget. */
export function describeRetention(current: CurrentHarness): void {
  describe('forget', () => {
    test('refusals of before the time go, younger ones stay', async () => {
      const { store } = current()
      for (const seconds of [1, 2, 3])
        await store.certificates.refuse(
          sampleRefusal({ at: later(seconds), transactionId: `t${seconds}` }),
          undefined,
        )
      assert.equal(await store.forget(later(3)), 2)
      const left = await store.certificates.listRefusals(10)
      assert.deepEqual(
        left.map(({ transactionId }) => transactionId),
        ['t3'],
      )
      assert.equal(await store.forget(later(3)), 0)
    })

    test('a notification goes when it was delivered before the time, and never undelivered', async () => {
      const { store } = current()
      const [early, late, open] = [sampleOwed(), sampleOwed(), sampleOwed()]
      for (const owed of [early, late, open])
        await store.certificates.refuse(sampleRefusal({ at: later(1000) }), owed)
      for (const [owed, seconds] of [
        [early, 10],
        [late, 20],
      ] as const) {
        assert.ok(await store.outbox.claim(owed.id, 'one', later(5), later(60)))
        assert.equal(await store.outbox.markDelivered(owed.id, 'one', later(seconds)), true)
      }
      assert.equal(await store.forget(later(20)), 1)
      assert.equal(await store.outbox.find(early.id), undefined)
      assert.equal((await store.outbox.find(late.id))?.state, 'delivered')
      assert.equal((await store.outbox.find(open.id))?.state, 'due')
    })
  })
}
