import type { Selectable } from 'kysely'
import { toDate } from './certificate-rows.ts'
import { isOpenWork, isUnrecordedWork } from './predicates.ts'
import { prepareQuery } from './prepared-query.ts'
import type { WorkItemTable } from './schema.ts'
import type { SqlDialect } from './sql-dialect.ts'
import type { ReceivedWork, WorkRecord, WorkState } from './work-port.ts'

/** Columns that a received item fills. */
export function encodeReceived(item: ReceivedWork) {
  return {
    id: item.id,
    queue: item.queue,
    context_hash: item.contextHash,
    attempt: item.attempt,
    payload: item.payload,
    received_at: item.receivedAt.getTime(),
  }
}

/** Reads a row. */
export function parseWorkRow(row: Selectable<WorkItemTable>): WorkRecord {
  return {
    id: row.id,
    queue: row.queue,
    contextHash: row.context_hash,
    attempt: row.attempt,
    payload: row.payload ?? undefined,
    progress: row.progress ?? undefined,
    result: row.result ?? undefined,
    summary: row.summary ?? undefined,
    state: row.state,
    tries: row.tries,
    lastError: row.last_error ?? undefined,
    receivedAt: new Date(row.received_at),
    openedAt: new Date(row.opened_at),
    dueAt: new Date(row.due_at),
    closedAt: toDate(row.closed_at),
    isRecorded: row.is_recorded === 1,
  }
}

const isFree = { holder: null, lease_until: null }

