import type { Selectable } from 'kysely'
import { toDate } from './certificate-rows.ts'
import type { NotificationRecord, NotificationState, OwedNotification } from './ports.ts'
import { isToBeSent, isUndelivered, isUntrue } from './predicates.ts'
import { prepareQuery } from './prepared-query.ts'
import type { NotificationTable } from './schema.ts'
import type { SqlDialect } from './sql-dialect.ts'

/** A row as it is read. */
export type NotificationRow = Selectable<NotificationTable>

/** Columns that an owed notification fills. */
export function encodeOwed(owed: OwedNotification) {
  return {
    id: owed.id,
    kind: owed.kind,
    profile: owed.profile,
    transaction_id: owed.transactionId,
    request_id: owed.requestId ?? null,
    serial_hex: owed.serialHex,
    thumbprint_hex: owed.thumbprintHex,
    payload: owed.payload,
    created_at: owed.createdAt.getTime(),
    due_at: owed.dueAt.getTime(),
  }
}

/** Reads what `encodeOwed` and the statements of the outbox wrote. */
export function parseNotificationRow(row: NotificationRow): NotificationRecord {
  return {
    id: row.id,
    kind: row.kind,
    profile: row.profile,
    transactionId: row.transaction_id,
    requestId: row.request_id ?? undefined,
    serialHex: row.serial_hex,
    thumbprintHex: row.thumbprint_hex,
    payload: row.payload,
    createdAt: new Date(row.created_at),
    dueAt: new Date(row.due_at),
    state: row.state,
    attempts: row.attempts,
    leaseUntil: toDate(row.lease_until),
    lastError: row.last_error ?? undefined,
    deliveredAt: toDate(row.delivered_at),
  }
}

/** The queries of the outbox, compiled once. Delivered rows stay, so none of them may walk the table. */
export function prepareOutboxQueries(dialect: SqlDialect) {
  const { compiler: db } = dialect
  return {
    /** Does nothing when the notification is there already. */
    insertOwed: prepareQuery((slots: ReturnType<typeof encodeOwed>) =>
      db
        .insertInto('notification')
        .values({
          id: slots.id,
          kind: slots.kind,
          profile: slots.profile,
          transaction_id: slots.transaction_id,
          request_id: slots.request_id,
          serial_hex: slots.serial_hex,
          thumbprint_hex: slots.thumbprint_hex,
          payload: slots.payload,
          created_at: slots.created_at,
          due_at: slots.due_at,
          state: 'due',
          attempts: 0,
        })
        .onConflict((conflict) => conflict.column('id').doNothing()),
    ),
    claimDue: prepareQuery(
      (slots: {
        readonly holder: string
        readonly now: number
        readonly leaseUntil: number
        readonly limit: number
      }) =>
        db
          .updateTable('notification')
          .set({ holder: slots.holder, lease_until: slots.leaseUntil })
          .where('id', 'in', (query) =>
            dialect.skipLocked(
              query
                .selectFrom('notification')
                .select('id')
                .where(isToBeSent)
                .where('due_at', '<=', slots.now)
                .where((where) =>
                  where.or([
                    where('lease_until', 'is', null),
                    where('lease_until', '<=', slots.now),
                  ]),
                )
                .orderBy('due_at')
                .limit(slots.limit),
            ),
          )
          .returningAll(),
    ),
    claim: prepareQuery(
      (slots: {
        readonly id: string
        readonly holder: string
        readonly now: number
        readonly leaseUntil: number
      }) =>
        db
          .updateTable('notification')
          .set({ holder: slots.holder, lease_until: slots.leaseUntil })
          .where('id', '=', slots.id)
          .where('state', '!=', 'delivered')
          .where((where) =>
            where.or([
              where('holder', '=', slots.holder),
              where('lease_until', 'is', null),
              where('lease_until', '<=', slots.now),
            ]),
          )
          .returningAll(),
    ),
    markDelivered: prepareQuery(
      (slots: { readonly id: string; readonly holder: string; readonly at: number }) =>
        db
          .updateTable('notification')
          .set({ state: 'delivered', delivered_at: slots.at, holder: null, lease_until: null })
          .where('id', '=', slots.id)
          .where('holder', '=', slots.holder)
          .where('state', '!=', 'delivered'),
    ),
    markAttempt: prepareQuery(
      (slots: {
        readonly id: string
        readonly holder: string
        readonly state: NotificationState
        readonly dueAt: number
        readonly error: string
      }) =>
        db
          .updateTable('notification')
          .set(({ eb }) => ({
            state: slots.state,
            due_at: slots.dueAt,
            last_error: slots.error,
            attempts: eb('attempts', '+', 1),
            holder: null,
            lease_until: null,
          }))
          .where('id', '=', slots.id)
          .where('holder', '=', slots.holder)
          .where('state', '!=', 'delivered'),
    ),
    releaseLeases: prepareQuery((slots: { readonly holder: string }) =>
      db
        .updateTable('notification')
        .set({ holder: null, lease_until: null })
        .where(isUndelivered)
        .where('holder', '=', slots.holder),
    ),
    find: prepareQuery((slots: { readonly id: string }) =>
      db.selectFrom('notification').selectAll().where('id', '=', slots.id),
    ),
    listUndelivered: prepareQuery(
      (slots: { readonly state: NotificationState; readonly limit: number }) =>
        db
          .selectFrom('notification')
          .selectAll()
          .where(isUndelivered)
          .where('state', '=', slots.state)
          .orderBy('created_at')
          .limit(slots.limit),
    ),
    listDelivered: prepareQuery((slots: { readonly limit: number }) =>
      db
        .selectFrom('notification')
        .selectAll()
        .where('delivered_at', 'is not', null)
        .orderBy('delivered_at')
        .limit(slots.limit),
    ),
    listLastDelivered: prepareQuery((slots: { readonly limit: number }) =>
      db
        .selectFrom('notification')
        .selectAll()
        .where('delivered_at', 'is not', null)
        .orderBy('delivered_at', 'desc')
        .limit(slots.limit),
    ),
    redeliverOne: prepareQuery((slots: { readonly id: string; readonly now: number }) =>
      db
        .updateTable('notification')
        .set({ due_at: slots.now })
        .where('id', '=', slots.id)
        .where('state', '!=', 'delivered')
        .where((where) => where.not(isUntrue)),
    ),
    redeliverAll: prepareQuery((slots: { readonly now: number }) =>
      db
        .updateTable('notification')
        .set({ due_at: slots.now })
        .where(isUndelivered)
        .where((where) => where.not(isUntrue)),
    ),
    /** What was given up is tried again as what is tried rarely. */
    resumeOne: prepareQuery((slots: { readonly id: string }) =>
      db
        .updateTable('notification')
        .set({ state: 'exhausted' })
        .where('id', '=', slots.id)
        .where('state', '=', 'failed')
        .where((where) => where.not(isUntrue)),
    ),
    resumeAll: prepareQuery((_slots: Record<never, never>) =>
      db
        .updateTable('notification')
        .set({ state: 'exhausted' })
        .where(isUndelivered)
        .where('state', '=', 'failed')
        .where((where) => where.not(isUntrue)),
    ),
    depth: prepareQuery((_slots: Record<never, never>) =>
      db
        .selectFrom('notification')
        .select(({ fn }) => [
          'state',
          fn.countAll<number>().as('rows'),
          fn.min('created_at').as('oldest'),
        ])
        .where(isUndelivered)
        .groupBy('state'),
    ),
  }
}
