import { type Kysely, sql } from 'kysely'
import { isOpen } from '../predicates.ts'
import type { SqlDialect } from '../sql-dialect.ts'

/** Requests that wait: for an approval, or for the end of an outage. */
export async function createPendingRequests(
  db: Kysely<unknown>,
  dialect: SqlDialect,
): Promise<void> {
  const { bytesType, integerType } = dialect
  await dialect
    .finishTable(
      db.schema
        .createTable('pending_request')
        .addColumn('id', 'text', (column) => column.notNull().primaryKey())
        .addColumn('request_key', 'text', (column) => column.notNull().unique())
        .addColumn('profile', 'text', (column) => column.notNull())
        .addColumn('transaction_id', 'text', (column) => column.notNull())
        .addColumn('signer_key_hex', 'text', (column) => column.notNull())
        .addColumn('subject', 'text', (column) => column.notNull())
        .addColumn('alt_names', 'text', (column) => column.notNull())
        .addColumn('cause', 'text', (column) =>
          column.notNull().check(sql`cause in ('approval', 'outage', 'slow')`),
        )
        .addColumn('is_validated', 'integer', (column) => column.notNull())
        .addColumn('payload', bytesType, (column) => column.notNull())
        .addColumn('state', 'text', (column) =>
          column
            .notNull()
            .check(sql`state in ('waiting', 'approved', 'denied', 'issued', 'failed')`),
        )
        .addColumn('reason', 'text')
        .addColumn('created_at', integerType, (column) => column.notNull())
        .addColumn('expires_at', integerType, (column) => column.notNull())
        .addColumn('decided_at', integerType)
        .addColumn('closed_at', integerType),
    )
    .execute()
  await db.schema
    .createIndex('pending_request_transaction')
    .on('pending_request')
    .columns(['profile', 'transaction_id', 'signer_key_hex'])
    .execute()
  await db.schema
    .createIndex('pending_request_open')
    .on('pending_request')
    .columns(['profile', 'expires_at'])
    .where(isOpen)
    .execute()
  await db.schema
    .createIndex('pending_request_state')
    .on('pending_request')
    .columns(['state', 'created_at'])
    .execute()
}
