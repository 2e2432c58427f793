import type { Kysely } from 'kysely'
import type { SqlDialect } from '../sql-dialect.ts'

/** Since when revocations wait for a CRL that lists them. */
export async function createRevocationInformation(
  db: Kysely<unknown>,
  { integerType }: SqlDialect,
): Promise<void> {
  await db.schema.alterTable('crl_number').addColumn('outdated_since', integerType).execute()
}
