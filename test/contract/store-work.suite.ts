import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { describe, test } from 'node:test'
import type { ReceivedWork } from '../../src/store/index.ts'
import type { CurrentHarness } from '../support/store-harness.ts'
import { later, start } from '../support/store-samples.ts'

const queue = 'intune/revocation'
const bytes = (): Uint8Array => new Uint8Array(randomBytes(120))

function sampleWork(change: Partial<ReceivedWork> = {}): ReceivedWork {
  return {
    id: randomUUID(),
    queue,
    contextHash: randomBytes(32).toString('hex'),
    attempt: 1,
    payload: bytes(),
    receivedAt: start,
    ...change,
  }
}

const lease = (holder: string, from: number, to: number) => ({
  holder,
  now: later(from),
  until: later(to),
})

/** WorkItems. */
export function describeWork(current: CurrentHarness): void {
  const work = () => current().store.work

  /** An item of holder `a`, in this state. */
  async function put(
    state: 'received' | 'finished' | 'returned' | 'closed',
  ): Promise<ReceivedWork> {
    const item = sampleWork()
    await work().receive([item])
    await work().claim(queue, 'received', lease('a', 0, 60), 1)
    if (state === 'received') return item
    await work().finish(item.id, 'a', { result: bytes(), summary: '{"a":1}', at: later(1) })
    if (state === 'finished') return item
    await work().claim(queue, 'finished', lease('a', 1, 60), 1)
    await work().settle(
      [item.id],
      'a',
      state === 'returned' ? { state, dueAt: later(90) } : { state, at: later(5) },
    )
    return item
  }

  describe('work items', () => {
    test('a batch is kept whole; an item is found by queue and hash, as it came', async () => {
      const items = [sampleWork(), sampleWork()]
      const receipts = await work().receive(items)
      assert.deepEqual(
        receipts,
        items.map(({ id, contextHash }) => ({ id, contextHash, kind: 'new' })),
      )
      const [first] = items
      assert.ok(first !== undefined)
      assert.deepEqual(await work().find(queue, first.contextHash), {
        ...first,
        state: 'received',
        progress: undefined,
        result: undefined,
        summary: undefined,
        tries: 0,
        lastError: undefined,
        openedAt: start,
        dueAt: start,
        closedAt: undefined,
        isRecorded: false,
      })
      assert.equal(await work().find('other/revocation', first.contextHash), undefined)
      assert.deepEqual(await work().receive([]), [])
    })

    test('the same context in another queue is another item', async () => {
      const item = sampleWork()
      const other = sampleWork({ contextHash: item.contextHash, queue: 'open/revocation' })
      const receipts = await work().receive([item, other])
      assert.deepEqual(
        receipts.map(({ kind }) => kind),
        ['new', 'new'],
      )
    })

    test('what comes again while it is open goes on, with the newest payload and attempt', async () => {
      const item = await put('finished')
      const again = sampleWork({
        contextHash: item.contextHash,
        attempt: 2,
        receivedAt: later(10),
      })
      assert.deepEqual(await work().receive([again]), [
        { id: item.id, contextHash: item.contextHash, kind: 'known' },
      ])
      const record = await work().find(queue, item.contextHash)
      assert.equal(record?.state, 'finished')
      assert.equal(record?.attempt, 2)
      assert.deepEqual(record?.payload, again.payload)
      assert.notEqual(record?.result, undefined)
    })

    test('an attempt lower than the known one changes nothing and has no receipt', async () => {
      const item = sampleWork({ attempt: 3 })
      await work().receive([item])
      const late = sampleWork({ contextHash: item.contextHash, attempt: 2 })
      assert.deepEqual(await work().receive([late]), [])
      assert.equal((await work().find(queue, item.contextHash))?.attempt, 3)
    })

    for (const state of ['returned', 'closed'] as const)
      test(`what was ${state} and comes again is received again, and keeps its id`, async () => {
        const item = await put(state)
        const again = sampleWork({ contextHash: item.contextHash, receivedAt: later(3600) })
        const [receipt] = await work().receive([again])
        assert.equal(receipt?.kind, 'again')
        assert.equal(receipt?.id, item.id)
        const record = await work().find(queue, item.contextHash)
        assert.equal(record?.state, 'received')
        assert.equal(record?.tries, 0)
        assert.deepEqual(record?.dueAt, later(3600))
        assert.equal(record?.closedAt, undefined)
        assert.equal(record?.summary, undefined)
      })

    test('a claim leases what is due and free, oldest first, and no more than the limit', async () => {
      const items = [3, 1, 2].map((seconds) => sampleWork({ receivedAt: later(seconds) }))
      const future = sampleWork({ receivedAt: later(500) })
      const elsewhere = sampleWork({ queue: 'open/revocation' })
      await work().receive([...items, future, elsewhere])
      const first = await work().claim(queue, 'received', lease('a', 10, 70), 2)
      assert.deepEqual(
        first.map(({ dueAt }) => dueAt),
        [later(1), later(2)],
      )
      const second = await work().claim(queue, 'received', lease('b', 10, 70), 10)
      assert.deepEqual(
        second.map(({ dueAt }) => dueAt),
        [later(3)],
      )
      assert.deepEqual(await work().claim(queue, 'received', lease('a', 11, 70), 10), [])
    })

    test('a lease that ran out is taken over, and its former holder can no longer write', async () => {
      const item = await put('received')
      assert.deepEqual(await work().claim(queue, 'received', lease('b', 59, 90), 1), [])
      const [taken] = await work().claim(queue, 'received', lease('b', 60, 90), 1)
      assert.equal(taken?.id, item.id)
      assert.deepEqual(await work().prolong([item.id], 'a', later(100)), [])
      assert.equal(await work().advance(item.id, 'a', bytes()), false)
      const result = { result: bytes(), summary: '{}', at: later(61) }
      assert.equal(await work().finish(item.id, 'a', result), false)
      await work().postpone([item.id], 'a', { dueAt: later(500), error: 'late' })
      await work().free([item.id], 'a')
      assert.deepEqual(await work().settle([item.id], 'a', { state: 'closed', at: later(61) }), [])
      const record = await work().find(queue, item.contextHash)
      assert.equal(record?.state, 'received')
      assert.equal(record?.tries, 0)
      assert.deepEqual(await work().claim(queue, 'received', lease('c', 89, 90), 1), [])
    })

    test('two that claim at once: each item has one holder', async () => {
      await work().receive(Array.from({ length: 20 }, () => sampleWork()))
      const second = await current().openSecond()
      const [ours, theirs] = await Promise.all([
        work().claim(queue, 'received', lease('a', 1, 60), 20),
        second.work.claim(queue, 'received', lease('b', 1, 60), 20),
      ])
      const ids = [...ours, ...theirs].map(({ id }) => id)
      assert.equal(ids.length, 20)
      assert.equal(new Set(ids).size, 20)
    })

    test('a prolonged lease lasts; a freed item can be claimed at once, without an attempt', async () => {
      const item = await put('received')
      assert.deepEqual(await work().prolong([item.id, randomUUID()], 'a', later(100)), [item.id])
      assert.deepEqual(await work().claim(queue, 'received', lease('b', 99, 200), 1), [])
      await work().free([item.id], 'a')
      const [again] = await work().claim(queue, 'received', lease('b', 99, 200), 1)
      assert.equal(again?.tries, 0)
    })

    test('progress is kept with the item; a failed attempt is counted and waits', async () => {
      const item = await put('received')
      const progress = bytes()
      assert.equal(await work().advance(item.id, 'a', progress), true)
      await work().postpone([item.id], 'a', { dueAt: later(40), error: 'CA away' })
      assert.deepEqual(await work().claim(queue, 'received', lease('a', 39, 99), 1), [])
      const [record] = await work().claim(queue, 'received', lease('a', 40, 99), 1)
      assert.deepEqual(record?.progress, progress)
      assert.equal(record?.tries, 1)
      assert.equal(record?.lastError, 'CA away')
    })

    test('a result is owed at once; finishing twice is refused', async () => {
      const item = await put('finished')
      assert.deepEqual(await work().claim(queue, 'received', lease('a', 9, 60), 1), [])
      const [record] = await work().claim(queue, 'finished', lease('a', 1, 60), 1)
      assert.equal(record?.id, item.id)
      assert.equal(record?.summary, '{"a":1}')
      const result = { result: bytes(), summary: '{}', at: later(2) }
      assert.equal(await work().finish(item.id, 'a', result), false)
    })

    test('closing wipes what may be secret and leaves the summary, or another one', async () => {
      const item = await put('closed')
      const record = await work().find(queue, item.contextHash)
      assert.equal(record?.payload, undefined)
      assert.equal(record?.progress, undefined)
      assert.equal(record?.result, undefined)
      assert.equal(record?.summary, '{"a":1}')
      assert.deepEqual(record?.closedAt, later(5))
      const other = await put('received')
      await work().settle([other.id], 'a', { state: 'closed', at: later(6), summary: '{"b":2}' })
      assert.equal((await work().find(queue, other.contextHash))?.summary, '{"b":2}')
    })

    test('what was returned waits for its time', async () => {
      const item = await put('returned')
      assert.deepEqual(await work().claim(queue, 'returned', lease('a', 89, 99), 1), [])
      const [record] = await work().claim(queue, 'returned', lease('a', 90, 99), 1)
      assert.equal(record?.id, item.id)
      assert.equal(record?.result, undefined)
      assert.notEqual(record?.payload, undefined)
      assert.equal(record?.summary, '{"a":1}')
      await work().settle([item.id], 'a', {
        state: 'returned',
        dueAt: later(200),
        summary: '{"b":2}',
      })
      assert.equal((await work().find(queue, item.contextHash))?.summary, '{"b":2}')
    })

    test('what is given back and came again meanwhile is received, with its new attempt', async () => {
      const item = await put('finished')
      await work().claim(queue, 'finished', lease('a', 1, 60), 1)
      await work().receive([
        sampleWork({ contextHash: item.contextHash, attempt: 2, receivedAt: later(2) }),
      ])
      const end = { state: 'returned', dueAt: later(90), summary: '{"b":2}', attempt: 1 } as const
      assert.deepEqual(await work().settle([item.id], 'a', end), [item.id])
      const [record] = await work().claim(queue, 'received', lease('a', 3, 60), 1)
      assert.equal(record?.id, item.id)
      assert.equal(record?.attempt, 2)
      assert.equal(record?.result, undefined)
      await work().settle([item.id], 'a', { ...end, attempt: 2 })
      assert.equal((await work().find(queue, item.contextHash))?.state, 'returned')
    })

    test('a closed item is unrecorded until it is marked, and stays marked when it comes again', async () => {
      const item = await put('closed')
      const [unrecorded] = await work().listUnrecorded(queue, 'a', 10)
      assert.equal(unrecorded?.id, item.id)
      assert.deepEqual(await work().listUnrecorded('open/revocation', 'a', 10), [])
      assert.deepEqual(await work().listUnrecorded(queue, 'b', 10), [])
      await work().markRecorded([item.id])
      assert.deepEqual(await work().listUnrecorded(queue, 'a', 10), [])
      await work().receive([sampleWork({ contextHash: item.contextHash, receivedAt: later(99) })])
      await work().claim(queue, 'received', lease('a', 99, 200), 1)
      await work().settle([item.id], 'a', { state: 'closed', at: later(100) })
      assert.deepEqual(await work().listUnrecorded(queue, 'a', 10), [])
    })

    test('the leases of a dead holder are freed, those of others stay', async () => {
      const item = await put('received')
      assert.equal(await work().releaseLeases(queue, 'b'), 0)
      assert.equal(await work().releaseLeases('open/revocation', 'a'), 0)
      assert.equal(await work().releaseLeases(queue, 'a'), 1)
      const [again] = await work().claim(queue, 'received', lease('b', 1, 60), 1)
      assert.equal(again?.id, item.id)
    })

    test('depth counts what is open, and the age of what is not with the service', async () => {
      assert.deepEqual(await work().depth(queue), {
        received: 0,
        finished: 0,
        returned: 0,
        oldestAt: undefined,
      })
      await put('returned')
      await put('closed')
      await put('finished')
      await work().receive([sampleWork({ receivedAt: later(-5) })])
      const depth = await work().depth(queue)
      assert.deepEqual(depth, { received: 1, finished: 1, returned: 1, oldestAt: later(-5) })
    })

    test('what was closed and recorded long ago is forgotten, nothing else', async () => {
      const recorded = await put('closed')
      const unrecorded = await put('closed')
      const open = await put('finished')
      await work().markRecorded([recorded.id])
      await current().store.forget(later(6))
      assert.equal(await work().find(queue, recorded.contextHash), undefined)
      assert.notEqual(await work().find(queue, unrecorded.contextHash), undefined)
      assert.notEqual(await work().find(queue, open.contextHash), undefined)
    })
  })
}
