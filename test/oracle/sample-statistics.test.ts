import assert from 'node:assert/strict'
import { test } from 'node:test'
import { greatestDistance, quartilesOf, superiority } from './sample-statistics.ts'

test('quartiles of an unsorted sample', () => {
  assert.deepEqual(quartilesOf([5, 1, 4, 2, 3]), { lower: 2, median: 3, upper: 4 })
})

test('superiority is 1, 0 or a half where the order is plain, and counts ties half', () => {
  assert.equal(superiority([4, 5], [1, 2, 3]), 1)
  assert.equal(superiority([1, 2], [3, 4]), 0)
  assert.equal(superiority([1, 2, 3], [1, 2, 3]), 0.5)
  // Greater in (2,1), (3,1), (3,2); equal in (1,1), (2,2).
  assert.equal(superiority([1, 2, 3], [1, 2]), (3 + 2 * 0.5) / 6)
})

test('the greatest distance of two distributions', () => {
  assert.equal(greatestDistance([1, 2, 3], [1, 2, 3]), 0)
  assert.equal(greatestDistance([1, 2], [3, 4]), 1)
  assert.equal(greatestDistance([1, 2, 3, 4], [3, 4, 5, 6]), 0.5)
})
