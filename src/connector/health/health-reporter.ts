import { events, type Journal } from '../../events/index.ts'
import { type Clock, ConnectorError, describeError, pauseAfterAttempt } from '../../kernel/index.ts'
import type {
  HealthAnswer,
  HealthInterval,
  HealthReceiver,
  HealthReport,
} from '../../management/index.ts'
import type { HealthResult } from './health.ts'
import type { HealthCounts } from './health-counts.ts'

/** Where intervals wait that no report took along yet. */
export interface UnsentIntervals {
  load(): Promise<readonly HealthInterval[]>
  /** Replaces all of them; durable when it resolves. */
  save(intervals: readonly HealthInterval[]): Promise<void>
}

/** What a reporter works with. */
export interface HealthReporterPorts {
  readonly receiver: HealthReceiver
  /** Told of each answer. */
  readonly onAnswer?: (answer: HealthAnswer) => void
  readonly counts: HealthCounts
  readonly unsent: UnsentIntervals
  check(): Promise<readonly HealthResult[]>
  loadQueues(): Promise<HealthReport['queues']>
  readonly journal: Journal
  readonly clock: Clock
  readonly random: () => number
  readonly makeId: () => string
  readonly startedAt: Date
}

/** Bounds of a reporter. */
export interface HealthReporterOptions {
  /** How often, until the service says something else. */
  readonly everyMs: number
  /** Time of one attempt. */
  readonly attemptMs: number
  /** Pauses after the first attempts; their number is that of the repetitions. */
  readonly pausesSeconds: readonly number[]
}

const defaultOptions: HealthReporterOptions = {
  everyMs: 300_000,
  attemptMs: 30_000,
  pausesSeconds: [2, 10],
}

/** Intervals older than this are forgotten: the service keeps no older ones. */
const KEEP_MS = 24 * 3_600_000

/** Intervals in one message: with them it fits into the smallest body that a service may set as its limit. */
const MAX_INTERVALS = 200

/** Reports how the connector is, and keeps what could not be reported. */
export interface HealthReporter {
  /** Reports now and then every few minutes. */
  start(): void
  /**
   * Reports soon, because something changed; nothing before `start`. One report at a time: while one runs, one more
   * follows it.
   */
  wake(): void
  /** Ends the rounds with a last report, for which `graceMs` is left. */
  stop(graceMs: number): Promise<void>
  status(): HealthReporterStatus
}

/** What a reporter knows. */
export interface HealthReporterStatus {
  /** When the service last took a report. */
  readonly lastReportAt: Date | undefined
  readonly unsentIntervals: number
  /** The service gives this connector no work for now. */
  readonly isPaused: boolean
}

/** Starts nothing yet; `start` does. Its timer does not keep the process alive. */
export function createHealthReporter(
  ports: HealthReporterPorts,
  options: HealthReporterOptions = defaultOptions,
): HealthReporter {
  const { clock, journal } = ports
  let waiting: HealthInterval[] | undefined
  let lastReportAt: Date | undefined
  let isPaused = false
  let everyMs = options.everyMs
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  let isWoken = false
  let hasStarted = false
  const stopping = new AbortController()

  async function closeInterval(): Promise<readonly HealthInterval[]> {
    const now = clock.now()
    waiting ??= [...(await ports.unsent.load())]
    const since = now.getTime() - KEEP_MS
    waiting = [...waiting, ...ports.counts.close(now)].filter(({ to }) => to.getTime() > since)
    return waiting
  }

  async function attempt(intervals: readonly HealthInterval[], signal: AbortSignal): Promise<void> {
    const startedAt = clock.now()
    const activityId = ports.makeId()
    const report: HealthReport = {
      sentAt: startedAt,
      uptimeSeconds: Math.max(
        0,
        Math.floor((startedAt.getTime() - ports.startedAt.getTime()) / 1000),
      ),
      intervals,
      observations: (await ports.check()).map(({ name, status, reason, checkedAt }) => ({
        name,
        status: status === 'ok' ? 'pass' : status === 'degraded' ? 'warn' : 'fail',
        detail: reason,
        at: checkedAt,
      })),
      queues: await ports.loadQueues(),
    }
    const answer = await ports.receiver.report(report, { activityId, signal })
    const now = clock.now()
    lastReportAt = now
    isPaused = answer.isPaused
    everyMs = answer.everyMs ?? options.everyMs
    ports.onAnswer?.(answer)
    // What was closed while the call ran stays for the next one.
    waiting = (waiting ?? []).filter((interval) => !intervals.includes(interval))
    await ports.unsent.save(waiting)
    journal.record(events.HealthMessageUploadSuccess, {
      activityId,
      count: intervals.length,
      durationMs: now.getTime() - startedAt.getTime(),
    })
  }

  /** One message, and after an outage as many as it takes. */
  async function report(signal: AbortSignal, pausesSeconds: readonly number[]): Promise<void> {
    let left = await closeInterval()
    if (left.length > 0) await ports.unsent.save(left)
    do {
      if (!(await send(left.slice(0, MAX_INTERVALS), signal, pausesSeconds))) return
      left = left.slice(MAX_INTERVALS)
    } while (left.length > 0 && !signal.aborted)
  }

  /** @returns false: the service did not take it */
  async function send(
    intervals: readonly HealthInterval[],
    signal: AbortSignal,
    pausesSeconds: readonly number[],
  ): Promise<boolean> {
    for (let number = 1; ; number += 1) {
      try {
        await attempt(intervals, AbortSignal.any([signal, AbortSignal.timeout(options.attemptMs)]))
        return true
      } catch (error) {
        // Interrupted by the stop, which makes a report of its own.
        if (signal === stopping.signal && signal.aborted) return false
        const isLast = number > pausesSeconds.length || signal.aborted
        recordFailure(journal, error, number, isLast, intervals.length)
        if (isLast) return false
      }
      await pause(pauseAfterAttempt(pausesSeconds, number, ports.random()), signal)
    }
  }

  function round(): void {
    if (running !== undefined) {
      isWoken = true
      return
    }
    clearTimeout(timer)
    running = report(stopping.signal, options.pausesSeconds)
      .catch((error: unknown) =>
        journal.record(events.UnhandledError, {
          detail: 'the health report; it is tried again',
          errorMessage: describeError(error),
        }),
      )
      .finally(() => {
        running = undefined
        if (stopping.signal.aborted) return
        timer = setTimeout(round, isWoken ? 0 : everyMs).unref()
        isWoken = false
      })
  }

  return {
    start() {
      hasStarted = true
      round()
    },
    wake() {
      if (hasStarted && !stopping.signal.aborted) round()
    },
    async stop(graceMs) {
      stopping.abort()
      clearTimeout(timer)
      await running
      if (hasStarted) await report(AbortSignal.timeout(graceMs), [])
    },
    status: () => ({ lastReportAt, unsentIntervals: waiting?.length ?? 0, isPaused }),
  }
}

function recordFailure(
  journal: Journal,
  error: unknown,
  attempt: number,
  isLast: boolean,
  count: number,
): void {
  const known = error instanceof ConnectorError ? error : undefined
  const fields = {
    attempt,
    count,
    errorMessage: describeError(error),
    errorCode: known?.code,
    activityId: known?.activityId,
    httpStatus: known?.httpStatus,
  }
  journal.record(events.HealthMessageUploadFailedAttempt, fields)
  if (isLast) journal.record(events.HealthMessageUploadFailure, fields)
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer)
        resolve()
      },
      { once: true },
    )
  })
}
