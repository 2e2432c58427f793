import { sql } from 'kysely'

// SQLite uses a partial index only for a query that repeats the predicate of the index word by word, with literals
// instead of parameters. Index and queries take it from here.

/** Notifications that are still tried. */
export const isToBeSent = sql<boolean>`state in ('due', 'exhausted')`

/** Notifications that Intune has not confirmed, given up or not. */
export const isUndelivered = sql<boolean>`state in ('due', 'exhausted', 'failed')`

/**
 * Given up, and its certificate revoked since (strict mode takes back what it could not tell): a success that has become
 * untrue, which nobody may tell any more.
 */
export const isUntrue = sql<boolean>`(state = 'failed' and kind = 'success' and exists (
  select 1 from certificate
  where certificate.serial_hex = notification.serial_hex and certificate.state = 'revoked'))`

/** Pending requests that have no answer yet. */
export const isOpen = sql<boolean>`state in ('waiting', 'approved', 'denied')`

/** Revoked because its private key is in other hands (CRLReason keyCompromise). */
export const isCompromised = sql<boolean>`revocation_reason = 1`

/**
 * A one-time challenge whose request has neither a certificate, nor an intent to sign one, nor a place among those that
 * wait.
 */
export const isUnissued = sql<boolean>`(
  not exists (select 1 from certificate where certificate.live_key = one_time_challenge.bound_key)
  and not exists (select 1 from pending_request
    where pending_request.request_key = one_time_challenge.bound_key
    and pending_request.state in ('waiting', 'approved', 'denied')))`

/** Work items that the service still waits for, or that wait for the service. */
export const isOpenWork = sql<boolean>`state in ('received', 'finished', 'returned')`

/** Closed work items whose Admin event may not be in the log yet. */
export const isUnrecordedWork = sql<boolean>`(state = 'closed' and is_recorded = 0)`

/** For a limit. As a parameter it would cost ten times the query: SQLite compiles one anew whose limit is bound. */
export const oneRow = sql.lit(1)
