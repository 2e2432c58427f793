import { randomUUID, X509Certificate } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import {
  createHealthReporter,
  type Duties,
  type HealthCounts,
  type HealthReporter,
  type HealthResult,
} from '../connector/index.ts'
import { events, type Journal } from '../events/index.ts'
import type { ExpiringCertificate, OpenServiceStatus } from '../http/index.ts'
import { type Clock, ConnectorError, describeError } from '../kernel/index.ts'
import { type AgentFeatures, type OpenService, renewalDueAt } from '../management/index.ts'
import type { Store } from '../store/index.ts'
import type { AnnouncedKeys } from './announced-keys.ts'
import { createReminder, type SpokenCheck } from './health-events.ts'
import { openUnsentIntervals } from './unsent-intervals.ts'
import { createVersionSupport, type VersionSupport } from './version-support.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** How soon an enrolment that failed is tried again, and an end of a certificate is seen. */
const ENROL_EVERY_MS = MINUTE_MS
const RELEASES_EVERY_MS = 6 * HOUR_MS
const CALL_MS = 30_000

/** How long a stop waits for the last health message. */
const FAREWELL_MS = 3000

/** This connector as one of the service's: enrolled, renewed, reported, and judged by its version. */
export interface Agent {
  /**
   * Begins, beside the other duties.
   *
   * @param whenEnrolled called once, as soon as the service knows this connector
   */
  start(duties: Duties, whenEnrolled: () => Promise<void>): void
  /** What became of the checks; a change is reported at once. */
  observe(results: readonly HealthResult[]): void
  readonly checks: readonly SpokenCheck[]
  status(): OpenServiceStatus
  listCertificates(): readonly ExpiringCertificate[]
  /** Sends the last report. */
  stop(): Promise<void>
}

/** What it is composed of. */
export interface AgentParts {
  readonly service: OpenService
  readonly features: AgentFeatures
  readonly url: string
  readonly keys: AnnouncedKeys
  readonly counts: HealthCounts
  readonly check: () => Promise<readonly HealthResult[]>
  readonly store: Store
  readonly dataDir: string
  readonly journal: Journal
  readonly clock: Clock
  readonly startedAt: Date
}

/** Composes it; does nothing before `start`. */
export function composeAgent(parts: AgentParts): Agent {
  const { service, journal, clock } = parts
  const version = createVersionSupport(journal, clock)
  const reporter = composeReporter(parts, version)
  const mayRepeat = createReminder(clock, HOUR_MS)
  let hasBegun = false
  let announced: string | undefined
  let failure: string | undefined
  let seen = ''

  async function keepEnrolled(whenEnrolled: () => Promise<void>): Promise<void> {
    try {
      const step = await service.keepEnrolled(AbortSignal.timeout(CALL_MS))
      failure = undefined
      if (step !== 'unchanged') recordCertificates(service, journal, step)
      await announce()
      if (!hasBegun) {
        hasBegun = true
        reporter.start()
        await whenEnrolled()
      }
    } catch (error) {
      failure = describeError(error)
      if (!mayRepeat(failure)) return
      journal.record(events.AgentCertificatesFailed, {
        errorMessage: failure,
        errorCode: error instanceof ConnectorError ? error.code : undefined,
      })
    }
  }

  /** At each start, and when a key came or went. */
  async function announce(): Promise<void> {
    const summary = await parts.keys.summarise()
    if (summary === announced) return
    await service.announce(await parts.keys.describe(), AbortSignal.timeout(CALL_MS))
    announced = summary
  }

  async function judgeVersion(): Promise<void> {
    try {
      version.learn(await service.loadSupport(AbortSignal.timeout(CALL_MS)))
    } catch (error) {
      version.fail(error)
    }
  }

  return {
    start(duties, whenEnrolled) {
      duties.add('enrolment at the connector service', ENROL_EVERY_MS, async () =>
        keepEnrolled(whenEnrolled),
      )
      duties.add('list of releases', RELEASES_EVERY_MS, judgeVersion)
    },
    observe(results) {
      const now = results.map(({ name, status }) => `${name} ${status}`).join('\n')
      if (now !== seen && seen !== '') reporter.wake()
      seen = now
    },
    checks: [
      {
        name: 'connector service',
        maxAgeMs: 0,
        timeoutMs: 1000,
        run: async () => {
          const { lastReportAt } = reporter.status()
          if (failure !== undefined) return { status: 'degraded', reason: failure }
          if (lastReportAt === undefined)
            return { status: 'degraded', reason: 'no health message was taken yet' }
          const agoMs = clock.now().getTime() - lastReportAt.getTime()
          return {
            status: agoMs > HOUR_MS ? 'degraded' : 'ok',
            reason: `last heard of us at ${lastReportAt.toISOString()}`,
          }
        },
      },
      version.check,
    ],
    status: () => describeAgent(parts, reporter, version),
    listCertificates() {
      const agent = service.current()
      if (agent === undefined) return []
      const { validToDate } = new X509Certificate(agent.record.certificatePem)
      return [{ kind: 'agent', name: 'connector service', notAfter: validToDate }]
    },
    stop: async () => await reporter.stop(FAREWELL_MS),
  }
}

