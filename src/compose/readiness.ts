import { events, type RootJournal } from '../events/index.ts'
import type { ConnectorStatus, OutboxFigures, WorkerFigures } from '../http/index.ts'
import type { Clock } from '../kernel/index.ts'
import type { IntuneClient } from '../management/index.ts'
import type { Store } from '../store/index.ts'
import type { CryptoPool } from '../workers/index.ts'
import type { CaHealthCheck } from './ca-health.ts'
import type { SpokenCheck } from './health-events.ts'

const MINUTE_MS = 60_000

/** What must work for the connector to be ready, each part asked in its own way. */
export function listChecks(parts: {
  readonly store: Store
  readonly pool: CryptoPool
  readonly journal: RootJournal
  readonly caHealth: ReadonlyMap<string, CaHealthCheck>
  readonly intune: IntuneClient | undefined
  readonly clock: Clock
}): SpokenCheck[] {
  const { store, pool, journal, caHealth, intune, clock } = parts
  return [
    {
      name: 'store',
      spokenOf: { lost: events.StoreUnavailable, back: events.StoreRecovered },
      maxAgeMs: 5000,
      timeoutMs: 3000,
      run: async () => {
        await store.check()
        return { status: 'ok', reason: 'a write and a read succeeded' }
      },
    },
    {
      name: 'workers',
      maxAgeMs: 1000,
      timeoutMs: 1000,
      run: async () => {
        const { ready, size } = pool.statistics()
        const reason = `${ready} of ${size} threads are ready`
        return { status: ready === 0 ? 'failed' : ready < size ? 'degraded' : 'ok', reason }
      },
    },
    {
      name: 'logs',
      maxAgeMs: 5000,
      timeoutMs: 1000,
      run: async () => {
        const broken = journal.health().filter(({ ok }) => !ok)
        if (broken.length === 0) return { status: 'ok', reason: 'events are written' }
        return { status: 'degraded', reason: broken.map(({ detail }) => detail).join('; ') }
      },
    },
    {
      name: 'notifications',
      maxAgeMs: 5000,
      timeoutMs: 3000,
      run: async () => {
        const depth = await store.outbox.depth(clock.now())
        const reason = `${depth.due} due, ${depth.exhausted} waiting for the service, ${depth.failed} given up`
        return { status: depth.exhausted + depth.failed > 0 ? 'degraded' : 'ok', reason }
      },
    },
    ...[...caHealth].map(
      ([caId, check]): SpokenCheck => ({
        name: `ca ${caId}`,
        spokenOf: { lost: events.CaUnavailable, back: events.CaRecovered, fields: { caId } },
        maxAgeMs: MINUTE_MS,
        timeoutMs: 10_000,
        run: async (signal) => {
          const { status, detail } = await check(signal)
          return {
            status: status === 'up' ? 'ok' : status === 'down' ? 'failed' : 'degraded',
            reason: detail,
          }
        },
      }),
    ),
    ...(intune === undefined
      ? []
      : [
          {
            name: 'intune',
            spokenOf: { lost: events.ManagementUnavailable, back: events.ManagementRecovered },
            maxAgeMs: MINUTE_MS,
            timeoutMs: 20_000,
            run: async (signal: AbortSignal) => {
              const { ok, detail } = await intune.health.check(signal)
              return { status: ok ? ('ok' as const) : ('failed' as const), reason: detail }
            },
          },
        ]),
  ]
}

/** Figures of the worker threads. */
export function workerFiguresOf(pool: CryptoPool | undefined): WorkerFigures {
  return pool?.statistics() ?? { size: 0, ready: 0, busy: 0, waiting: 0, capacity: 0, restarts: 0 }
}

/** Figures of the outbox. */
export async function loadOutboxFigures(store: Store, clock: Clock): Promise<OutboxFigures> {
  const now = clock.now()
  const { due, exhausted, failed, oldestAgeSeconds } = await store.outbox.depth(now)
  return {
    depth: { due, exhausted, failed },
    oldestCreatedAt:
      due + exhausted + failed === 0
        ? undefined
        : new Date(now.getTime() - oldestAgeSeconds * 1000),
  }
}

/** The youngest requests, issued and refused, for the status page. */
export async function listRecent(store: Store): Promise<ConnectorStatus['recent']> {
  const issued = (await store.certificates.listRecent(20)).map((record) => ({
    at: record.issuedAt ?? record.reservedAt,
    profile: record.profile,
    transactionId: record.transactionId,
    subject: record.subject,
    outcome: record.state,
    serialHex: record.order.serialHex,
  }))
  const refused = (await store.certificates.listRefusals(20)).map((record) => ({
    at: record.at,
    profile: record.profile,
    transactionId: record.transactionId,
    subject: record.subject ?? '',
    outcome: `refused: ${record.code}`,
    serialHex: undefined,
  }))
  return [...issued, ...refused].sort((a, b) => b.at.getTime() - a.at.getTime()).slice(0, 20)
}
