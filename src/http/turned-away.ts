import { events, type Journal } from '../events/index.ts'
import type { Visitor } from './enrolment-gate.ts'
import type { ScepOutcome } from './metrics.ts'

/** Remembers requests that no enrolment answered, for the operational log. */
export interface TurnedAway {
  /** Outcomes that the enrolment itself has recorded are ignored. */
  record(outcome: ScepOutcome, profile: string, visitor: Visitor): void
}

const eventOf = {
  limited: events.RateLimitExceeded,
  malformed: events.ScepMessageUnreadable,
  busy: events.RequestShed,
} as const

const pauseMs = 10_000

/**
 * Records the first request of a kind that is turned away at once, then one in ten seconds with how many there were: who
 * floods the listener must not flood the log. Every one of them is in the metrics.
 *
 * @param now milliseconds of a clock that never jumps
 */
export function createTurnedAway(journal: Journal, now = () => performance.now()): TurnedAway {
  const told = new Map<ScepOutcome, { at: number; untold: number }>()
  return {
    record(outcome, profile, visitor) {
      if (outcome !== 'limited' && outcome !== 'malformed' && outcome !== 'busy') return
      const last = told.get(outcome)
      if (last !== undefined && now() - last.at < pauseMs) {
        last.untold += 1
        return
      }
      told.set(outcome, { at: now(), untold: 0 })
      journal.record(eventOf[outcome], { ...visitor, profile, count: (last?.untold ?? 0) + 1 })
    },
  }
}
