import { type Kysely, sql } from 'kysely'
import { isOpenWork, isUnrecordedWork } from '../predicates.ts'
import type { SqlDialect } from '../sql-dialect.ts'

/** Items of the work queues: what was downloaded, what came of it, and whether the service knows. */
export async function createWorkItems(db: Kysely<unknown>, dialect: SqlDialect): Promise<void> {
  const { bytesType, integerType } = dialect
  await dialect
    .finishTable(
      db.schema
        .createTable('work_item')
        .addColumn('id', 'text', (column) => column.notNull().primaryKey())
        .addColumn('queue', 'text', (column) => column.notNull())
        .addColumn('context_hash', 'text', (column) => column.notNull())
        .addColumn('attempt', integerType, (column) => column.notNull())
        .addColumn('payload', bytesType)
        .addColumn('progress', bytesType)
        .addColumn('result', bytesType)
        .addColumn('summary', 'text')
        .addColumn('state', 'text', (column) =>
          column.notNull().check(sql`state in ('received', 'finished', 'returned', 'closed')`),
        )
        .addColumn('tries', 'integer', (column) => column.notNull())
        .addColumn('last_error', 'text')
        .addColumn('holder', 'text')
        .addColumn('lease_until', integerType)
        .addColumn('received_at', integerType, (column) => column.notNull())
        .addColumn('opened_at', integerType, (column) => column.notNull())
        .addColumn('due_at', integerType, (column) => column.notNull())
        .addColumn('closed_at', integerType)
        .addColumn('is_recorded', 'integer', (column) => column.notNull())
        .addUniqueConstraint('work_item_context', ['queue', 'context_hash']),
    )
    .execute()
  await db.schema
    .createIndex('work_item_open')
    .on('work_item')
    .columns(['state', 'queue', 'due_at'])
    .where(isOpenWork)
    .execute()
  await db.schema
    .createIndex('work_item_unrecorded')
    .on('work_item')
    .columns(['queue', 'closed_at'])
    .where(isUnrecordedWork)
    .execute()
  await db.schema
    .createIndex('work_item_closed')
    .on('work_item')
    .column('closed_at')
    .where(sql`closed_at`, 'is not', null)
    .execute()
}
