import type { EventRecord, EventSink } from '../../events/index.ts'
import type { HealthInterval, HealthMetric } from '../../management/index.ts'

/** Which events count as a success or a failure of which metric. Attempts that are repeated count for nothing. */
const counted: readonly (readonly [
  HealthMetric,
  successId: number,
  failureIds: readonly number[],
])[] = [
  ['pkcsRequest', 1000, [1001]],
  ['pkcsIssue', 1050, [1052]],
  ['pkcsUpload', 1102, [1101]],
  ['pkcsRecrypt', 1200, [1201]],
  ['pkcsImport', 2000, [2001]],
  ['revoke', 3000, [3001]],
  ['scepRequest', 4000, [4001, 4002]],
  ['scepVerify', 4004, [4005]],
  ['scepIssue', 4006, [4007]],
  ['scepNotify', 4008, [4002]],
  ['healthUpload', 5000, [5002]],
]

/** Most durations kept of one metric in one interval; more say nothing new about the 95th percentile. */
const MAX_SAMPLES = 1000

interface Tally {
  successes: number
  failures: number
  readonly durationsMs: number[]
}

/** Counts what the journal records, interval by interval. */
export interface HealthCounts {
  /** To be given to the journal. */
  readonly sink: EventSink
  /** Ends the interval at `to` and begins the next; a metric of which nothing was seen has none. */
  close(to: Date): readonly HealthInterval[]
}

/** @param from when the first interval begins */
export function createHealthCounts(from: Date): HealthCounts {
  let start = from
  let tallies = new Map<HealthMetric, Tally>()

  function tallyOf(metric: HealthMetric): Tally {
    const found = tallies.get(metric) ?? { successes: 0, failures: 0, durationsMs: [] }
    tallies.set(metric, found)
    return found
  }

  function count({ eventId, durationMs, level }: EventRecord): void {
    if (level === 'debug') return
    for (const [metric, successId, failureIds] of counted) {
      const isSuccess = eventId === successId
      if (!isSuccess && !failureIds.includes(eventId)) continue
      const tally = tallyOf(metric)
      if (isSuccess) tally.successes += 1
      else tally.failures += 1
      if (durationMs !== undefined && tally.durationsMs.length < MAX_SAMPLES)
        tally.durationsMs.push(durationMs)
    }
  }

  return {
    sink: { write: count, flush: async () => undefined, close: async () => undefined },
    close(to) {
      // Two intervals with one start would be one for the service: a clock that was set back has to catch up first.
      if (to <= start) return []
      const closed = [...tallies].map(([metric, { successes, failures, durationsMs }]) => ({
        metric,
        from: start,
        to,
        successes,
        failures,
        ...percentile95(durationsMs),
      }))
      start = to
      tallies = new Map()
      return closed
    },
  }
}

function percentile95(durationsMs: readonly number[]): { readonly p95Ms?: number } {
  const sorted = [...durationsMs].sort((a, b) => a - b)
  const found = sorted[Math.ceil(sorted.length * 0.95) - 1]
  return found === undefined ? {} : { p95Ms: Math.max(0, Math.round(found)) }
}