/** The queries of the work items, compiled once. Closed rows stay for a while, so none of them may walk the table. */
export function prepareWorkQueries(dialect: SqlDialect) {
  const { compiler: db } = dialect
  return {
    receive: prepareQuery((slots: ReturnType<typeof encodeReceived>) =>
      db
        .insertInto('work_item')
        .values({
          id: slots.id,
          queue: slots.queue,
          context_hash: slots.context_hash,
          attempt: slots.attempt,
          payload: slots.payload,
          state: 'received',
          tries: 0,
          received_at: slots.received_at,
          opened_at: slots.received_at,
          due_at: slots.received_at,
          is_recorded: 0,
        })
        .onConflict((conflict) =>
          conflict
            .columns(['queue', 'context_hash'])
            .doUpdateSet((eb) => {
              const hasEnded = eb('work_item.state', 'in', ['returned', 'closed'])
              return {
                attempt: eb.ref('excluded.attempt'),
                payload: eb.ref('excluded.payload'),
                state: eb
                  .case()
                  .when(hasEnded)
                  .then<WorkState>('received')
                  .else(eb.ref('work_item.state'))
                  .end(),
                tries: eb.case().when(hasEnded).then(0).else(eb.ref('work_item.tries')).end(),
                opened_at: eb
                  .case()
                  .when(hasEnded)
                  .then(eb.ref('excluded.opened_at'))
                  .else(eb.ref('work_item.opened_at'))
                  .end(),
                due_at: eb
                  .case()
                  .when(hasEnded)
                  .then(eb.ref('excluded.due_at'))
                  .else(eb.ref('work_item.due_at'))
                  .end(),
                summary: eb
                  .case()
                  .when(hasEnded)
                  .then(null)
                  .else(eb.ref('work_item.summary'))
                  .end(),
                closed_at: null,
              }
            })
            .where((eb) => eb(eb.ref('excluded.attempt'), '>=', eb.ref('work_item.attempt'))),
        )
        .returning(['id', 'opened_at']),
    ),
    claim: prepareQuery(
      (slots: {
        readonly queue: string
        readonly state: WorkState
        readonly holder: string
        readonly now: number
        readonly leaseUntil: number
        readonly limit: number
      }) =>
        db
          .updateTable('work_item')
          .set({ holder: slots.holder, lease_until: slots.leaseUntil })
          .where('id', 'in', (query) =>
            dialect.skipLocked(
              query
                .selectFrom('work_item')
                .select('id')
                .where(isOpenWork)
                .where('state', '=', slots.state)
                .where('queue', '=', slots.queue)
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
    prolong: prepareQuery(
      (slots: { readonly id: string; readonly holder: string; readonly leaseUntil: number }) =>
        db
          .updateTable('work_item')
          .set({ lease_until: slots.leaseUntil })
          .where('id', '=', slots.id)
          .where('holder', '=', slots.holder),
    ),
    advance: prepareQuery(
      (slots: { readonly id: string; readonly holder: string; readonly progress: Uint8Array }) =>
        db
          .updateTable('work_item')
          .set({ progress: slots.progress })
          .where('id', '=', slots.id)
          .where('holder', '=', slots.holder),
    ),
    finish: prepareQuery(
      (slots: {
        readonly id: string
        readonly holder: string
        readonly result: Uint8Array
        readonly summary: string
        readonly at: number
      }) =>
        db
          .updateTable('work_item')
          .set({
            ...isFree,
            state: 'finished',
            result: slots.result,
            summary: slots.summary,
            tries: 0,
            last_error: null,
            due_at: slots.at,
          })
          .where('id', '=', slots.id)
          .where('state', '=', 'received')
          .where('holder', '=', slots.holder),
    ),
    postpone: prepareQuery(
      (slots: {
        readonly id: string
        readonly holder: string
        readonly dueAt: number
        readonly error: string
      }) =>
        db
          .updateTable('work_item')
          .set(({ eb }) => ({
            ...isFree,
            due_at: slots.dueAt,
            last_error: slots.error,
            tries: eb('tries', '+', 1),
          }))
          .where('id', '=', slots.id)
          .where('holder', '=', slots.holder),
    ),
    free: prepareQuery((slots: { readonly id: string; readonly holder: string }) =>
      db
        .updateTable('work_item')
        .set(isFree)
        .where('id', '=', slots.id)
        .where('holder', '=', slots.holder),
    ),
    giveBack: prepareQuery(
      (slots: {
        readonly id: string
        readonly holder: string
        readonly dueAt: number
        readonly summary: string | null
        readonly attempt: number
      }) =>
        db
          .updateTable('work_item')
          .set((eb) => {
            const hasComeAgain = eb('attempt', '>', slots.attempt)
            return {
              ...isFree,
              state: eb
                .case()
                .when(hasComeAgain)
                .then<WorkState>('received')
                .else<WorkState>('returned')
                .end(),
              result: null,
              due_at: eb
                .case()
                .when(hasComeAgain)
                .then(eb.ref('opened_at'))
                .else(slots.dueAt)
                .end(),
              summary: eb.fn.coalesce(eb.val(slots.summary), eb.ref('summary')),
            }
          })
          .where('id', '=', slots.id)
          .where('holder', '=', slots.holder),
    ),
    /** Its holder stays: the Admin event is theirs to write. */
    close: prepareQuery(
      (slots: {
        readonly id: string
        readonly holder: string
        readonly at: number
        readonly summary: string | null
      }) =>
        db
          .updateTable('work_item')
          .set((eb) => ({
            lease_until: null,
            state: 'closed',
            payload: null,
            progress: null,
            result: null,
            closed_at: slots.at,
            summary: eb.fn.coalesce(eb.val(slots.summary), eb.ref('summary')),
          }))
          .where('id', '=', slots.id)
          .where('holder', '=', slots.holder),
    ),
    listUnrecorded: prepareQuery(
      (slots: { readonly queue: string; readonly holder: string; readonly limit: number }) =>
        db
          .selectFrom('work_item')
          .selectAll()
          .where(isUnrecordedWork)
          .where('queue', '=', slots.queue)
          .where('holder', '=', slots.holder)
          .orderBy('closed_at')
          .limit(slots.limit),
    ),
    markRecorded: prepareQuery((slots: { readonly id: string }) =>
      db.updateTable('work_item').set({ is_recorded: 1 }).where('id', '=', slots.id),
    ),
    releaseLeases: prepareQuery((slots: { readonly queue: string; readonly holder: string }) =>
      db
        .updateTable('work_item')
        .set(isFree)
        .where(isOpenWork)
        .where('queue', '=', slots.queue)
        .where('holder', '=', slots.holder),
    ),
    find: prepareQuery((slots: { readonly queue: string; readonly contextHash: string }) =>
      db
        .selectFrom('work_item')
        .selectAll()
        .where('queue', '=', slots.queue)
        .where('context_hash', '=', slots.contextHash),
    ),
    depth: prepareQuery((slots: { readonly queue: string }) =>
      db
        .selectFrom('work_item')
        .select(({ fn }) => [
          'state',
          fn.countAll<number>().as('rows'),
          fn.min('opened_at').as('oldest'),
        ])
        .where(isOpenWork)
        .where('queue', '=', slots.queue)
        .groupBy('state'),
    ),
  }
}
