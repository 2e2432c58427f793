import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  compareVersions,
  getSupportStatus,
} from '../../../../src/management/open-service/support-status.ts'

const releases = [
  { version: '6.2202.38.0', releasedAt: new Date('2022-03-10T00:00:00Z') },
  { version: '6.2203.12.0', releasedAt: new Date('2022-05-04T00:00:00Z') },
  { version: '6.2205.201.0', releasedAt: new Date('2022-06-30T00:00:00Z') },
]

describe('support of a version', () => {
  for (const [day, status] of [
    ['2022-05-03', 'supported'],
    ['2022-05-04', 'deprecated'],
    ['2022-11-03', 'deprecated'],
    ['2022-11-04', 'unsupported'],
    ['2023-11-03', 'unsupported'],
    ['2023-11-04', 'blocked'],
  ] as const)
    test(`6.2202.38.0 is ${status} on ${day}, its successor being of 4 May 2022`, () => {
      const found = getSupportStatus('6.2202.38.0', releases, new Date(`${day}T00:00:00Z`))
      assert.equal(found.status, status)
      if (status === 'supported') return
      assert.equal(found.supportEndsAt?.toISOString(), '2022-11-04T00:00:00.000Z')
      assert.equal(found.worksUntil?.toISOString(), '2023-11-04T00:00:00.000Z')
    })

  test('a version that nobody listed is judged by its number; the newest one is supported', () => {
    const now = new Date('2023-01-01T00:00:00Z')
    assert.equal(getSupportStatus('6.2101.13.0', releases, now).status, 'unsupported')
    const newest = getSupportStatus('6.2205.201.0', releases, now)
    assert.deepEqual(newest, { status: 'supported', latest: '6.2205.201.0' })
    assert.equal(getSupportStatus('7.0.0', releases, now).status, 'supported')
  })

  test('six months after 31 August end on the last day of February', () => {
    const release = { version: '2.0', releasedAt: new Date('2025-08-31T00:00:00Z') }
    const { supportEndsAt } = getSupportStatus('1.0', [release], new Date('2025-09-01T00:00:00Z'))
    assert.equal(supportEndsAt?.toISOString(), '2026-02-28T00:00:00.000Z')
  })

  test('versions compare by numbers, not by letters', () => {
    assert.ok(compareVersions('1.10.0', '1.9.9') > 0)
    assert.equal(compareVersions('1.4', '1.4.0.0'), 0)
    assert.equal(compareVersions('1.4.0-rc.1', '1.4.0'), 0)
  })
})
