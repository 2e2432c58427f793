/** What operators see: the catalogue of event IDs, the journal, its sinks, and reading the logs back. Knows no request. */
export { catalogue, events, findEvent, formatEventId } from './catalogue.ts'
export { type ConsoleSinkOptions, createConsoleSink, formatRecord } from './console-sink.ts'
export { describeEvents } from './document.ts'
export { createFileSink, type FileSink, type FileSinkOptions } from './file-sink.ts'
export { type FollowOptions, followEvents } from './follower.ts'
export { createJournal, type JournalOptions } from './journal.ts'
export {
  type EventQuery,
  listRecordedNotifications,
  type RecordedNotifications,
  readEvents,
} from './reader.ts'
export { encodeRecord, parseRecord } from './record-line.ts'
export type * from './types.ts'
