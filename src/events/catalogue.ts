import { connectorEvents } from './connector-events.ts'
import { microsoftEvents } from './microsoft-events.ts'
import type { EventDefinition } from './types.ts'

/**
 * Every event, by name. `ScepRequestSuccess` is the same entry as the misspelt `ScrepRequestSuccess`; records carry the
 * published name.
 */
export const events = {
  ...connectorEvents,
  ...microsoftEvents,
  ScepRequestSuccess: microsoftEvents.ScrepRequestSuccess,
} as const satisfies Record<string, EventDefinition>

/** Every event once, by rising ID. */
export const catalogue: readonly EventDefinition[] = [
  ...new Set<EventDefinition>(Object.values(events)),
].sort((a, b) => a.id - b.id)

const byId = new Map(catalogue.map((entry) => [entry.id, entry]))

/** The event with this ID; undefined when there is none. */
export function findEvent(id: number): EventDefinition | undefined {
  return byId.get(id)
}

/** The ID as four digits, as documents and lists show it. */
export function formatEventId(id: number): string {
  return String(id).padStart(4, '0')
}