function composeReporter(parts: AgentParts, version: VersionSupport): HealthReporter {
  const { service, counts, store, dataDir, journal, clock, startedAt } = parts
  return createHealthReporter({
    receiver: service.health,
    onAnswer: ({ support }) => version.hear(support),
    counts,
    unsent: openUnsentIntervals(join(dataDir, 'health-unsent.json')),
    check: parts.check,
    loadQueues: async () => {
      const { due, exhausted } = await store.outbox.depth(clock.now())
      const now = clock.now()
      const spooledAt = await listSpoolTimes(join(dataDir, 'spool'))
      const oldestMs = now.getTime() - Math.min(now.getTime(), ...spooledAt)
      return {
        journalPending: due + exhausted,
        spoolPending: spooledAt.length,
        oldestSpoolSeconds: Math.floor(oldestMs / 1000),
      }
    },
    journal,
    clock,
    random: Math.random,
    makeId: randomUUID,
    startedAt,
  })
}

/** When each entry of the spool was written; empty where nothing ever was. */
async function listSpoolTimes(folder: string): Promise<number[]> {
  const names = await readdir(folder).catch(() => [])
  const entries = names.filter((name) => name.endsWith('.entry'))
  // One that is gone by now was replayed.
  const found = await Promise.all(
    entries.map(async (name) => await stat(join(folder, name)).catch(() => undefined)),
  )
  return found.flatMap((status) => (status === undefined ? [] : [status.mtimeMs]))
}

function recordCertificates(service: OpenService, journal: Journal, step: string): void {
  const record = service.current()?.record
  if (record === undefined) return
  const { serialNumber, fingerprint256, validFromDate, validToDate } = new X509Certificate(
    record.certificatePem,
  )
  journal.record(events.AgentCertificatesIssued, {
    serialNumber,
    thumbprintSha256: fingerprint256.replaceAll(':', ''),
    notBefore: validFromDate,
    notAfter: validToDate,
    nextAttemptAt: renewalDueAt(record.certificatePem),
    detail: `${step}; connector ${record.connectorId}`,
  })
}

function describeAgent(
  { service, features, url, clock }: AgentParts,
  reporter: HealthReporter,
  version: VersionSupport,
): OpenServiceStatus {
  const record = service.current()?.record
  const { lastReportAt, unsentIntervals, isPaused } = reporter.status()
  const agoMs = clock.now().getTime() - (lastReportAt?.getTime() ?? 0)
  return {
    url,
    state: record === undefined ? 'none' : agoMs < DAY_MS ? 'active' : 'inactive',
    connectorId: record?.connectorId,
    enrolledAt: record === undefined ? undefined : new Date(record.enrolledAt),
    lastContactAt: lastReportAt,
    certificateNotAfter:
      record === undefined ? undefined : new X509Certificate(record.certificatePem).validToDate,
    features: Object.entries(features).flatMap(([name, isOn]) => (isOn ? [name] : [])),
    isPaused,
    unsentIntervals,
    support: version.current(),
  }
}
