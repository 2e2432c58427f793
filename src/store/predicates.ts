import { sql } from 'kysely'

// SQLite uses a partial index only for a query that repeats the predicate of the index word by word, with literals
// instead of parameters. Index and queries take it from here.

/** Intents that wait for their certificate. */
export const isOpenIntent = sql<boolean>`state = 'reserved'`

/** Revoked certificates. */
export const isRevoked = sql<boolean>`state = 'revoked'`

/** Notifications that are still tried. */
export const isToBeSent = sql<boolean>`state in ('due', 'exhausted')`

/** Notifications that Intune has not confirmed, given up or not. */
export const isUndelivered = sql<boolean>`state in ('due', 'exhausted', 'failed')`
