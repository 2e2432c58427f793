import { type Kysely, sql } from 'kysely'
import { isCompromised } from '../predicates.ts'
import type { SqlDialect } from '../sql-dialect.ts'

/**
 * Since when revocations wait for a CRL that lists them, shards and delta CRLs, and which keys must never be certified
 * again.
 */
export async function createRevocationInformation(
  db: Kysely<unknown>,
  dialect: SqlDialect,
): Promise<void> {
  await db.schema
    .createIndex('certificate_compromised')
    .on('certificate')
    .column('spki_der')
    .where(isCompromised)
    .execute()
  const { bytesType, integerType } = dialect
  for (const column of ['outdated_since', 'shards', 'base_number', 'base_at'])
    await db.schema.alterTable('crl_number').addColumn(column, integerType).execute()
  for (const column of ['crl_shard', 'changed_after_crl'])
    await db.schema.alterTable('certificate').addColumn(column, integerType).execute()
  await db.schema
    .createIndex('certificate_changed')
    .on('certificate')
    .columns(['ca_id', 'changed_after_crl'])
    .where(sql`changed_after_crl`, 'is not', null)
    .execute()
  // CRLs of before are not kept: the connector signs one at its start. Their bytes stand last, so that what stands
  // before them is read without them.
  await db.schema.dropTable('crl').execute()
  await dialect
    .finishTable(
      db.schema
        .createTable('crl')
        .addColumn('ca_id', 'text', (column) => column.notNull())
        .addColumn('part', 'text', (column) => column.notNull())
        .addColumn('number', integerType, (column) => column.notNull())
        .addColumn('this_update', integerType, (column) => column.notNull())
        .addColumn('next_update', integerType, (column) => column.notNull())
        .addColumn('der', bytesType, (column) => column.notNull())
        .addPrimaryKeyConstraint('crl_part', ['ca_id', 'part']),
    )
    .execute()
}
