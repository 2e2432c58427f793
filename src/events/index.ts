/** What operators see: the catalogue of event IDs, the journal, and its sinks. */
export type * from './types.ts'
