import type { CrlRules, CrlSchedule } from '../ca/index.ts'
import type { Configuration } from '../config/index.ts'

const HOUR_MS = 3_600_000

type CrlSettings = Configuration['ca'][number]['crl']

/** What an embedded CA publishes, from configuration. */
export function crlRulesOf({ delta, publishEveryHours, shards, validityHours }: CrlSettings) {
  return {
    validityHours,
    shards,
    // Twice the time to the next one: a client that keeps a delta to its end finds another in time.
    delta: delta.enabled
      ? { validityHours: 2 * delta.everyHours, baseHours: publishEveryHours }
      : undefined,
  } satisfies CrlRules
}

/** When it publishes. Deltas are published together with the complete CRLs that say the same. */
export function crlScheduleOf({
  debounceSeconds,
  delta,
  publishEveryHours,
  shards,
}: CrlSettings): CrlSchedule {
  const hours = delta.enabled ? Math.min(publishEveryHours, delta.everyHours) : publishEveryHours
  return {
    everyMs: hours * HOUR_MS,
    debounceMs: debounceSeconds * 1000,
    shards,
    hasDelta: delta.enabled,
  }
}
