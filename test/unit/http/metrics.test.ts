import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventRecord } from '../../../src/events/index.ts'
import type { MetricSources } from '../../../src/http/figures.ts'
import { createMetrics } from '../../../src/http/metrics.ts'

const now = new Date('2026-11-22T12:00:00Z')

const sources: MetricSources = {
  version: '0.1.0',
  workers: () => ({
    size: 2,
    ready: 2,
    busy: 1,
    waiting: 5,
    capacity: 128,
    restarts: 3,
    jobs: { open: { done: 9, failed: 1, overloaded: 0 } },
  }),
  outbox: () => ({
    depth: { due: 4, exhausted: 1 },
    oldestCreatedAt: new Date(now.getTime() - 90_000),
  }),
  certificates: () => [{ kind: 'ra', name: 'ra-1', notAfter: new Date(1_800_000_000_000) }],
  queues: async () => [
    {
      queue: 'intune/revocation',
      depth: { received: 2, finished: 1, returned: 3 },
      running: 0,
      oldestAt: new Date(now.getTime() - 60_000),
      outcomes: new Map([['recorded', 7]]),
      lastDownload: undefined,
    },
  ],
  now: () => now,
}

const verified: EventRecord = {
  eventId: 4004,
  eventName: 'ScepVerifySuccess',
  channel: 'operational',
  taskCategory: 'SCEP',
  level: 'information',
  timestamp: now,
  message: 'verified',
  connectorId: 'c',
  connectorName: 'c',
  connectorVersion: '0.1.0',
  machineName: 'm',
  instanceSeq: 1,
  durationMs: 42,
}

test('events are counted by ID and their durations observed by step', async () => {
  const metrics = createMetrics(sources)
  metrics.sink.write(verified)
  metrics.sink.write({ ...verified, durationMs: undefined })
  const text = await metrics.load()
  assert.match(
    text,
    /connector_events_total\{event_id="4004",event="ScepVerifySuccess",level="information"\} 2/,
  )
  assert.match(
    text,
    /connector_step_duration_seconds_bucket\{le="0.05",event="ScepVerifySuccess"\} 1/,
  )
  assert.match(text, /connector_step_duration_seconds_count\{event="ScepVerifySuccess"\} 1/)
})

test('requests are counted by profile and outcome', async () => {
  const metrics = createMetrics(sources)
  metrics.recordScep('default', 'issued', 12)
  metrics.recordScep('default', 'limited', 1)
  const text = await metrics.load()
  assert.match(text, /connector_scep_requests_total\{profile="default",outcome="issued"\} 1/)
  assert.match(text, /connector_scep_requests_total\{profile="default",outcome="limited"\} 1/)
  assert.match(text, /connector_scep_request_duration_seconds_count\{profile="default"\} 2/)
})

test('gauges show what their sources say at the scrape', async () => {
  const text = await createMetrics(sources).load()
  assert.match(text, /connector_outbox_notifications\{state="due"\} 4/)
  assert.match(text, /connector_outbox_oldest_age_seconds 90/)
  assert.match(text, /connector_certificate_not_after_seconds\{kind="ra",name="ra-1"\} 1800000000/)
  assert.match(text, /connector_worker_queue\{figure="waiting"\} 5/)
  assert.match(text, /connector_worker_threads\{state="ready"\} 2/)
  assert.match(text, /connector_worker_losses_total 3/)
  assert.match(text, /connector_info\{version="0.1.0"\} 1/)
  assert.match(text, /connector_worker_jobs_total\{kind="open",result="done"\} 9/)
  assert.match(text, /process_cpu_seconds_total/)
})

test('a source that fails leaves out its figures only, and is counted', async () => {
  const metrics = createMetrics({
    ...sources,
    outbox: () => Promise.reject(new Error('the store is away')),
  })
  await metrics.load()
  const text = await metrics.load()
  assert.doesNotMatch(text, /connector_outbox_notifications\{/)
  assert.match(text, /connector_worker_losses_total 3/)
  assert.match(text, /connector_scrape_failures_total\{source="outbox"\} [1-9]/)
})

test('the depth of work queues, their oldest item and the fate of results are shown', async () => {
  const text = await createMetrics(sources).load()
  assert.match(text, /connector_queue_items\{queue="intune\/revocation",state="returned"\} 3/)
  assert.match(text, /connector_queue_oldest_age_seconds\{queue="intune\/revocation"\} 60/)
  assert.match(
    text,
    /connector_queue_results_total\{queue="intune\/revocation",outcome="recorded"\} 7/,
  )
})
