import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertFailsWith } from '../support/assert-fails-with.ts'
import { createMemoryStore } from '../support/memory-store.ts'
import { sampleIntent, sampleIssued } from '../support/store-samples.ts'
import { describeStore } from './store.suite.ts'

describeStore('memory', async () => {
  const store = createMemoryStore()
  return {
    store,
    openSecond: async () => store,
    close: async () => await store.close(),
  }
})

test('the store in memory fails where a test asks for it, and writes nothing', async () => {
  const store = createMemoryStore()
  const intent = sampleIntent()
  store.faults.failWrite = (method) => method === 'certificates.complete'
  await assertFailsWith(
    store.certificates.complete(intent, sampleIssued(intent), undefined),
    'store/unavailable',
  )
  assert.equal((await store.certificates.count()).issued, 0)
  store.faults.failWrites = true
  await assertFailsWith(store.check(), 'store/unavailable')
})
