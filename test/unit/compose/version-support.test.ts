import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createVersionSupport } from '../../../src/compose/version-support.ts'
import { ConnectorError } from '../../../src/kernel/index.ts'
import type { SupportStatus } from '../../../src/management/index.ts'
import { getSupportStatus } from '../../../src/management/open-service/support-status.ts'
import { recordedJournal } from '../../support/recorded-journal.ts'

const releases = [
  { version: '6.2202.38.0', releasedAt: new Date('2022-03-10T00:00:00Z') },
  { version: '6.2203.12.0', releasedAt: new Date('2022-05-04T00:00:00Z') },
]

function watch() {
  let now = new Date('2022-05-01T00:00:00Z')
  const clock = { now: () => now }
  const { journal, records, eventIds } = recordedJournal(clock)
  const support = createVersionSupport(journal, clock)
  return {
    support,
    records,
    eventIds,
    check: async () => await support.check.run(AbortSignal.timeout(1000)),
    /** What the list says on that day. */
    on: (day: string, listed = releases): void => {
      now = new Date(`${day}T00:00:00Z`)
      support.learn(getSupportStatus('6.2202.38.0', listed, now))
    },
  }
}

const said: SupportStatus = { status: 'deprecated', latest: '6.2203.12.0' }

describe('the support of the version that runs', () => {
  test('a successor of 4 May 2022: an update (51) and a warning (69) that day, an error (52) from 4 November on, daily', async () => {
    const { on, eventIds, records, check } = watch()
    on('2022-05-03')
    assert.deepEqual(eventIds(), [])
    assert.equal((await check()).status, 'ok')
    on('2022-05-04')
    on('2022-06-01')
    assert.deepEqual(eventIds(), [51, 69])
    on('2022-11-04')
    assert.deepEqual(eventIds(), [51, 69, 52])
    on('2022-11-04')
    on('2022-11-05')
    assert.deepEqual(eventIds(), [51, 69, 52, 52])
    on('2023-11-04')
    assert.match(records.at(-1)?.detail ?? '', /^blocked since 2023-11-04/)
    const { status, reason } = await check()
    assert.equal(status, 'degraded')
    assert.match(reason, /the service may refuse this version; version 6\.2203\.12\.0 is there/)
  })

  test('each newer version is announced once', () => {
    const { on, eventIds } = watch()
    on('2022-05-04')
    const next = { version: '6.2205.201.0', releasedAt: new Date('2022-06-30T00:00:00Z') }
    on('2022-07-01', [...releases, next])
    on('2022-07-02', [...releases, next])
    assert.deepEqual(eventIds(), [51, 69, 51])
  })

  test('what the service says counts only where there is no signed list, and is shown as its word', async () => {
    const { support, on, eventIds, check } = watch()
    support.hear(said)
    assert.deepEqual(eventIds(), [51, 69])
    assert.match((await check()).reason, /^the service says: deprecated: version 6\.2203\.12\.0/)
    on('2022-05-01')
    support.hear({ ...said, status: 'blocked' })
    assert.deepEqual(eventIds(), [51, 69])
    assert.equal(support.current()?.status, 'supported')
    assert.equal((await check()).status, 'ok')
  })

  test('a list that cannot be had is a reason to look, and what it said before stays', async () => {
    const { support, on, check } = watch()
    on('2022-05-04')
    support.fail(new ConnectorError('management/bad-response', 'the release manifest: not signed'))
    const { status, reason } = await check()
    assert.equal(status, 'degraded')
    assert.match(reason, /not signed; deprecated: version/)
  })
})
