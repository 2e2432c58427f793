import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { closeOpenIntents } from '../../../src/connector/index.ts'
import { createMemoryStore } from '../../support/memory-store.ts'
import { recordedJournal } from '../../support/recorded-journal.ts'
import { later, sampleIntent, sampleIssued, start } from '../../support/store-samples.ts'

const HOUR = 3600

async function closeAt(seconds: number, isClosed = false) {
  const store = createMemoryStore()
  const intent = sampleIntent()
  await store.certificates.reserve(intent, 'one', later(90), later(-60))
  const { journal, eventIds } = recordedJournal()
  const asked: (readonly [string, Date])[] = []
  const closed = await closeOpenIntents({
    certificates: store.certificates,
    safekeeping: { replay: async () => 0 },
    journal,
    clock: { now: () => later(seconds) },
    isClosed: async (...question) => {
      asked.push(question)
      return isClosed
    },
  })
  return { store, intent, closed, ids: eventIds(), asked }
}

describe('intents that a crash left open', () => {
  test('stay while the device may come again with its challenge', async () => {
    const { store, closed, ids } = await closeAt(90 + HOUR)
    assert.equal(closed, 0)
    assert.deepEqual(ids, [])
    assert.equal((await store.certificates.count()).reserved, 1)
  })

  test('are closed afterwards, with the one Admin event that their request lacks', async () => {
    const { store, closed, ids } = await closeAt(91 + HOUR)
    assert.equal(closed, 1)
    assert.deepEqual(ids, [60, 4001])
    assert.equal((await store.certificates.count()).abandoned, 1)
  })

  test('get no second Admin event', async () => {
    const { intent, ids, asked } = await closeAt(91 + HOUR, true)
    assert.deepEqual(ids, [60])
    assert.deepEqual(asked, [[intent.transactionId, start]])
  })

  test('whose completion lies in the spool are issued, and not told to have failed, after an outage of the store', async () => {
    const store = createMemoryStore()
    const intents = [sampleIntent(), sampleIntent()]
    for (const intent of intents)
      await store.certificates.reserve(intent, 'one', later(90), later(-60))
    const { journal, eventIds } = recordedJournal()
    const spooled = [...intents]
    const closed = await closeOpenIntents({
      certificates: store.certificates,
      safekeeping: {
        replay: async () => {
          const intent = spooled.shift()
          if (intent === undefined) return 0
          await store.certificates.complete(intent, sampleIssued(intent), undefined)
          return 1
        },
      },
      journal,
      clock: { now: () => later(91 + HOUR) },
      isClosed: async () => false,
    })
    assert.equal(closed, 0)
    assert.deepEqual(eventIds(), [])
    assert.equal((await store.certificates.count()).issued, 2)
  })

  test('whose completion lies in the spool of another instance are issued after all, when it is replayed late', async () => {
    const { store, intent } = await closeAt(91 + HOUR)
    await store.certificates.complete(intent, sampleIssued(intent), undefined)
    const [record] = await store.certificates.listRecent(1)
    assert.equal(record?.state, 'issued')
  })
})
