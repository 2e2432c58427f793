import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { afterEach, describe, test } from 'node:test'
import { createPayloadCipher, createWorkLoop, type WorkLoop } from '../../../src/connector/index.ts'
import type { WorkHandler, WorkVerdict } from '../../../src/connector/work/work-handler.ts'
import { hashContext } from '../../../src/connector/work/work-payload.ts'
import { defaultWorkOptions } from '../../../src/connector/work/work-ports.ts'
import { events } from '../../../src/events/index.ts'
import { ConnectorError } from '../../../src/kernel/index.ts'
import { createFakeWorkQueue, type FakeWorkQueue, fakeItem } from '../../support/fake-work-queue.ts'
import { createMemoryStore, type MemoryStore } from '../../support/memory-store.ts'
import { recordedJournal } from '../../support/recorded-journal.ts'

type Verdict = WorkVerdict<'revocation'>
type Carry = WorkHandler<'revocation'>['carryOut']

const success: Verdict = {
  end: { succeeded: true, value: { revokedAt: new Date(0), alreadyRevoked: false } },
  isPassing: false,
  fields: { serialNumber: '4A01' },
}
const final: Verdict = {
  end: { succeeded: false, errorCode: 'NotSupportedError', errorMessage: 'cannot' },
  isPassing: false,
  fields: {},
}
const passing: Verdict = {
  end: { succeeded: false, errorCode: 'ServiceUnavailableException', errorMessage: 'CA away' },
  isPassing: true,
  fields: {},
}
const away = (more: { httpStatus?: number; retryAfterMs?: number } = {}): ConnectorError =>
  new ConnectorError('management/unavailable', 'away', { isTransient: true, ...more })

const loops: WorkLoop[] = []
afterEach(async () => {
  await Promise.all(loops.splice(0).map(async (loop) => await loop.stop()))
})

