import { createJournal, type EventRecord, type RootJournal } from '../../src/events/index.ts'
import { type Clock, systemClock } from '../../src/kernel/index.ts'

/** A journal whose events a test can read; free-text debug lines are kept too, and left out of `eventIds`. */
export function recordedJournal(clock: Clock = systemClock): {
  readonly journal: RootJournal
  readonly records: readonly EventRecord[]
  readonly eventIds: (channel?: 'admin' | 'operational') => number[]
} {
  const records: EventRecord[] = []
  const journal = createJournal({
    identity: {
      connectorId: 'test',
      connectorName: 'test',
      connectorVersion: '0',
      machineName: 'test',
    },
    sinks: [
      {
        write: (record) => records.push(record),
        flush: async () => undefined,
        close: async () => undefined,
      },
    ],
    clock,
    debug: { admin: true, operational: true },
  })
  return {
    journal,
    records,
    eventIds: (channel) =>
      records
        .filter((record) => record.level !== 'debug')
        .filter((record) => channel === undefined || record.channel === channel)
        .map(({ eventId }) => eventId),
  }
}
