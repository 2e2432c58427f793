import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { isCrlDue } from '../../../src/ca/index.ts'

const start = Date.parse('2026-03-01T12:00:00Z')
const schedule = { everyMs: 86_400_000, debounceMs: 60_000, shards: 1, hasDelta: false }
const published = { number: 5, thisUpdate: new Date(start), shards: 0, base: undefined }
const quiet = { takenNumber: 5, outdatedSince: undefined, published }

function isDue(
  status: { readonly outdatedSince?: Date; readonly takenNumber?: number },
  afterMs: number,
): boolean {
  return isCrlDue({ ...quiet, ...status }, new Date(start + afterMs), schedule)
}

suite('isCrlDue', () => {
  test('without a CRL one is due', () => {
    const none = { takenNumber: 0, outdatedSince: undefined, published: undefined }
    assert.equal(isCrlDue(none, new Date(start), schedule), true)
  })

  test('on schedule', () => {
    assert.equal(isDue({}, schedule.everyMs - 1), false)
    assert.equal(isDue({}, schedule.everyMs), true)
  })

  test('at once when the last one was made while the clock was ahead: nobody takes it before its time', () => {
    assert.equal(isDue({}, -300_001), true)
    assert.equal(isDue({}, -60_000), false)
  })

  test('after a revocation, but not sooner after the last one than the debounce says', () => {
    const outdatedSince = new Date(start + 1000)
    assert.equal(isDue({ outdatedSince }, 59_999), false)
    assert.equal(isDue({ outdatedSince }, 60_000), true)
  })

  test('after a publication that took its number and was cut off', () => {
    assert.equal(isDue({ takenNumber: 6 }, 60_000), true)
    assert.equal(isDue({ takenNumber: 6 }, 1000), false)
  })

  test('at once when the configuration asks for shards or deltas that are not there', () => {
    const isDueWith = (more: { shards?: number; hasDelta?: boolean }, parts = {}) =>
      isCrlDue({ ...quiet, published: { ...published, ...parts } }, new Date(start), {
        ...schedule,
        ...more,
      })
    assert.equal(isDueWith({ shards: 4 }), true)
    assert.equal(isDueWith({ shards: 4 }, { shards: 4 }), false)
    assert.equal(isDueWith({ shards: 2 }, { shards: 4 }), false)
    assert.equal(isDueWith({ hasDelta: true }), true)
    assert.equal(isDueWith({}, { base: {} }), true)
    assert.equal(isDueWith({ hasDelta: true }, { base: {} }), false)
  })
})
