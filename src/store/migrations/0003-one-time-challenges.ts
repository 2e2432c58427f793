import type { Kysely } from 'kysely'
import type { SqlDialect } from '../sql-dialect.ts'

/** Challenges that may be used once. */
export async function createOneTimeChallenges(
  _db: Kysely<unknown>,
  _dialect: SqlDialect,
): Promise<void> {}