/** A queue, a store, and as many loops as a test wants; the clock is moved by hand. */
function stage(
  queue: FakeWorkQueue = createFakeWorkQueue(),
  store: MemoryStore = createMemoryStore(),
) {
  let now = Date.parse('2026-06-01T12:00:00Z')
  const clock = { now: () => new Date(now) }
  const recorded = recordedJournal(clock)
  const cipher = createPayloadCipher(randomBytes(32))
  const carried: string[] = []
  const takenBack: string[] = []
  const told: { carry: Carry; takeBack: () => Promise<void>; mayFetch: boolean } = {
    mayFetch: true,
    carry: async () => success,
    takeBack: async () => undefined,
  }

  async function start(holder = 'a', change: Partial<typeof defaultWorkOptions> = {}) {
    const handler: WorkHandler<'revocation'> = {
      kind: 'revocation',
      events: {
        downloaded: events.RevokeDownloadSuccess,
        downloadFailed: events.RevokeDownloadFailure,
        received: events.RevokeDownloadedRequest,
        uploaded: events.RevokeUploadSuccess,
        uploadFailed: events.RevokeUploadFailure,
        uploadedEach: events.RevokeUploadedRequest,
        succeeded: events.RevokeRequestSuccess,
        failed: events.RevokeRequestFailure,
      },
      notOurs: 'noKey',
      mayFetch: async () => told.mayFetch,
      isOurs: async ({ serialNumber }) => serialNumber !== 'FOREIGN',
      laneOf: async () => ({ name: 'ca', parallel: 2 }),
      describe: ({ serialNumber }) => ({ serialNumber }),
      async carryOut(task) {
        carried.push(`${holder} ${task.request.serialNumber}`)
        return await told.carry(task)
      },
      async takeBack({ request, progress }) {
        takenBack.push(`${request.serialNumber} ${String(progress ?? '')}`.trimEnd())
        await told.takeBack()
      },
    }
    const loop = createWorkLoop(
      {
        queue,
        handler,
        items: store.work,
        leases: store.leases,
        cipher,
        journal: recorded.journal,
        flush: async () => undefined,
        isRecorded: async (transactionId) =>
          recorded.records.some(
            (record) => record.channel === 'admin' && record.transactionId === transactionId,
          ),
        clock,
        holder,
        random: () => 0.5,
      },
      { ...defaultWorkOptions, roundMs: 2, drainMs: 200, ...change },
    )
    loops.push(loop)
    await loop.start()
    return loop
  }

  return {
    ...recorded,
    queue,
    store,
    carried,
    takenBack,
    told,
    start,
    now: () => now,
    advance(seconds: number) {
      now += seconds * 1000
    },
    async until(what: string, isThere: () => boolean | Promise<boolean>) {
      for (const end = Date.now() + 8000; !(await isThere()); ) {
        if (Date.now() > end)
          throw new Error(`never: ${what}; events ${recorded.eventIds().join(', ')}`)
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
    },
    count: (id: number) => recorded.eventIds().filter((eventId) => eventId === id).length,
    record: async (requestContext: string) =>
      await store.work.find(queue.name, hashContext(requestContext)),
  }
}

/** The CA lets the request wait; what the handler needs to go on is written down. */
const waiting: Carry = async (task) => {
  await task.keep(Buffer.from(`begun, before: ${String(task.progress)}`))
  return { ...passing, waitsFor: { caRequestId: '48213', retryAfterMs: 3_600_000 } }
}

function leasedItem(change: { readonly requestContext?: string; readonly attempt?: number } = {}) {
  const { requestContext = randomUUID(), attempt = 1 } = change
  const lease = { id: randomUUID(), expires: new Date('2026-06-01T12:15:00Z'), attempt }
  const expires = new Date('2026-06-08T12:00:00Z')
  return { ...fakeItem({ requestContext }), lease, expires }
}

describe('an item whose request waits at a CA', () => {
  test('goes back with the number that the CA gave it, and is gone on with when it comes again: one Admin event', async () => {
    const on = stage(createFakeWorkQueue(true))
    on.told.carry = waiting
    const item = leasedItem()
    on.queue.waiting.push(item)
    const loop = await on.start('a', { pollSeconds: 1 })
    await on.until(
      'given back',
      async () => (await on.record(item.requestContext))?.state === 'returned',
    )
    assert.deepEqual(on.queue.releases, [
      {
        leases: [
          {
            requestContext: item.requestContext,
            leaseId: item.lease.id,
            waitsFor: { caRequestId: '48213', retryAfterMs: 3_600_000 },
          },
        ],
        reason: 'caPending',
      },
    ])
    await loop.stop()
    let found = ''
    on.told.carry = async ({ progress }) => {
      found = Buffer.from(progress ?? '').toString()
      return success
    }
    on.queue.waiting.push(leasedItem({ requestContext: item.requestContext, attempt: 2 }))
    on.advance(60)
    await on.start('a')
    await on.until('3000', () => on.count(3000) === 1)
    assert.equal(found, 'begun, before: undefined')
    assert.equal(on.queue.uploads.flat().length, 1)
  })

  test('is tried again from here where the service does not take it back', async () => {
    const on = stage(createFakeWorkQueue(true))
    on.told.carry = waiting
    const releaseLeases = on.queue.releaseLeases?.bind(on.queue)
    let refusals = 0
    on.queue.releaseLeases = async (...call) => {
      refusals += 1
      if (refusals === 1) throw away()
      await releaseLeases?.(...call)
    }
    const item = leasedItem()
    on.queue.waiting.push(item)
    await on.start()
    await on.until('postponed', async () => (await on.record(item.requestContext))?.tries === 1)
    on.advance(10)
    await on.until(
      'given back',
      async () => (await on.record(item.requestContext))?.state === 'returned',
    )
    assert.equal(on.queue.releases.length, 1)
    assert.equal(on.queue.uploads.length, 0)
  })

  test('waits here until a day after its end; then what was begun is undone, and it has failed: 3001', async () => {
    const on = stage(createFakeWorkQueue(true))
    on.told.carry = waiting
    const item = leasedItem()
    on.queue.waiting.push(item)
    await on.start()
    await on.until(
      'given back',
      async () => (await on.record(item.requestContext))?.state === 'returned',
    )
    on.advance(7 * 86_400)
    on.queue.waiting.push(fakeItem({ serialNumber: 'FOREIGN' }))
    await on.until('a round later', () => on.count(3002) === 2)
    assert.deepEqual([on.count(3001), on.takenBack], [0, []])
    on.advance(86_400 + 1)
    await on.until('3001', () => on.count(3001) === 1)
    assert.equal(on.takenBack.length, 1)
    assert.equal((await on.record(item.requestContext))?.progress, undefined)
  })

  test('whose progress was sealed with another data key is handed over as lost', async () => {
    const on = stage(createFakeWorkQueue(true))
    on.told.carry = waiting
    const item = leasedItem()
    on.queue.waiting.push(item)
    const loop = await on.start()
    await on.until(
      'given back',
      async () => (await on.record(item.requestContext))?.state === 'returned',
    )
    await loop.stop()
    const after = stage(on.queue, on.store)
    let found: unknown
    after.told.carry = async ({ progress }) => {
      found = progress
      return final
    }
    after.queue.waiting.push(leasedItem({ requestContext: item.requestContext, attempt: 2 }))
    await after.start()
    await after.until('3001', () => after.count(3001) === 1)
    assert.equal(found, 'lost')
  })
})

describe('the work loop', () => {
  test('nothing is downloaded while the handler may not fetch', async () => {
    const on = stage()
    on.told.mayFetch = false
    on.queue.waiting.push(fakeItem())
    const loop = await on.start()
    await new Promise((resolve) => setTimeout(resolve, 30))
    assert.equal(on.queue.downloads.length, 0)
    on.told.mayFetch = true
    on.advance(31)
    await on.until('3000', () => on.count(3000) === 1)
    await loop.stop()
  })

  test('an item is journaled, carried out, uploaded once, settled and recorded once', async () => {
    const on = stage()
    const item = fakeItem()
    on.queue.waiting.push(item)
    await on.start()
    await on.until('3000', () => on.count(3000) === 1)
    assert.deepEqual(on.eventIds(), [3002, 3020, 3100, 3102, 3000])
    assert.equal(on.queue.uploads.length, 1)
    const record = await on.record(item.requestContext)
    assert.equal(record?.state, 'closed')
    assert.equal(record?.payload, undefined)
    assert.equal(new Set(on.records.flatMap((one) => one.transactionId ?? [])).size, 1)
    assert.ok(!JSON.stringify(on.records).includes(item.requestContext))
  })

  test('nothing is acted on before the whole batch is in the journal', async () => {
    const on = stage()
    on.store.faults.failWrite = (method) => method === 'work.receive'
    on.queue.waiting.push(fakeItem(), fakeItem())
    await on.start()
    await on.until('a download', () => on.queue.downloads.length === 1)
    await new Promise((resolve) => setTimeout(resolve, 20))
    assert.deepEqual(on.carried, [])
    on.store.faults.failWrite = undefined
    await on.until('both', () => on.count(3000) === 2)
    assert.equal(on.queue.downloads.length, 1)
  })

  test('what is not ours is neither written down nor answered', async () => {
    const on = stage()
    const foreign = fakeItem({ request: { ...fakeItem().request, serialNumber: 'FOREIGN' } })
    on.queue.waiting.push(foreign, fakeItem())
    const loop = await on.start()
    await on.until('3000', () => on.count(3000) === 1)
    assert.equal(await on.record(foreign.requestContext), undefined)
    assert.equal(on.queue.uploads.flat().length, 1)
    assert.equal((await loop.figures()).outcomes.get('leftAlone'), 1)
  })

  test('an unreadable item without a lease is left alone, with one it is answered', async () => {
    const entry = { errorCode: 'DataSerializationError', problem: 'no serialNumber' } as const
    const plain = stage()
    plain.queue.unreadable.push({ requestContext: 'x', lease: undefined, ...entry })
    await plain.start()
    await plain.until('3002', () => plain.count(3002) === 1)
    assert.equal(await plain.record('x'), undefined)
    const leased = stage(createFakeWorkQueue(true))
    const lease = { id: 'l', attempt: 1, expires: new Date('2026-06-01T13:00:00Z') }
    leased.queue.unreadable.push({ requestContext: 'x', lease, ...entry })
    await leased.start()
    await leased.until('3001', () => leased.count(3001) === 1)
    const end = leased.queue.uploads[0]?.[0]?.end
    assert.ok(end?.succeeded === false && end.errorCode === 'DataSerializationError')
    assert.deepEqual(leased.carried, [])
  })

  test('a failure that may pass is tried again by the table, and the service hears of the last', async () => {
    const on = stage()
    on.told.carry = async () => passing
    const item = fakeItem()
    on.queue.waiting.push(item)
    await on.start()
    for (const [index, pauseSeconds] of [5, 30, 120, 600, 1200].entries()) {
      await on.until(`attempt ${index + 1}`, async () => {
        const record = await on.record(item.requestContext)
        return record?.tries === index + 1 && on.carried.length === index + 1
      })
      assert.equal(on.queue.uploads.length, 0)
      on.advance(pauseSeconds)
    }
    await on.until(
      'returned',
      async () => (await on.record(item.requestContext))?.state === 'returned',
    )
    assert.equal(on.carried.length, 6)
    assert.equal(on.queue.uploads.length, 1)
    assert.deepEqual(on.eventIds('admin'), [])
  })

  test('what comes again after such a failure and succeeds has one Admin event, of success', async () => {
    const on = stage()
    const item = fakeItem()
    on.told.carry = async () => passing
    on.queue.waiting.push(item)
    await on.start('a', { attemptPausesSeconds: [] })
    await on.until(
      'returned',
      async () => (await on.record(item.requestContext))?.state === 'returned',
    )
    on.told.carry = async () => success
    on.queue.waiting.push(item)
    on.advance(3600)
    await on.until('3000', () => on.count(3000) === 1)
    assert.deepEqual(on.eventIds('admin'), [3000])
  })

  test('what never comes again is closed after a day, with the failure it had', async () => {
    const on = stage()
    on.told.carry = async () => passing
    const item = fakeItem()
    on.queue.waiting.push(item)
    await on.start('a', { attemptPausesSeconds: [] })
    await on.until(
      'returned',
      async () => (await on.record(item.requestContext))?.state === 'returned',
    )
    on.advance(86_400)
    await on.until('3001', () => on.count(3001) === 1)
    assert.equal(on.records.at(-1)?.errorCode, 'ServiceUnavailableException')
  })

  test('event 3001: a final failure is uploaded at once and is 3001', async () => {
    const on = stage()
    on.told.carry = async () => final
    on.queue.waiting.push(fakeItem())
    await on.start()
    await on.until('3001', () => on.count(3001) === 1)
    assert.equal(on.carried.length, 1)
  })

  test('a handler that throws does not lose the item', async () => {
    const on = stage()
    on.told.carry = async () => {
      throw new TypeError('unexpected')
    }
    const item = fakeItem()
    on.queue.waiting.push(item)
    await on.start()
    await on.until('99', () => on.count(99) === 1)
    await on.until('postponed', async () => (await on.record(item.requestContext))?.tries === 1)
    on.told.carry = async () => success
    on.advance(5)
    await on.until('3000', () => on.count(3000) === 1)
  })

  test('a closed item that comes again is carried out and uploaded again, without a second Admin event', async () => {
    const on = stage()
    const item = fakeItem()
    on.queue.waiting.push(item)
    await on.start()
    await on.until('3000', () => on.count(3000) === 1)
    on.queue.waiting.push(item)
    on.advance(3600)
    await on.until('a second upload', () => on.queue.uploads.length === 2)
    await on.until('closed', async () => (await on.record(item.requestContext))?.state === 'closed')
    assert.equal(on.count(3000), 1)
  })

  test('a service that is away gets the results when it is back, each once', async () => {
    const on = stage()
    on.queue.uploadFailures.push(away(), away())
    on.queue.waiting.push(fakeItem(), fakeItem())
    await on.start()
    await on.until('3101', () => on.count(3101) === 1)
    on.advance(5)
    await on.until('3101 again', () => on.count(3101) === 2)
    on.advance(14)
    await new Promise((resolve) => setTimeout(resolve, 20))
    assert.equal(on.queue.uploads.length, 2)
    on.advance(1)
    await on.until('both', () => on.count(3000) === 2)
    assert.equal(on.carried.length, 2)
    assert.equal(on.queue.uploads.length, 3)
  })

  test('after 72 hours a result is given up: 3001, once', async () => {
    const on = stage()
    const item = fakeItem()
    on.queue.uploadFailures.push(away(), away())
    on.queue.waiting.push(item)
    await on.start()
    await on.until('3101', () => on.count(3101) === 1)
    on.advance(72 * 3600)
    await on.until('3001', () => on.count(3001) === 1)
    assert.match(String(on.records.at(-1)?.errorMessage), /could not be uploaded in 72 hours/)
    assert.deepEqual(on.takenBack, ['4A01'])
  })

  for (const [how, httpStatus] of [
    ['HTTP 400', 400],
    // Intune's no is `"value": false`, and names no result either.
    ['an answer that is no yes', 200],
  ] as const)
    test(`one result that the service refuses by ${how} does not hold up the others`, async () => {
      const on = stage()
      const upload = on.queue.upload.bind(on.queue)
      on.queue.upload = async (results, call) => {
        if (results.some(({ requestContext }) => requestContext === 'bad'))
          throw new ConnectorError('management/bad-response', 'no', {
            httpStatus,
            isTransient: httpStatus === 200,
          })
        return await upload(results, call)
      }
      const items = [fakeItem(), fakeItem({ requestContext: 'bad' }), fakeItem(), fakeItem()]
      on.queue.waiting.push(...items)
      await on.start()
      await on.until('three', () => {
        on.advance(1)
        return on.count(3000) === 3
      })
      assert.equal((await on.record('bad'))?.state, 'finished')
    })

  test('event 3003: a download that fails is 3003 and follows the table, or what the service asks', async () => {
    const on = stage()
    on.queue.downloadFailures.push(away(), away({ retryAfterMs: 400_000 }))
    const loop = await on.start()
    await on.until('3003', () => on.count(3003) === 1)
    assert.match((await loop.figures()).lastDownload?.problem ?? '', /away/)
    on.advance(30)
    await on.until('3003 again', () => on.count(3003) === 2)
    on.advance(399)
    await new Promise((resolve) => setTimeout(resolve, 20))
    assert.equal(on.queue.downloads.length, 2)
    on.advance(1)
    await on.until('a third', () => on.queue.downloads.length === 3)
    assert.equal((await loop.figures()).lastDownload?.problem, undefined)
  })

  test('no download is made while the journal has no room', async () => {
    const on = stage()
    on.told.carry = async () => passing
    on.queue.waiting.push(fakeItem(), fakeItem(), fakeItem())
    await on.start('a', { maxReceived: 2 })
    await on.until('two', () => on.carried.length === 2)
    assert.deepEqual(on.queue.downloads, [2])
    on.advance(600)
    on.told.carry = async () => success
    await on.until('all', () => {
      on.advance(10)
      return on.count(3000) === 3
    })
  })

  test('no more run at one CA than it bears', async () => {
    const on = stage()
    let running = 0
    let most = 0
    on.told.carry = async () => {
      running += 1
      most = Math.max(most, running)
      await new Promise((resolve) => setTimeout(resolve, 5))
      running -= 1
      return success
    }
    on.queue.waiting.push(...Array.from({ length: 8 }, () => fakeItem()))
    await on.start()
    await on.until('all', () => on.count(3000) === 8)
    assert.equal(most, 2)
  })
})

describe('two loops over one store', () => {
  test('one polls; the other takes over 15 minutes after the first has died', async () => {
    const on = stage()
    await on.start('a')
    await on.until('a poll', () => on.queue.downloads.length === 1)
    // It dies without a word: its loop stands still, its lease stays.
    const stopped = loops.splice(0)
    on.store.faults.failWrite = () => true
    await Promise.all(stopped.map(async (loop) => await loop.stop()))
    on.store.faults.failWrite = undefined
    await on.start('b')
    await new Promise((resolve) => setTimeout(resolve, 20))
    assert.equal(on.queue.downloads.length, 1)
    on.advance(901)
    await on.until('the second polls', () => on.queue.downloads.length === 2)
  })

  test('an item whose holder died between act and upload ends once', async () => {
    const on = stage()
    on.queue.uploadFailures.push(...Array.from({ length: 50 }, () => away()))
    const item = fakeItem()
    on.queue.waiting.push(item)
    await on.start('a')
    await on.until('3101', () => on.count(3101) >= 1)
    await Promise.all(loops.splice(0).map(async (loop) => await loop.stop()))
    on.queue.uploadFailures.splice(0)
    await on.start('b')
    on.advance(3600)
    await on.until('3000', () => on.count(3000) === 1)
    assert.deepEqual(on.carried, ['a 4A01'])
  })

  test('twenty items, two loops: each is carried out once', async () => {
    const on = stage()
    on.queue.waiting.push(
      ...Array.from({ length: 20 }, (_, index) =>
        fakeItem({ request: { ...fakeItem().request, serialNumber: `4A${index}` } }),
      ),
    )
    await on.start('a', { parallel: 3 })
    await on.start('b', { parallel: 3 })
    await on.until('all', () => on.count(3000) === 20)
    assert.equal(new Set(on.carried.map((one) => one.split(' ')[1])).size, 20)
    assert.equal(on.carried.length, 20)
  })

  test('an Admin event that a crash kept from being marked is not written twice', async () => {
    const on = stage()
    on.store.faults.failWrite = (method) => method === 'work.markRecorded'
    on.queue.waiting.push(fakeItem())
    await on.start('a')
    await on.until('3000', () => on.count(3000) === 1)
    await Promise.all(loops.splice(0).map(async (loop) => await loop.stop()))
    on.store.faults.failWrite = undefined
    await on.start('a')
    await on.until(
      'marked',
      async () => (await on.store.work.listUnrecorded(on.queue.name, 'a', 1)).length === 0,
    )
    assert.equal(on.count(3000), 1)
  })
})

describe('leases of the service', () => {
  const leased = (id: string = randomUUID()) => ({
    id,
    attempt: 1,
    expires: new Date('2026-06-01T12:30:00Z'),
  })

  test('are prolonged at half life while an item is carried out; a lost one ends the attempt', async () => {
    const on = stage(createFakeWorkQueue(true))
    const kept = fakeItem({ lease: leased('kept') })
    const lost = fakeItem({ lease: leased('lost') })
    on.queue.lost.add('lost')
    let isFree = false
    on.told.carry = async ({ signal }) => {
      while (!isFree && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, 2))
      return signal.aborted ? passing : success
    }
    on.queue.waiting.push(kept, lost)
    await on.start()
    await on.until('both run', () => on.carried.length === 2)
    on.advance(451)
    await on.until('64', () => on.count(64) === 1)
    isFree = true
    await on.until('3000', () => on.count(3000) === 1)
    await on.until(
      'let go',
      async () => (await on.record(lost.requestContext))?.state === 'returned',
    )
    assert.equal(on.queue.uploads.flat().length, 1)
    on.advance(2 * 86_400)
    await on.until('closed', async () => (await on.record(lost.requestContext))?.state === 'closed')
    assert.deepEqual(on.eventIds('admin'), [3000])
  })

  test('are prolonged at half of what the service gave, where that is less than was asked for', async () => {
    const on = stage(createFakeWorkQueue(true))
    const granted = { id: 'short', attempt: 1, expires: new Date('2026-06-01T12:01:00Z') }
    const free = Promise.withResolvers<void>()
    on.told.carry = async () => {
      await free.promise
      return success
    }
    on.queue.waiting.push(fakeItem({ lease: granted }))
    await on.start()
    await on.until('it runs', () => on.carried.length === 1)
    assert.equal(on.queue.renewals.length, 0)
    on.advance(31)
    await on.until('a renewal', () => on.queue.renewals.length === 1)
    free.resolve()
    await on.until('3000', () => on.count(3000) === 1)
  })

  test('what an attempt began is taken back when its lease is lost, before the item is let go', async () => {
    const on = stage(createFakeWorkQueue(true))
    const item = fakeItem({ lease: leased('lost') })
    on.queue.lost.add('lost')
    on.told.carry = async (task) => {
      await task.keep(new Uint8Array([7]))
      while (!task.signal.aborted) await new Promise((resolve) => setTimeout(resolve, 2))
      return passing
    }
    on.told.takeBack = async () => {
      assert.equal((await on.record(item.requestContext))?.state, 'received')
    }
    on.queue.waiting.push(item)
    await on.start()
    await on.until('it runs', () => on.carried.length === 1)
    on.advance(451)
    await on.until(
      'let go',
      async () => (await on.record(item.requestContext))?.state === 'returned',
    )
    assert.deepEqual(on.takenBack, ['4A01 7'])
  })

  test('what an earlier attempt began is taken back when the lease was lost before the next', async () => {
    const on = stage(createFakeWorkQueue(true))
    const item = fakeItem({ lease: leased('l') })
    on.told.carry = async (task) => {
      await task.keep(new Uint8Array([7]))
      return passing
    }
    on.queue.waiting.push(item)
    await on.start()
    await on.until('postponed', async () => (await on.record(item.requestContext))?.tries === 1)
    on.queue.lost.add('l')
    on.advance(3600)
    await on.until('64', () => on.count(64) === 1)
    await on.until('taken back', () => on.takenBack.length === 1)
    assert.deepEqual(on.takenBack, ['4A01 7'])
    assert.equal(on.carried.length, 1)
  })

  test('a lease that ended and cannot be asked for now is asked for again within seconds', async () => {
    const on = stage(createFakeWorkQueue(true))
    const renew = on.queue.renewLeases?.bind(on.queue)
    let asked = 0
    on.queue.renewLeases = async (...call) => {
      asked += 1
      if (asked === 1) throw away()
      return (await renew?.(...call)) ?? []
    }
    const ended = { ...leased(), expires: new Date('2026-06-01T11:00:00Z') }
    on.queue.waiting.push(fakeItem({ lease: ended }))
    await on.start()
    await on.until('it was asked', () => asked === 1)
    assert.equal(on.carried.length, 0)
    await on.until('3000', () => {
      on.advance(1)
      return on.count(3000) === 1
    })
    assert.ok(on.now() <= Date.parse('2026-06-01T12:01:00Z'), 'not a whole lease of ours later')
  })

  test('what cannot be taken back now keeps the item, and is taken back later', async () => {
    const on = stage(createFakeWorkQueue(true))
    on.queue.outcomeOf = () => 'superseded'
    on.told.takeBack = async () => {
      if (on.takenBack.length === 1)
        throw new ConnectorError('store/unavailable', 'away', { isTransient: true })
    }
    const item = fakeItem({ lease: leased() })
    on.queue.waiting.push(item, fakeItem({ lease: leased(), serialNumber: '4A02' }))
    await on.start()
    await on.until('both tried', () => on.takenBack.length === 2)
    assert.equal((await on.record(item.requestContext))?.state, 'finished')
    on.advance(901)
    await on.until('closed', async () => (await on.record(item.requestContext))?.state === 'closed')
    assert.deepEqual(on.takenBack, ['4A01', '4A02', '4A01'])
  })

  for (const [title, outcome] of [
    ['the service does not want', 'superseded'],
    ['the service rejects', 'rejected'],
  ] as const)
    test(`a fault in taking back what ${title} is told, 99, and does not hold the item up for ever`, async () => {
      const on = stage(createFakeWorkQueue(true))
      on.queue.outcomeOf = () => outcome
      on.told.takeBack = async () => {
        throw new TypeError('unexpected')
      }
      const item = fakeItem({ lease: leased() })
      on.queue.waiting.push(item)
      await on.start()
      await on.until('99', () => on.count(99) === 1)
      await on.until(
        'closed',
        async () => (await on.record(item.requestContext))?.state === 'closed',
      )
    })

  test('what was begun for an item that failed in the end is taken back', async () => {
    const on = stage(createFakeWorkQueue(true))
    on.told.carry = async (task) => {
      await task.keep(new Uint8Array([7]))
      return final
    }
    on.queue.waiting.push(fakeItem({ lease: leased() }))
    await on.start()
    await on.until('3001', () => on.count(3001) === 1)
    assert.deepEqual(on.takenBack, ['4A01 7'])
  })

  test('what was begun for an item that never comes again is taken back when it is closed', async () => {
    const on = stage(createFakeWorkQueue(true))
    on.told.carry = async (task) => {
      await task.keep(new Uint8Array([7]))
      return { ...passing, isPassing: false }
    }
    const item = fakeItem({ lease: leased() })
    on.queue.waiting.push(item)
    await on.start()
    await on.until(
      'returned',
      async () => (await on.record(item.requestContext))?.state === 'returned',
    )
    assert.deepEqual(on.takenBack, [])
    on.advance(2 * 86_400)
    await on.until('closed', async () => (await on.record(item.requestContext))?.state === 'closed')
    assert.deepEqual(on.takenBack, ['4A01 7'])
  })

  for (const [outcome, admin] of [
    ['superseded', []],
    ['duplicate', [3001]],
    ['rejected', [3001]],
  ] as const)
    test(`a failure that may pass, and did not come again, is asked about after a day: ${outcome}`, async () => {
      const on = stage(createFakeWorkQueue(true))
      on.told.carry = async () => passing
      const item = fakeItem({ lease: leased('old') })
      on.queue.waiting.push(item)
      await on.start('a', { attemptPausesSeconds: [] })
      const isIn = (state: string) => async () =>
        (await on.record(item.requestContext))?.state === state
      await on.until('returned', isIn('returned'))
      on.queue.outcomeOf = () => outcome
      on.advance(86_400)
      await on.until('closed', isIn('closed'))
      await on.until(
        'recorded',
        async () => (await on.record(item.requestContext))?.isRecorded === true,
      )
      assert.deepEqual(on.eventIds('admin'), [...admin])
      const [told, asked] = on.queue.uploads.flat()
      assert.deepEqual({ ...asked, durationMs: 0 }, { ...told, durationMs: 0 })
    })

  test('an item that is still open after a day is asked about again a day later', async () => {
    const on = stage(createFakeWorkQueue(true))
    on.told.carry = async () => passing
    const item = fakeItem({ lease: leased('old') })
    on.queue.waiting.push(item)
    await on.start('a', { attemptPausesSeconds: [] })
    const state = async () => (await on.record(item.requestContext))?.state
    await on.until('returned', async () => (await state()) === 'returned')
    on.queue.outcomeOf = () => 'staleLease'
    on.advance(86_400)
    await on.until('asked', () => on.queue.uploads.length === 2)
    await on.until('put off', async () => {
      const record = await on.record(item.requestContext)
      return record?.state === 'returned' && record.dueAt.getTime() > on.now()
    })
    on.queue.outcomeOf = () => 'superseded'
    on.advance(86_400)
    await on.until('closed', async () => (await state()) === 'closed')
    assert.deepEqual(on.eventIds('admin'), [])
  })

  test('what nobody got to do, and whose time is over, is a failure of the one who is told so', async () => {
    const on = stage(createFakeWorkQueue(true))
    const item = fakeItem({ lease: { ...leased('l'), expires: new Date('2026-06-01T11:00:00Z') } })
    on.queue.lost.add('l')
    on.queue.outcomeOf = () => 'rejected'
    on.queue.waiting.push(item)
    await on.start()
    await on.until('64', () => on.count(64) === 1)
    on.advance(2 * 86_400)
    await on.until('3001', () => on.count(3001) === 1)
    assert.deepEqual(on.carried, [])
  })

  test('while the service cannot say how items ended, they stay', async () => {
    const on = stage(createFakeWorkQueue(true))
    on.told.carry = async () => passing
    const item = fakeItem({ lease: leased('old') })
    on.queue.waiting.push(item)
    await on.start('a', { attemptPausesSeconds: [] })
    await on.until(
      'returned',
      async () => (await on.record(item.requestContext))?.state === 'returned',
    )
    on.queue.uploadFailures.push(away())
    on.advance(86_400)
    await on.until('asked in vain', () => on.queue.uploads.length === 2)
    assert.equal((await on.record(item.requestContext))?.state, 'returned')
    on.advance(901)
    await on.until('3001', () => on.count(3001) === 1)
  })

  test('of an item that was done while its lease was being prolonged are nobody’s loss', async () => {
    const on = stage(createFakeWorkQueue(true))
    const asked = Promise.withResolvers<void>()
    // The service answers when it has the result already, and knows no lease of that item any more.
    on.queue.renewLeases = async (leases) => {
      asked.resolve()
      await on.until('3000', () => on.count(3000) === 1)
      return leases.map((lease) => ({ ...lease, expires: undefined }))
    }
    const free = Promise.withResolvers<void>()
    on.told.carry = async () => {
      await free.promise
      return success
    }
    on.queue.waiting.push(fakeItem({ lease: leased('done') }))
    const loop = await on.start()
    await on.until('it runs', () => on.carried.length === 1)
    on.advance(451)
    await asked.promise
    free.resolve()
    await on.until('3000', () => on.count(3000) === 1)
    await loop.stop()
    assert.equal(on.count(64), 0)
  })

  for (const outcome of ['superseded', 'staleLease'] as const)
    test(`a success that is ${outcome} is taken back, has event 65 and no Admin event`, async () => {
      const on = stage(createFakeWorkQueue(true))
      on.queue.outcomeOf = () => outcome
      const item = fakeItem({ lease: leased() })
      on.queue.waiting.push(item)
      await on.start()
      await on.until('65', () => on.count(65) === 1)
      await on.until('taken back', () => on.takenBack.length === 1)
      on.queue.outcomeOf = () => 'superseded'
      on.advance(2 * 86_400)
      const { name } = on.queue
      await on.until('closed', async () => {
        const record = await on.record(item.requestContext)
        return record?.state === 'closed' && record.isRecorded
      })
      assert.deepEqual(await on.store.work.listUnrecorded(name, 'a', 1), [])
      assert.deepEqual(on.eventIds('admin'), [])
    })

  test('a result whose item came again while it went up is undone, and carried out anew with the new lease', async () => {
    const on = stage(createFakeWorkQueue(true))
    const item = fakeItem({ lease: leased('old') })
    const upload = on.queue.upload.bind(on.queue)
    on.queue.upload = async (results, call) => {
      if (on.queue.uploads.length === 0) {
        on.queue.waiting.push({ ...item, lease: { ...leased('new'), attempt: 2 } })
        on.advance(3600)
        await on.until(
          'the item came again',
          async () => (await on.record(item.requestContext))?.attempt === 2,
        )
      }
      return await upload(results, call)
    }
    on.queue.outcomeOf = ({ lease }) => (lease?.id === 'old' ? 'staleLease' : 'recorded')
    on.queue.waiting.push(item)
    await on.start()
    await on.until('3000', () => on.count(3000) === 1)
    assert.deepEqual(
      on.queue.uploads.flat().map(({ lease }) => lease?.id),
      ['old', 'new'],
    )
    assert.deepEqual(on.carried, ['a 4A01', 'a 4A01'])
    assert.deepEqual(on.takenBack, ['4A01'])
  })

  test('a result that the service rejects is 3001', async () => {
    const on = stage(createFakeWorkQueue(true))
    on.queue.outcomeOf = () => 'rejected'
    on.queue.waiting.push(fakeItem({ lease: leased() }))
    await on.start()
    await on.until('3001', () => on.count(3001) === 1)
    assert.deepEqual(on.takenBack, ['4A01'])
  })

  test('what is not ours is given back', async () => {
    const on = stage(createFakeWorkQueue(true))
    const request = { ...fakeItem().request, serialNumber: 'FOREIGN' }
    on.queue.waiting.push(fakeItem({ lease: leased('l'), request }))
    await on.start()
    await on.until('a release', () => on.queue.releases.length === 1)
    assert.equal(on.queue.releases[0]?.leases[0]?.leaseId, 'l')
    assert.equal(on.queue.releases[0].reason, 'noKey')
  })

  test('a stop finishes what runs and gives back what was not begun', async () => {
    const on = stage(createFakeWorkQueue(true))
    on.told.carry = async () => {
      await new Promise((resolve) => setTimeout(resolve, 30))
      return success
    }
    const items = Array.from({ length: 3 }, () => fakeItem({ lease: leased() }))
    on.queue.waiting.push(...items)
    const loop = await on.start('a', { parallel: 1 })
    await on.until('one runs', () => on.carried.length === 1)
    await loop.stop()
    assert.equal(on.queue.uploads.flat().length, on.carried.length)
    assert.equal(on.queue.releases[0]?.reason, 'drain')
    assert.equal(on.queue.releases[0]?.leases.length, 3 - on.carried.length)
  })

  test('what does not end in time is free for the next start', async () => {
    const on = stage()
    on.told.carry = async ({ signal }) => {
      while (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, 2))
      return passing
    }
    const item = fakeItem()
    on.queue.waiting.push(item)
    const loop = await on.start('a', { drainMs: 20 })
    await on.until('it runs', () => on.carried.length === 1)
    await loop.stop()
    const record = await on.record(item.requestContext)
    assert.equal(record?.state, 'received')
    assert.equal(record?.tries, 0)
    on.told.carry = async () => success
    await on.start('b')
    await on.until('3000', () => on.count(3000) === 1)
  })
})
