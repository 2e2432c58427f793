/** What operators see: the catalogue of event IDs, the journal, its sinks, and reading the logs back. Knows no request. */
export { catalogue, events, findEvent } from './catalogue.ts'
export { createConsoleSink, formatRecord } from './console-sink.ts'
export { describeEvents } from './document.ts'
export { createFileSink } from './file-sink.ts'
export { followEvents } from './follower.ts'
export { createJournal } from './journal.ts'
export {
  type EventQuery,
  listRecordedNotifications,
  type RecordedNotifications,
  readEvents,
} from './reader.ts'
export { encodeRecord, parseRecord } from './record-line.ts'
export type {
  Channel,
  EventDefinition,
  EventFields,
  EventRecord,
  EventSink,
  Journal,
  JournalIdentity,
  RootJournal,
  SinkRecovery,
} from './types.ts'
