import type { EventRecord } from '../../src/events/index.ts'

/** Downloads and uploads that went well: events of all their items, so of one item only where it came alone. */
const OF_A_BATCH: ReadonlySet<number> = new Set([1002, 1100, 1202, 1300, 2100, 2202, 3002, 3100])

/** What events of one transaction tell of its item, whatever else was downloaded and uploaded with it. */
export function withoutBatches(events: readonly EventRecord[]): readonly EventRecord[] {
  return events.filter(({ eventId }) => !OF_A_BATCH.has(eventId))
}
