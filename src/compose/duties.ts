import {
  type Captures,
  closeOverdue,
  createDuties,
  type Duties,
  type EnrolmentPorts,
  type EnrolmentProfile,
} from '../connector/index.ts'
import type { Store } from '../store/index.ts'
import type { Recovery } from './recovery.ts'

const SECOND_MS = 1000
const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000

/** How soon a capture that an operator orders begins. */
const CAPTURE_LOOK_MS = 2 * SECOND_MS

/** How soon a denied request, or one whose time is over, gets its event where no device asks. */
const OVERDUE_LOOK_MS = 10 * SECOND_MS

/** How long an outage may go unrecorded when nobody asks for readiness and no device comes. */
const HEALTH_EVERY_MS = 15 * SECOND_MS

/** Longer than any replay window, within which a strict profile looks its notification up again. */
const RETENTION_DAYS = 35

/** Begins what comes round whatever the configuration has. Others may add theirs. */
export function startDuties(parts: {
  readonly profiles: ReadonlyMap<string, EnrolmentProfile>
  readonly enrolmentPorts: EnrolmentPorts
  readonly recovery: Recovery
  readonly captures: Captures
  readonly store: Pick<Store, 'forget'>
  readonly checkHealth: () => Promise<unknown>
  readonly recordExpiring: () => void
}): Duties {
  const { profiles, enrolmentPorts, recovery, captures, store } = parts
  const { journal, clock } = enrolmentPorts
  const duties = createDuties(journal)
  duties.add('open intents', 10 * MINUTE_MS, async () => await recovery.closeIntents())
  duties.add('requests that wait', OVERDUE_LOOK_MS, async () => {
    await closeOverdue(profiles, enrolmentPorts)
  })
  duties.add('health', HEALTH_EVERY_MS, parts.checkHealth)
  duties.add('captures', CAPTURE_LOOK_MS, async () => await captures.refresh())
  duties.add('retention', HOUR_MS, async () => {
    await store.forget(new Date(clock.now().getTime() - RETENTION_DAYS * DAY_MS))
  })
  duties.add('ends of certificates', DAY_MS, async () => parts.recordExpiring())
  return duties
}
