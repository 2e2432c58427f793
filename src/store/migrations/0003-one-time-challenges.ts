import { type Kysely, sql } from 'kysely'
import type { SqlDialect } from '../sql-dialect.ts'

/** Challenges that may be used once. */
export async function createOneTimeChallenges(
  db: Kysely<unknown>,
  dialect: SqlDialect,
): Promise<void> {
  const { integerType } = dialect
  await dialect
    .finishTable(
      db.schema
        .createTable('one_time_challenge')
        .addColumn('hash_hex', 'text', (column) => column.notNull().primaryKey())
        .addColumn('profile', 'text', (column) => column.notNull())
        .addColumn('origin', 'text', (column) =>
          column.notNull().check(sql`origin in ('page', 'api')`),
        )
        .addColumn('created_at', integerType, (column) => column.notNull())
        .addColumn('expires_at', integerType, (column) => column.notNull())
        .addColumn('bound_key', 'text')
        .addColumn('bound_at', integerType),
    )
    .execute()
  await db.schema
    .createIndex('one_time_challenge_bound')
    .on('one_time_challenge')
    .column('bound_key')
    .where(sql`bound_key`, 'is not', null)
    .execute()
  await db.schema
    .createIndex('one_time_challenge_unused')
    .on('one_time_challenge')
    .columns(['profile', 'origin', 'expires_at'])
    .where(sql`bound_key`, 'is', null)
    .execute()
  await db.schema
    .createIndex('one_time_challenge_expiry')
    .on('one_time_challenge')
    .column('expires_at')
    .execute()
}
