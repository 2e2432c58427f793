import type { Kysely } from 'kysely'
import type { SqlDialect } from '../sql-dialect.ts'

/** Requests that wait: for an approval, for a CA, for the end of an outage. */
export async function createPendingRequests(
  _db: Kysely<unknown>,
  _dialect: SqlDialect,
): Promise<void> {}
