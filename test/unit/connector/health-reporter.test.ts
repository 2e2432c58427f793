import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createHealthCounts, createHealthReporter } from '../../../src/connector/index.ts'
import { events } from '../../../src/events/index.ts'
import { ConnectorError } from '../../../src/kernel/index.ts'
import type { HealthInterval, HealthReport } from '../../../src/management/index.ts'
import { recordedJournal } from '../../support/recorded-journal.ts'

const start = new Date('2026-01-01T00:00:00Z')

/** A reporter over a service that can be away, on a clock that a test moves. */
function openStage(kept: HealthInterval[] = []) {
  let now = start
  let isAway = false
  const clock = { now: () => now }
  const counts = createHealthCounts(start)
  const { journal, records, eventIds } = recordedJournal(clock)
  const reports: HealthReport[] = []
  let saved: readonly HealthInterval[] = kept
  const reporter = createHealthReporter(
    {
      receiver: {
        async report(report) {
          if (isAway)
            throw new ConnectorError('management/unavailable', 'away', { httpStatus: 503 })
          reports.push(report)
          return { everyMs: undefined, isPaused: true, support: undefined }
        },
      },
      counts,
      unsent: {
        load: async () => saved,
        async save(intervals) {
          saved = intervals
        },
      },
      check: async () => [{ name: 'store', status: 'degraded', reason: 'slow', checkedAt: now }],
      loadQueues: async () => ({ journalPending: 0, spoolPending: 0, oldestSpoolSeconds: 0 }),
      journal,
      clock,
      random: () => 0.5,
      makeId: () => '0f0f0f0f-1111-4222-8333-444444444444',
      startedAt: start,
    },
    { everyMs: 1_000_000, attemptMs: 1000, pausesSeconds: [0.001, 0.001] },
  )
  return {
    reporter,
    reports,
    eventIds,
    saved: () => saved,
    /** One request counted in the interval that is open. */
    count(eventId: 4006 | 4007, durationMs: number) {
      const event = eventId === 4006 ? events.ScepIssuedSuccess : events.ScepIssuedFailure
      journal.record(event, { durationMs })
      for (const record of records.slice(-1)) counts.sink.write(record)
    },
    advance(minutes: number) {
      now = new Date(now.getTime() + minutes * 60_000)
    },
    leave(away: boolean) {
      isAway = away
    },
    async round() {
      const before = eventIds().length
      reporter.wake()
      await until(() =>
        eventIds()
          .slice(before)
          .some((id) => id === 5000 || id === 5002),
      )
      // The round ends after its event.
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

async function until(isThere: () => boolean): Promise<void> {
  for (const end = Date.now() + 5000; !isThere(); ) {
    assert.ok(Date.now() < end, 'nothing happened within 5 s')
    await new Promise((resolve) => setImmediate(resolve))
  }
}

describe('health reports', () => {
  test('event 5000: carry counts, the 95th percentile, checks and uptime; the event is 5000', async () => {
    const stage = openStage()
    for (let ms = 1; ms <= 100; ms += 1) stage.count(4006, ms)
    stage.count(4007, 1)
    stage.advance(5)
    stage.reporter.start()
    await until(() => stage.eventIds().includes(5000))
    const [report] = stage.reports
    const [issue] = report?.intervals ?? []
    assert.deepEqual(issue, {
      metric: 'scepIssue',
      from: start,
      to: new Date(start.getTime() + 300_000),
      successes: 100,
      failures: 1,
      p95Ms: 95,
    })
    assert.equal(report?.uptimeSeconds, 300)
    assert.equal(report?.observations[0]?.status, 'warn')
    assert.equal(stage.reporter.status().isPaused, true)
    await stage.reporter.stop(100)
  })

  test('events 5001, 5002: a service that is away costs 5001 three times and 5002; its intervals arrive later, once each', async () => {
    const stage = openStage()
    stage.leave(true)
    stage.count(4006, 10)
    stage.advance(5)
    stage.reporter.start()
    await until(() => stage.eventIds().includes(5002))
    assert.deepEqual(
      stage.eventIds().filter((id) => id >= 5000),
      [5001, 5001, 5001, 5002],
    )
    stage.advance(5)
    stage.count(4006, 20)
    await stage.round()
    assert.equal(stage.saved().length, 2)
    stage.leave(false)
    stage.advance(5)
    await stage.round()
    await stage.round()
    const sent = stage.reports.flatMap(({ intervals }) => intervals)
    assert.equal(sent.length, 2)
    assert.equal(new Set(sent.map(({ from }) => from.getTime())).size, 2)
    assert.equal(stage.saved().length, 0)
    await stage.reporter.stop(100)
  })

  test('a day without the service: every interval arrives once, in messages that every service takes', async () => {
    const stage = openStage()
    stage.leave(true)
    stage.reporter.start()
    await until(() => stage.eventIds().includes(5002))
    const rounds = (24 * 60) / 5
    for (let round = 0; round < rounds; round += 1) {
      stage.count(4006, 10)
      stage.advance(5)
      await stage.round()
    }
    assert.equal(stage.saved().length, rounds)
    stage.leave(false)
    stage.reporter.wake()
    await until(() => stage.saved().length === 0)
    const sent = stage.reports.flatMap(({ intervals }) => intervals)
    assert.equal(sent.length, rounds)
    assert.equal(new Set(sent.map(({ from }) => from.getTime())).size, rounds)
    assert.ok(stage.reports.every(({ intervals }) => intervals.length <= 200))
    await stage.reporter.stop(100)
  })

  test('intervals of a day ago are forgotten; those of before the start are sent', async () => {
    const interval = (hoursAgo: number): HealthInterval => ({
      metric: 'revoke',
      from: new Date(start.getTime() - hoursAgo * 3_600_000 - 300_000),
      to: new Date(start.getTime() - hoursAgo * 3_600_000),
      successes: 1,
      failures: 0,
    })
    const stage = openStage([interval(25), interval(23)])
    stage.reporter.start()
    await until(() => stage.eventIds().includes(5000))
    assert.deepEqual(stage.reports[0]?.intervals, [interval(23)])
    await stage.reporter.stop(100)
  })

  test('a clock that was set back makes no second interval with the same start', () => {
    const counts = createHealthCounts(start)
    const { journal, records } = recordedJournal()
    journal.record(events.ScepIssuedSuccess)
    for (const record of records) counts.sink.write(record)
    assert.deepEqual(counts.close(new Date(start.getTime() - 1)), [])
    assert.equal(counts.close(new Date(start.getTime() + 1))[0]?.successes, 1)
  })

  test('the end of the connector is reported, and no attempt is made for long', async () => {
    const stage = openStage()
    stage.reporter.start()
    await until(() => stage.eventIds().includes(5000))
    stage.count(4006, 1)
    stage.advance(1)
    await stage.reporter.stop(100)
    assert.equal(stage.reports.at(-1)?.intervals.length, 1)
    stage.reporter.wake()
    assert.equal(stage.reports.length, 2)
  })
})
