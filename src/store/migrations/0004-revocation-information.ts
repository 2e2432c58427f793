import type { Kysely } from 'kysely'
import { isCompromised } from '../predicates.ts'
import type { SqlDialect } from '../sql-dialect.ts'

/** Since when revocations wait for a CRL that lists them, and which keys must never be certified again. */
export async function createRevocationInformation(
  db: Kysely<unknown>,
  { integerType }: SqlDialect,
): Promise<void> {
  await db.schema.alterTable('crl_number').addColumn('outdated_since', integerType).execute()
  await db.schema
    .createIndex('certificate_compromised')
    .on('certificate')
    .column('spki_der')
    .where(isCompromised)
    .execute()
}
