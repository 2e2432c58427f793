import { Counter, Gauge, type Registry } from 'prom-client'
import type { WorkFigures } from '../connector/index.ts'

/** Jobs by kind and by what became of them. */
export type WorkerJobFigures = Readonly<
  Record<string, Readonly<Record<'done' | 'failed' | 'overloaded', number>>>
>

/** What the worker pool tells of itself. */
export interface WorkerFigures {
  readonly size: number
  readonly ready: number
  readonly busy: number
  readonly waiting: number
  readonly capacity: number
  readonly restarts: number
  readonly jobs?: WorkerJobFigures | undefined
}

/** A certificate whose end somebody must know of in time. */
export interface ExpiringCertificate {
  readonly kind: 'ca' | 'ra' | 'tls' | 'agent'
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
  /** One entry a queue that is polled. */
  queues(): Promise<readonly WorkFigures[]>
  now(): Date
}

interface Reading {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** A figure that is not counted here: its source is asked when a scrape comes. */
interface Figure {
  readonly kind: 'gauge' | 'counter'
  readonly name: string
  readonly help: string
  readonly labels: readonly string[]
  readonly source: 'version' | 'outbox' | 'certificates' | 'workers' | 'queues'
  load(sources: MetricSources): readonly Reading[] | Promise<readonly Reading[]>
}

const figures: readonly Figure[] = [
  {
    kind: 'gauge',
    name: 'connector_info',
    help: 'Version of the connector.',
    labels: ['version'],
    source: 'version',
    load: ({ version }) => [{ labels: { version }, value: 1 }],
  },
  {
    kind: 'gauge',
    name: 'connector_outbox_notifications',
    help: 'Notifications not yet delivered, by state.',
    labels: ['state'],
    source: 'outbox',
    load: async (sources) => byLabel('state', (await sources.outbox()).depth),
  },
  {
    kind: 'gauge',
    name: 'connector_outbox_oldest_age_seconds',
    help: 'Age of the oldest notification not yet delivered; 0 when there is none.',
    labels: [],
    source: 'outbox',
    load: async (sources) => {
      const { oldestCreatedAt } = await sources.outbox()
      const now = sources.now()
      const ageMs = now.getTime() - (oldestCreatedAt ?? now).getTime()
      return [{ labels: {}, value: Math.max(0, ageMs) / 1000 }]
    },
  },
  {
    kind: 'gauge',
    name: 'connector_certificate_not_after_seconds',
    help: 'End of a certificate, in seconds since 1970.',
    labels: ['kind', 'name'],
    source: 'certificates',
    load: async (sources) =>
      (await sources.certificates()).map(({ kind, name, notAfter }) => ({
        labels: { kind, name },
        value: notAfter.getTime() / 1000,
      })),
  },
  {
    kind: 'gauge',
    name: 'connector_worker_threads',
    help: 'Worker threads by state.',
    labels: ['state'],
    source: 'workers',
    load: (sources) => {
      const { size: configured, ready, busy } = sources.workers()
      return byLabel('state', { configured, ready, busy })
    },
  },
  {
    kind: 'gauge',
    name: 'connector_worker_queue',
    help: 'Jobs that wait for a thread, and how many may.',
    labels: ['figure'],
    source: 'workers',
    load: (sources) => {
      const { waiting, capacity } = sources.workers()
      return byLabel('figure', { waiting, capacity })
    },
  },
  {
    kind: 'counter',
    name: 'connector_worker_losses_total',
    help: 'Worker threads lost and replaced.',
    labels: [],
    source: 'workers',
    load: (sources) => [{ labels: {}, value: sources.workers().restarts }],
  },
  {
    kind: 'counter',
    name: 'connector_worker_jobs_total',
    help: 'Jobs of the worker threads by kind and result.',
    labels: ['kind', 'result'],
    source: 'workers',
    load: (sources) =>
      Object.entries(sources.workers().jobs ?? {}).flatMap(([kind, counts]) =>
        Object.entries(counts).map(([result, value]) => ({ labels: { kind, result }, value })),
      ),
  },
  {
    kind: 'gauge',
    name: 'connector_queue_items',
    help: 'Items of a work queue: received, finished and not yet uploaded, returned to be offered again.',
    labels: ['queue', 'state'],
    source: 'queues',
    load: async (sources) =>
      (await sources.queues()).flatMap(({ queue, depth }) =>
        Object.entries(depth).map(([state, value]) => ({ labels: { queue, state }, value })),
      ),
  },
  {
    kind: 'gauge',
    name: 'connector_queue_oldest_age_seconds',
    help: 'Age of the oldest item whose result the service does not have; 0 when there is none.',
    labels: ['queue'],
    source: 'queues',
    load: async (sources) => {
      const now = sources.now()
      return (await sources.queues()).map(({ queue, oldestAt }) => ({
        labels: { queue },
        value: Math.max(0, now.getTime() - (oldestAt ?? now).getTime()) / 1000,
      }))
    },
  },
  {
    kind: 'counter',
    name: 'connector_queue_results_total',
    help: 'Results of a work queue by what the service made of them; leftAlone are items of others.',
    labels: ['queue', 'outcome'],
    source: 'queues',
    load: async (sources) =>
      (await sources.queues()).flatMap(({ queue, outcomes }) =>
        [...outcomes].map(([outcome, value]) => ({ labels: { queue, outcome }, value })),
      ),
  },
]

/** Puts the figures of the table into a registry. */
export function collectFigures(registry: Registry, sources: MetricSources): void {
  const failures = new Counter({
    name: 'connector_scrape_failures_total',
    help: 'Figures that could not be had at a scrape.',
    labelNames: ['source'],
    registers: [registry],
  })

  async function load(figure: Figure): Promise<readonly Reading[]> {
    try {
      return await figure.load(sources)
    } catch {
      // The readiness checks say why; a scrape only counts that it was so.
      failures.inc({ source: figure.source })
      return []
    }
  }

  for (const figure of figures) {
    const common = {
      name: figure.name,
      help: figure.help,
      labelNames: [...figure.labels],
      registers: [registry],
    }
    if (figure.kind === 'gauge') {
      new Gauge({
        ...common,
        async collect() {
          this.reset()
          for (const { labels, value } of await load(figure)) this.set(labels, value)
        },
      })
    } else {
      new Counter({
        ...common,
        async collect() {
          this.reset()
          for (const { labels, value } of await load(figure)) this.inc(labels, value)
        },
      })
    }
  }
}

function byLabel(label: string, values: Readonly<Record<string, number>>): readonly Reading[] {
  return Object.entries(values).map(([name, value]) => ({ labels: { [label]: name }, value }))
}
