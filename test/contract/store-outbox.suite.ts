import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { CurrentHarness } from '../support/store-harness.ts'
import {
  later,
  sampleIntent,
  sampleIssued,
  sampleOwed,
  sampleRefusal,
  start,
} from '../support/store-samples.ts'

/** Outbox. */
export function describeOutbox(current: CurrentHarness): void {
  const outbox = () => current().store.outbox

  async function owe(change: Parameters<typeof sampleOwed>[0] = {}) {
    const owed = sampleOwed(change)
    await current().store.certificates.refuse(sampleRefusal(), owed)
    return owed
  }

  async function settle(id: string, state: 'due' | 'exhausted' | 'failed', nextDueAt: Date) {
    assert.ok(await outbox().claim(id, 'one', later(1), later(2)))
    assert.equal(
      await outbox().markAttempt(id, 'one', { state, nextDueAt, error: 'HTTP 500' }),
      true,
    )
  }

  describe('claimDue', () => {
    test('what is due is leased, oldest first, up to the limit', async () => {
      const third = await owe({ dueAt: later(3) })
      const first = await owe({ dueAt: later(1) })
      const second = await owe({ dueAt: later(2) })
      await owe({ dueAt: later(11) })
      const claimed = await outbox().claimDue('one', later(10), later(60), 2)
      assert.deepEqual(
        claimed.map(({ id }) => id),
        [first.id, second.id],
      )
      assert.deepEqual(claimed[0], {
        ...first,
        state: 'due',
        attempts: 0,
        leaseUntil: later(60),
        lastError: undefined,
        deliveredAt: undefined,
      })
      const rest = await outbox().claimDue('one', later(10), later(60), 5)
      assert.deepEqual(
        rest.map(({ id }) => id),
        [third.id],
      )
    })

    test('a lease that has run out is given to the next', async () => {
      const owed = await owe()
      assert.equal((await outbox().claimDue('one', start, later(60), 5)).length, 1)
      assert.equal((await outbox().claimDue('two', later(59), later(120), 5)).length, 0)
      const [taken] = await outbox().claimDue('two', later(60), later(120), 5)
      assert.equal(taken?.id, owed.id)
      assert.equal(await outbox().markDelivered(owed.id, 'one', later(61)), false)
      assert.equal(await outbox().markDelivered(owed.id, 'two', later(62)), true)
    })

    test('no row is leased twice by many claims of two instances at once', async () => {
      const second = await current().openSecond()
      const owed = await Promise.all(Array.from({ length: 60 }, async () => await owe()))
      const claims = await Promise.all(
        Array.from({ length: 20 }, async (_, index) => {
          const store = index % 2 === 0 ? current().store : second
          return await store.outbox.claimDue(`holder-${index}`, later(1), later(60), 4)
        }),
      )
      const ids = claims.flat().map(({ id }) => id)
      assert.equal(new Set(ids).size, ids.length)
      assert.deepEqual(ids.sort(), owed.map(({ id }) => id).sort())
    })

    test('exhausted rows are tried on, failed and delivered ones are not', async () => {
      const exhausted = await owe()
      const failed = await owe()
      const delivered = await owe()
      await settle(exhausted.id, 'exhausted', later(5))
      await settle(failed.id, 'failed', later(5))
      await outbox().claim(delivered.id, 'one', later(1), later(2))
      await outbox().markDelivered(delivered.id, 'one', later(2))
      const claimed = await outbox().claimDue('one', later(10), later(60), 10)
      assert.deepEqual(
        claimed.map(({ id, state }) => [id, state]),
        [[exhausted.id, 'exhausted']],
      )
    })
  })

  describe('claim', () => {
    test('one row is leased before it is due', async () => {
      const owed = await owe({ dueAt: later(1000) })
      const claimed = await outbox().claim(owed.id, 'one', start, later(60))
      assert.deepEqual(claimed?.leaseUntil, later(60))
      assert.equal(await outbox().claim(owed.id, 'two', later(59), later(90)), undefined)
      assert.ok(await outbox().claim(owed.id, 'one', later(59), later(90)), 'our own lease')
      assert.ok(await outbox().claim(owed.id, 'two', later(90), later(120)), 'run out')
    })

    test('a failed row can be claimed by name, a delivered or unknown one cannot', async () => {
      const owed = await owe()
      await settle(owed.id, 'failed', later(5))
      assert.equal((await outbox().claim(owed.id, 'one', later(3), later(9)))?.state, 'failed')
      await outbox().markDelivered(owed.id, 'one', later(4))
      assert.equal(await outbox().claim(owed.id, 'one', later(20), later(30)), undefined)
      assert.equal(await outbox().claim('unknown', 'one', start, later(9)), undefined)
    })
  })

  describe('release', () => {
    test('what a dead holder left is free at once, what others hold is not', async () => {
      const left = await owe()
      const tried = await owe()
      const foreign = await owe()
      await settle(tried.id, 'exhausted', later(1))
      for (const { id } of [left, tried]) await outbox().claim(id, 'one', start, later(60))
      await outbox().claim(foreign.id, 'two', start, later(60))
      assert.equal(await outbox().releaseLeases('one'), 2)
      const claimed = await outbox().claimDue('one', later(2), later(60), 10)
      assert.deepEqual(claimed.map(({ id }) => id).sort(), [left.id, tried.id].sort())
    })

    test('an attempt whose lease was released can no longer be marked', async () => {
      const owed = await owe()
      await outbox().claim(owed.id, 'one', start, later(60))
      await outbox().releaseLeases('one')
      assert.equal(await outbox().markDelivered(owed.id, 'one', later(1)), false)
    })
  })

  describe('marks', () => {
    test('a delivery is marked once, by the holder only', async () => {
      const owed = await owe()
      assert.equal(await outbox().markDelivered(owed.id, 'one', start), false)
      await outbox().claim(owed.id, 'one', start, later(60))
      assert.equal(await outbox().markDelivered(owed.id, 'two', later(1)), false)
      assert.equal(await outbox().markDelivered(owed.id, 'one', later(2)), true)
      assert.equal(await outbox().markDelivered(owed.id, 'one', later(3)), false)
      const record = await outbox().find(owed.id)
      assert.equal(record?.state, 'delivered')
      assert.deepEqual(record?.deliveredAt, later(2))
      assert.equal(record?.leaseUntil, undefined)
    })

    test('an attempt is counted, frees the lease and sets the next time', async () => {
      const owed = await owe()
      await outbox().claim(owed.id, 'one', start, later(60))
      const outcome = { state: 'due', nextDueAt: later(30), error: 'HTTP 503' } as const
      assert.equal(await outbox().markAttempt(owed.id, 'two', outcome), false)
      assert.equal(await outbox().markAttempt(owed.id, 'one', outcome), true)
      assert.equal(await outbox().markAttempt(owed.id, 'one', outcome), false)
      assert.deepEqual(await outbox().find(owed.id), {
        ...owed,
        dueAt: later(30),
        state: 'due',
        attempts: 1,
        leaseUntil: undefined,
        lastError: 'HTTP 503',
        deliveredAt: undefined,
      })
      assert.equal((await outbox().claimDue('two', later(29), later(60), 5)).length, 0)
      assert.equal((await outbox().claimDue('two', later(30), later(60), 5)).length, 1)
    })

    test('a delivered row takes no attempt any more', async () => {
      const owed = await owe()
      await outbox().claim(owed.id, 'one', start, later(60))
      await outbox().markDelivered(owed.id, 'one', later(1))
      assert.equal(
        await outbox().markAttempt(owed.id, 'one', {
          state: 'due',
          nextDueAt: later(2),
          error: 'late',
        }),
        false,
      )
      assert.equal((await outbox().find(owed.id))?.state, 'delivered')
    })
  })

  describe('lists', () => {
    test('rows are listed by state, oldest first, up to the limit', async () => {
      const young = await owe({ createdAt: later(3) })
      const old = await owe({ createdAt: later(1) })
      const failed = await owe({ createdAt: later(2) })
      await settle(failed.id, 'failed', later(5))
      const ids = async (...args: Parameters<ReturnType<typeof outbox>['list']>) =>
        (await outbox().list(...args)).map(({ id }) => id)
      assert.deepEqual(await ids(['due'], 10), [old.id, young.id])
      assert.deepEqual(await ids(['due', 'failed'], 10), [old.id, failed.id, young.id])
      assert.deepEqual(await ids(['failed', 'due', 'due'], 2), [old.id, failed.id])
      assert.deepEqual(await ids(['delivered', 'exhausted'], 10), [])
      assert.deepEqual(await ids([], 10), [])
    })

    test('deliveries are listed from the last one back', async () => {
      const owed = [await owe(), await owe(), await owe()]
      for (const [index, { id }] of owed.entries()) {
        await outbox().claim(id, 'one', start, later(60))
        await outbox().markDelivered(id, 'one', later(30 - index))
      }
      await owe()
      const ids = async (limit: number) => (await outbox().listDelivered(limit)).map(({ id }) => id)
      assert.deepEqual(await ids(10), [owed[0]?.id, owed[1]?.id, owed[2]?.id])
      assert.deepEqual(await ids(2), [owed[0]?.id, owed[1]?.id])
      assert.equal((await outbox().list(['delivered'], 10)).length, 3)
    })

    test('an unknown notification is undefined', async () => {
      assert.equal(await outbox().find('unknown'), undefined)
    })
  })

  describe('redeliver', () => {
    test('everything undelivered is due at once; what was given up counts as exhausted', async () => {
      const due = await owe({ dueAt: later(500) })
      const exhausted = await owe()
      const failed = await owe()
      const delivered = await owe()
      await settle(exhausted.id, 'exhausted', later(500))
      await settle(failed.id, 'failed', later(500))
      await outbox().claim(delivered.id, 'one', start, later(9))
      await outbox().markDelivered(delivered.id, 'one', later(1))
      assert.equal(await outbox().redeliver(later(10), undefined), 3)
      const claimed = await outbox().claimDue('one', later(10), later(60), 10)
      assert.deepEqual(
        new Map(claimed.map(({ id, state }) => [id, state])),
        new Map([
          [due.id, 'due'],
          [exhausted.id, 'exhausted'],
          [failed.id, 'exhausted'],
        ]),
      )
    })

    test('a success that was given up is not told once its certificate is revoked', async () => {
      const { certificates } = current().store
      const intents = [sampleIntent(), sampleIntent()] as const
      for (const intent of intents) {
        const { serialHex } = intent.order
        await certificates.reserve(intent, 'one', later(60), start)
        const owed = sampleOwed({ id: serialHex, serialHex })
        await certificates.complete(intent, sampleIssued(intent), owed)
        await settle(serialHex, 'failed', later(500))
      }
      const [untrue, stillTrue] = intents.map(({ order }) => order.serialHex)
      assert.ok(untrue !== undefined)
      assert.equal(await certificates.revoke('issuing', untrue, 5, later(3)), true)
      assert.equal(await outbox().redeliver(later(10), untrue), 0)
      assert.equal(await outbox().redeliver(later(10), undefined), 1)
      const claimed = await outbox().claimDue('one', later(10), later(60), 10)
      assert.deepEqual(
        claimed.map(({ id }) => id),
        [stillTrue],
      )
      assert.equal((await outbox().find(untrue))?.state, 'failed')
    })

    test('one row is named; a delivered or unknown one counts zero', async () => {
      const named = await owe({ dueAt: later(500) })
      await owe({ dueAt: later(500) })
      const delivered = await owe({ dueAt: later(500) })
      await outbox().claim(delivered.id, 'one', start, later(9))
      await outbox().markDelivered(delivered.id, 'one', later(1))
      assert.equal(await outbox().redeliver(later(10), named.id), 1)
      assert.equal(await outbox().redeliver(later(10), delivered.id), 0)
      assert.equal(await outbox().redeliver(later(10), 'unknown'), 0)
      const claimed = await outbox().claimDue('one', later(10), later(60), 10)
      assert.deepEqual(
        claimed.map(({ id }) => id),
        [named.id],
      )
    })

    test('a row that somebody delivers at this moment keeps its lease', async () => {
      const owed = await owe()
      await outbox().claim(owed.id, 'one', start, later(60))
      await outbox().redeliver(later(1), undefined)
      assert.equal((await outbox().claimDue('two', later(2), later(90), 5)).length, 0)
      assert.equal(await outbox().markDelivered(owed.id, 'one', later(3)), true)
    })
  })

  describe('depth', () => {
    test('an empty outbox has no depth and no age', async () => {
      assert.deepEqual(await outbox().depth(later(5)), {
        due: 0,
        exhausted: 0,
        failed: 0,
        oldestAgeSeconds: 0,
      })
    })

    test('undelivered rows are counted by state, and the oldest gives the age', async () => {
      await owe({ createdAt: later(10) })
      await owe({ createdAt: later(20) })
      const exhausted = await owe({ createdAt: later(5) })
      const failed = await owe({ createdAt: later(8) })
      const delivered = await owe({ createdAt: start })
      await settle(exhausted.id, 'exhausted', later(50))
      await settle(failed.id, 'failed', later(50))
      await outbox().claim(delivered.id, 'one', later(1), later(2))
      await outbox().markDelivered(delivered.id, 'one', later(2))
      assert.deepEqual(await outbox().depth(later(65)), {
        due: 2,
        exhausted: 1,
        failed: 1,
        oldestAgeSeconds: 60,
      })
    })
  })
}
