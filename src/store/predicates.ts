import { sql } from 'kysely'

// SQLite uses a partial index only for a query that repeats the predicate of the index word by word, with literals
// instead of parameters. Index and queries take it from here.

/** Notifications that are still tried. */
export const isToBeSent = sql<boolean>`state in ('due', 'exhausted')`

/** Notifications that Intune has not confirmed, given up or not. */
export const isUndelivered = sql<boolean>`state in ('due', 'exhausted', 'failed')`
