import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { EnrolmentAnswer } from '../connector/index.ts'
import type { EventRecord, EventSink } from '../events/index.ts'

/** What became of a PKIOperation: an answer of the enrolment, or why it came to none. */
export type ScepOutcome = EnrolmentAnswer['outcome'] | 'limited' | 'malformed' | 'busy' | 'error'

/** What the worker pool tells of itself. */
export interface WorkerFigures {
  readonly size: number
  readonly ready: number
  readonly busy: number
  readonly waiting: number
  readonly capacity: number
  readonly restarts: number
}

/** A certificate whose end somebody must know of in time. */
export interface ExpiringCertificate {
  readonly kind: 'ca' | 'ra' | 'tls'
  readonly name: string
  readonly notAfter: Date
}

export interface OutboxFigures {
  /** Notifications not yet delivered, by state. */
  readonly depth: Readonly<Record<string, number>>
  /** Of the oldest one; undefined when there is none. */
  readonly oldestCreatedAt: Date | undefined
}

/** Asked at each scrape; one that fails leaves its figures out and is counted. */
export interface MetricSources {
  readonly version: string
  workers(): WorkerFigures
  outbox(): OutboxFigures | Promise<OutboxFigures>
  certificates(): readonly ExpiringCertificate[] | Promise<readonly ExpiringCertificate[]>
  now(): Date
}

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

/** Gauges that ask their source when a scrape comes. */
function collectFigures(registry: Registry, sources: MetricSources): void {
  const failures = new Counter({
    name: 'connector_scrape_failures_total',
    help: 'Figures that could not be had at a scrape.',
    labelNames: ['source'],
    registers: [registry],
  })

  function gauge(
    name: string,
    help: string,
    source: string,
    labelNames: readonly string[],
    read: (gauge: Gauge) => void | Promise<void>,
  ): void {
    new Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers: [registry],
      async collect() {
        this.reset()
        try {
          await read(this)
        } catch {
          // The readiness checks say why; a scrape only counts that it was so.
          failures.inc({ source })
        }
      },
    })
  }

  gauge('connector_info', 'Version of the connector.', 'version', ['version'], (target) =>
    target.set({ version: sources.version }, 1),
  )
  gauge(
    'connector_outbox_notifications',
    'Notifications not yet delivered, by state.',
    'outbox',
    ['state'],
    async (target) => {
      const { depth } = await sources.outbox()
      for (const [state, count] of Object.entries(depth)) target.set({ state }, count)
    },
  )
  gauge(
    'connector_outbox_oldest_age_seconds',
    'Age of the oldest notification not yet delivered; 0 when there is none.',
    'outbox',
    [],
    async (target) => {
      const { oldestCreatedAt } = await sources.outbox()
      const ageMs =
        oldestCreatedAt === undefined ? 0 : sources.now().getTime() - oldestCreatedAt.getTime()
      target.set(Math.max(0, ageMs) / 1000)
    },
  )
  gauge(
    'connector_certificate_not_after_seconds',
    'End of a certificate, in seconds since 1970.',
    'certificates',
    ['kind', 'name'],
    async (target) => {
      for (const { kind, name, notAfter } of await sources.certificates()) {
        target.set({ kind, name }, notAfter.getTime() / 1000)
      }
    },
  )
  gauge('connector_worker_threads', 'Worker threads by state.', 'workers', ['state'], (target) => {
    const { size, ready, busy } = sources.workers()
    target.set({ state: 'configured' }, size)
    target.set({ state: 'ready' }, ready)
    target.set({ state: 'busy' }, busy)
  })
  gauge(
    'connector_worker_queue',
    'Jobs that wait for a thread, and how many may.',
    'workers',
    ['figure'],
    (target) => {
      const { waiting, capacity } = sources.workers()
      target.set({ figure: 'waiting' }, waiting)
      target.set({ figure: 'capacity' }, capacity)
    },
  )
  gauge(
    'connector_worker_losses',
    'Worker threads lost and replaced since the start.',
    'workers',
    [],
    (target) => target.set(sources.workers().restarts),
  )
}
