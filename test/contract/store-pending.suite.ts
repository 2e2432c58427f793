import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { describe, test } from 'node:test'
import type { PendingRecord } from '../../src/store/index.ts'
import type { CurrentHarness } from '../support/store-harness.ts'
import { later, start } from '../support/store-samples.ts'

type Request = Omit<PendingRecord, 'state' | 'reason' | 'decidedAt' | 'closedAt'>

function samplePending(change: Partial<Request> = {}): Request {
  return {
    id: randomUUID(),
    requestKey: randomBytes(32).toString('hex'),
    profile: 'manual',
    transactionId: randomUUID(),
    signerKeyHex: randomBytes(32).toString('hex').toUpperCase(),
    subject: 'CN=device Ä',
    altNames: 'dns "device.example"',
    cause: 'approval',
    isValidated: false,
    payload: new Uint8Array(randomBytes(900)),
    createdAt: later(1),
    expiresAt: later(1000),
    ...change,
  }
}

/** PendingRequests. */
export function describePending(current: CurrentHarness): void {
  const pending = () => current().store.pending

  describe('pending requests', () => {
    test('what is kept is found by its key, by its transaction, and by its id', async () => {
      const request = samplePending()
      const kept = await pending().keep(request, start, 10)
      const record = {
        ...request,
        state: 'waiting',
        reason: undefined,
        decidedAt: undefined,
        closedAt: undefined,
      }
      assert.deepEqual(kept, record)
      assert.deepEqual(await pending().find(request.id), record)
      assert.deepEqual(await pending().findByRequestKey(request.requestKey, start), record)
      const { profile, transactionId, signerKeyHex } = request
      const find = async (key: string, since = start) =>
        await pending().findByTransaction(profile, transactionId, key, since)
      assert.deepEqual(await find(signerKeyHex), record)
      assert.equal(await find('AB'), undefined)
      assert.equal(await find(signerKeyHex, later(2)), undefined)
    })

    test('kept twice stays as it is; after the window it is another one', async () => {
      const request = samplePending()
      await pending().keep(request, start, 10)
      await pending().decide(request.id, { state: 'denied', reason: 'no', at: later(2) })
      const again = samplePending({ requestKey: request.requestKey, createdAt: later(5) })
      const kept = await pending().keep(again, start, 10)
      assert.ok(kept !== 'full')
      assert.equal(kept.id, request.id)
      assert.equal(kept.state, 'denied')
      const fresh = await pending().keep(again, later(3), 10)
      assert.ok(fresh !== 'full')
      assert.equal(fresh.id, again.id)
      assert.equal(fresh.state, 'waiting')
      assert.equal(fresh.reason, undefined)
    })

    test('a profile has so many that wait and no more; answered ones do not count', async () => {
      const first = samplePending()
      await pending().keep(first, start, 2)
      await pending().keep(samplePending(), start, 2)
      assert.equal(await pending().keep(samplePending(), start, 2), 'full')
      assert.notEqual(await pending().keep(samplePending({ profile: 'other' }), start, 2), 'full')
      await pending().close(first.id, { state: 'issued', reason: undefined, at: later(3) })
      assert.notEqual(await pending().keep(samplePending(), start, 2), 'full')
    })

    test('an operator decides once, and only what waits for one', async () => {
      const asked = samplePending()
      const outage = samplePending({ cause: 'outage' })
      await pending().keep(asked, start, 10)
      await pending().keep(outage, start, 10)
      const decide = async (id: string, state: 'approved' | 'denied') =>
        await pending().decide(id, { state, reason: undefined, at: later(4) })
      assert.equal(await decide(outage.id, 'approved'), false)
      assert.equal(await decide('unknown', 'approved'), false)
      assert.equal(await decide(asked.id, 'approved'), true)
      assert.equal(await decide(asked.id, 'denied'), false)
      const record = await pending().find(asked.id)
      assert.equal(record?.state, 'approved')
      assert.deepEqual(record?.decidedAt, later(4))
    })

    test('two that close one at once: one of them does', async () => {
      const request = samplePending()
      await pending().keep(request, start, 10)
      const second = await current().openSecond()
      const end = { state: 'failed', reason: 'denied', at: later(6) } as const
      const closed = await Promise.all([
        pending().close(request.id, end),
        second.pending.close(request.id, end),
      ])
      assert.equal(closed.filter((isOurs) => isOurs).length, 1)
      assert.equal((await pending().find(request.id))?.state, 'failed')
    })

    test('overdue are denied ones, and open ones whose time is over', async () => {
      const denied = samplePending({ createdAt: later(1) })
      const late = samplePending({ createdAt: later(2), expiresAt: later(10) })
      const early = samplePending({ createdAt: later(3), expiresAt: later(100) })
      const answered = samplePending({ createdAt: later(4), expiresAt: later(10) })
      for (const request of [denied, late, early, answered])
        await pending().keep(request, start, 10)
      await pending().decide(denied.id, { state: 'denied', reason: 'no', at: later(5) })
      await pending().close(answered.id, { state: 'issued', reason: undefined, at: later(5) })
      const overdue = await pending().listOverdue(later(10), 10)
      assert.deepEqual(
        overdue.map(({ id }) => id),
        [denied.id, late.id],
      )
      const waiting = await pending().list(['waiting'], 10)
      assert.deepEqual(
        waiting.map(({ id }) => id),
        [late.id, early.id],
      )
    })

    test('what was answered long ago is forgotten, what waits is not', async () => {
      const answered = samplePending()
      const waiting = samplePending()
      for (const request of [answered, waiting]) await pending().keep(request, start, 10)
      await pending().close(answered.id, { state: 'issued', reason: undefined, at: later(5) })
      await current().store.forget(later(6))
      assert.equal(await pending().find(answered.id), undefined)
      assert.notEqual(await pending().find(waiting.id), undefined)
    })
  })
}
