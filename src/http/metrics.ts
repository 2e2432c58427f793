import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client'
import type { EnrolmentAnswer } from '../connector/index.ts'
import type { EventRecord, EventSink } from '../events/index.ts'
import { collectFigures, type MetricSources } from './figures.ts'

/** What became of a PKIOperation: an answer of the enrolment, or why it came to none. */
export type ScepOutcome = EnrolmentAnswer['outcome'] | 'limited' | 'malformed' | 'busy' | 'error'

/** The figures of a process, for Prometheus. */
export interface Metrics {
  /** Counts events and observes their `durationMs`; give it to the journal. */
  readonly sink: EventSink
  recordScep(profile: string, outcome: ScepOutcome, durationMs: number): void
  readonly mediaType: string
  /** The text of a scrape. */
  load(): Promise<string>
}

/** From a fast crypto step to a slow CA, in seconds. */
const durationBuckets = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** Each instance has a registry of its own, so that two connectors in one process do not mix. */
export function createMetrics(sources: MetricSources): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]

  const events = new Counter({
    name: 'connector_events_total',
    help: 'Events by ID, as docs/events.md lists them.',
    labelNames: ['event_id', 'event', 'level'],
    registers,
  })
  const steps = new Histogram({
    name: 'connector_step_duration_seconds',
    help: 'Duration of the step that an event ends.',
    labelNames: ['event'],
    buckets: durationBuckets,
    registers,
  })
  const scep = new Counter({
    name: 'connector_scep_requests_total',
    help: 'PKIOperations by profile and outcome.',
    labelNames: ['profile', 'outcome'],
    registers,
  })
  const scepDuration = new Histogram({
    name: 'connector_scep_request_duration_seconds',
    help: 'Time from a whole PKIOperation request to its answer.',
    labelNames: ['profile'],
    buckets: durationBuckets,
    registers,
  })
  collectFigures(registry, sources)

  return {
    sink: {
      write(record: EventRecord) {
        events.inc({
          event_id: record.eventId,
          event: record.eventName,
          level: record.level,
        })
        if (record.durationMs !== undefined) {
          steps.observe({ event: record.eventName }, record.durationMs / 1000)
        }
      },
      flush: () => Promise.resolve(),
      close: () => Promise.resolve(),
    },
    recordScep(profile, outcome, durationMs) {
      scep.inc({ profile, outcome })
      scepDuration.observe({ profile }, durationMs / 1000)
    },
    mediaType: registry.contentType,
    load: () => registry.metrics(),
  }
}
