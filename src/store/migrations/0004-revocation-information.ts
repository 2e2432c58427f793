import type { Kysely } from 'kysely'
import type { SqlDialect } from '../sql-dialect.ts'

/** Scopes of CRLs, shards and holds of certificates. */
export async function createRevocationInformation(
  _db: Kysely<unknown>,
  _dialect: SqlDialect,
): Promise<void> {}
