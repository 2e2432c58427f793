import { type Kysely, sql } from 'kysely'
import { isToBeSent, isUndelivered } from '../predicates.ts'
import type { SqlDialect } from '../sql-dialect.ts'

/** Register, outbox, CRLs and leases: all that an enrolment needs. */
export async function createRegisterAndOutbox(
  db: Kysely<unknown>,
  dialect: SqlDialect,
): Promise<void> {
  await createRegister(db, dialect)
  await createOutbox(db, dialect)
  await createCrls(db, dialect)
  await createLeases(db, dialect)
}

async function createRegister(db: Kysely<unknown>, dialect: SqlDialect): Promise<void> {
  const { bytesType, integerType } = dialect
  await dialect
    .finishTable(
      db.schema
        .createTable('certificate')
        .addColumn('id', integerType, (column) => dialect.growingKey(column))
        .addColumn('serial_hex', 'text', (column) => column.notNull().unique())
        .addColumn('request_key', 'text', (column) => column.notNull())
        .addColumn('live_key', 'text')
        .addColumn('ca_id', 'text', (column) => column.notNull())
        .addColumn('profile', 'text', (column) => column.notNull())
        .addColumn('transaction_id', 'text', (column) => column.notNull())
        .addColumn('subject', 'text', (column) => column.notNull())
        .addColumn('subject_der', bytesType, (column) => column.notNull())
        .addColumn('spki_der', bytesType, (column) => column.notNull())
        .addColumn('not_before', integerType, (column) => column.notNull())
        .addColumn('order_not_after', integerType, (column) => column.notNull())
        .addColumn('extensions', 'text', (column) => column.notNull())
        .addColumn('state', 'text', (column) =>
          column.notNull().check(sql`state in ('reserved', 'issued', 'abandoned', 'revoked')`),
        )
        .addColumn('holder', 'text', (column) => column.notNull())
        .addColumn('lease_until', integerType, (column) => column.notNull())
        .addColumn('reserved_at', integerType, (column) => column.notNull())
        .addColumn('not_after', integerType, (column) => column.notNull())
        .addColumn('certificate_der', bytesType)
        .addColumn('issued_serial_hex', 'text')
        .addColumn('thumbprint_hex', 'text')
        .addColumn('backend_ref', 'text')
        .addColumn('issued_at', integerType)
        .addColumn('revoked_at', integerType)
        .addColumn('revocation_reason', 'integer')
        .addColumn('abandon_reason', 'text'),
    )
    .execute()
  await db.schema
    .createIndex('certificate_live_key')
    .unique()
    .on('certificate')
    .column('live_key')
    .where(sql`live_key`, 'is not', null)
    .execute()
  await db.schema
    .createIndex('certificate_issued_serial')
    .on('certificate')
    .column('issued_serial_hex')
    .where(sql`issued_serial_hex`, 'is not', null)
    .execute()
  await db.schema
    .createIndex('certificate_thumbprint')
    .on('certificate')
    .column('thumbprint_hex')
    .where(sql`thumbprint_hex`, 'is not', null)
    .execute()
  // The small states (open intents, revoked ones) are ranges of this index; the size of the whole is its size.
  await db.schema.createIndex('certificate_state').on('certificate').column('state').execute()
  await dialect
    .finishTable(
      db.schema
        .createTable('refusal')
        .addColumn('id', integerType, (column) => dialect.growingKey(column))
        .addColumn('at', integerType, (column) => column.notNull())
        .addColumn('request_key', 'text')
        .addColumn('profile', 'text', (column) => column.notNull())
        .addColumn('transaction_id', 'text', (column) => column.notNull())
        .addColumn('subject', 'text')
        .addColumn('code', 'text', (column) => column.notNull())
        .addColumn('reason', 'text', (column) => column.notNull()),
    )
    .execute()
}

async function createOutbox(db: Kysely<unknown>, dialect: SqlDialect): Promise<void> {
  const { bytesType, integerType } = dialect
  await dialect
    .finishTable(
      db.schema
        .createTable('notification')
        .addColumn('id', 'text', (column) => column.notNull().primaryKey())
        .addColumn('kind', 'text', (column) =>
          column.notNull().check(sql`kind in ('success', 'failure')`),
        )
        .addColumn('profile', 'text', (column) => column.notNull())
        .addColumn('transaction_id', 'text', (column) => column.notNull())
        .addColumn('serial_hex', 'text', (column) => column.notNull())
        .addColumn('thumbprint_hex', 'text', (column) => column.notNull())
        .addColumn('payload', bytesType, (column) => column.notNull())
        .addColumn('created_at', integerType, (column) => column.notNull())
        .addColumn('due_at', integerType, (column) => column.notNull())
        .addColumn('state', 'text', (column) =>
          column.notNull().check(sql`state in ('due', 'exhausted', 'delivered', 'failed')`),
        )
        .addColumn('attempts', 'integer', (column) => column.notNull())
        .addColumn('holder', 'text')
        .addColumn('lease_until', integerType)
        .addColumn('last_error', 'text')
        .addColumn('delivered_at', integerType),
    )
    .execute()
  await db.schema
    .createIndex('notification_to_be_sent')
    .on('notification')
    .column('due_at')
    .where(isToBeSent)
    .execute()
  await db.schema
    .createIndex('notification_undelivered')
    .on('notification')
    .columns(['state', 'created_at'])
    .where(isUndelivered)
    .execute()
  await db.schema
    .createIndex('notification_delivered')
    .on('notification')
    .column('delivered_at')
    .where(sql`delivered_at`, 'is not', null)
    .execute()
}

async function createCrls(db: Kysely<unknown>, dialect: SqlDialect): Promise<void> {
  const { bytesType, integerType } = dialect
  await dialect
    .finishTable(
      db.schema
        .createTable('crl_number')
        .addColumn('ca_id', 'text', (column) => column.notNull().primaryKey())
        .addColumn('number', integerType, (column) => column.notNull()),
    )
    .execute()
  await dialect
    .finishTable(
      db.schema
        .createTable('crl')
        .addColumn('ca_id', 'text', (column) => column.notNull().primaryKey())
        .addColumn('number', integerType, (column) => column.notNull())
        .addColumn('der', bytesType, (column) => column.notNull())
        .addColumn('this_update', integerType, (column) => column.notNull())
        .addColumn('next_update', integerType, (column) => column.notNull()),
    )
    .execute()
}

async function createLeases(db: Kysely<unknown>, dialect: SqlDialect): Promise<void> {
  await dialect
    .finishTable(
      db.schema
        .createTable('lease')
        .addColumn('name', 'text', (column) => column.notNull().primaryKey())
        .addColumn('holder', 'text', (column) => column.notNull())
        .addColumn('lease_until', dialect.integerType, (column) => column.notNull()),
    )
    .execute()
  await dialect
    .finishTable(
      db.schema
        .createTable('store_check')
        .addColumn('id', 'integer', (column) => column.notNull().primaryKey())
        .addColumn('token', 'text', (column) => column.notNull()),
    )
    .execute()
}
