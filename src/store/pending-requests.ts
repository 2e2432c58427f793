import type { Selectable } from 'kysely'
import { toDate } from './certificate-rows.ts'
import type { PendingRecord, PendingRequest, PendingRequests, PendingState } from './ports.ts'
import { isOpen, oneRow } from './predicates.ts'
import { prepareQuery } from './prepared-query.ts'
import type { PendingRequestTable } from './schema.ts'
import type { SqlDialect } from './sql-dialect.ts'
import type { SqlExecutor } from './sql-executor.ts'

/** Requests that wait, over SQL. */
export function createPendingRequests(executor: SqlExecutor, dialect: SqlDialect): PendingRequests {
  const queries = preparePendingQueries(dialect)

  async function findByRequestKey(requestKey: string, since: Date) {
    const [row] = await executor.read(
      queries.findByRequestKey({ requestKey, since: since.getTime() }),
    )
    return row === undefined ? undefined : parseRow(row)
  }

  return {
    async keep(request, since, maxOpen) {
      const kept = await findByRequestKey(request.requestKey, since)
      if (kept !== undefined) return kept
      const [count] = await executor.read(queries.countOpen({ profile: request.profile }))
      if ((count?.rows ?? 0) >= maxOpen) return 'full'
      await executor.write([queries.keep({ ...encode(request), since: since.getTime() })])
      return (await findByRequestKey(request.requestKey, since)) ?? 'full'
    },

    findByRequestKey,

    async findByTransaction(profile, transactionId, signerKeyHex, since) {
      const [row] = await executor.read(
        queries.findByTransaction({
          profile,
          transactionId,
          signerKeyHex,
          since: since.getTime(),
        }),
      )
      return row === undefined ? undefined : parseRow(row)
    },

    async find(id) {
      const [row] = await executor.read(queries.find({ id }))
      return row === undefined ? undefined : parseRow(row)
    },

    async list(states, limit) {
      const lists = await Promise.all(
        states.map(async (state) => await executor.read(queries.listByState({ state, limit }))),
      )
      return lists
        .flat()
        .map(parseRow)
        .sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime())
        .slice(0, limit)
    },

    async decide(id, { state, reason, at }) {
      const outcome = await executor.write([
        queries.decide({ id, state, reason: reason ?? null, at: at.getTime() }),
      ])
      return outcome.kind === 'done' && outcome.results[0].affected === 1
    },

    async close(id, { state, reason, at }) {
      const outcome = await executor.write([
        queries.close({ id, state, reason: reason ?? null, at: at.getTime() }),
      ])
      return outcome.kind === 'done' && outcome.results[0].affected === 1
    },

    async listOverdue(now, limit) {
      const rows = await executor.read(queries.listOverdue({ now: now.getTime(), limit }))
      return rows.map(parseRow)
    },
  }
}

function encode(request: PendingRequest) {
  return {
    id: request.id,
    request_key: request.requestKey,
    profile: request.profile,
    transaction_id: request.transactionId,
    signer_key_hex: request.signerKeyHex,
    subject: request.subject,
    alt_names: request.altNames,
    cause: request.cause,
    is_validated: request.isValidated ? 1 : 0,
    payload: request.payload,
    created_at: request.createdAt.getTime(),
    expires_at: request.expiresAt.getTime(),
  }
}

function parseRow(row: Selectable<PendingRequestTable>): PendingRecord {
  return {
    id: row.id,
    requestKey: row.request_key,
    profile: row.profile,
    transactionId: row.transaction_id,
    signerKeyHex: row.signer_key_hex,
    subject: row.subject,
    altNames: row.alt_names,
    cause: row.cause,
    isValidated: row.is_validated === 1,
    payload: row.payload,
    createdAt: new Date(row.created_at),
    expiresAt: new Date(row.expires_at),
    state: row.state,
    reason: row.reason ?? undefined,
    decidedAt: toDate(row.decided_at),
    closedAt: toDate(row.closed_at),
  }
}

/** The queries, compiled once. */
export function preparePendingQueries({ compiler: db }: SqlDialect) {
  return {
    /** What was answered before the replay window is another request by now, and makes room. */
    keep: prepareQuery((slots: ReturnType<typeof encode> & { readonly since: number }) => {
      const { since, ...columns } = {
        id: slots.id,
        request_key: slots.request_key,
        profile: slots.profile,
        transaction_id: slots.transaction_id,
        signer_key_hex: slots.signer_key_hex,
        subject: slots.subject,
        alt_names: slots.alt_names,
        cause: slots.cause,
        is_validated: slots.is_validated,
        payload: slots.payload,
        created_at: slots.created_at,
        expires_at: slots.expires_at,
        since: slots.since,
      }
      const fresh = {
        ...columns,
        state: 'waiting' as const,
        reason: null,
        decided_at: null,
        closed_at: null,
      }
      return db
        .insertInto('pending_request')
        .values(fresh)
        .onConflict((conflict) =>
          conflict
            .column('request_key')
            .doUpdateSet(fresh)
            .where('pending_request.created_at', '<', since),
        )
    }),
    countOpen: prepareQuery((slots: { readonly profile: string }) =>
      db
        .selectFrom('pending_request')
        .select(({ fn }) => fn.countAll<number>().as('rows'))
        .where(isOpen)
        .where('profile', '=', slots.profile),
    ),
    findByRequestKey: prepareQuery(
      (slots: { readonly requestKey: string; readonly since: number }) =>
        db
          .selectFrom('pending_request')
          .selectAll()
          .where('request_key', '=', slots.requestKey)
          .where('created_at', '>=', slots.since),
    ),
    findByTransaction: prepareQuery(
      (slots: {
        readonly profile: string
        readonly transactionId: string
        readonly signerKeyHex: string
        readonly since: number
      }) =>
        db
          .selectFrom('pending_request')
          .selectAll()
          .where('profile', '=', slots.profile)
          .where('transaction_id', '=', slots.transactionId)
          .where('signer_key_hex', '=', slots.signerKeyHex)
          .where('created_at', '>=', slots.since)
          .orderBy('created_at', 'desc')
          .limit(oneRow),
    ),
    find: prepareQuery((slots: { readonly id: string }) =>
      db.selectFrom('pending_request').selectAll().where('id', '=', slots.id),
    ),
    listByState: prepareQuery((slots: { readonly state: PendingState; readonly limit: number }) =>
      db
        .selectFrom('pending_request')
        .selectAll()
        .where('state', '=', slots.state)
        .orderBy('created_at')
        .limit(slots.limit),
    ),
    decide: prepareQuery(
      (slots: {
        readonly id: string
        readonly state: 'approved' | 'denied'
        readonly reason: string | null
        readonly at: number
      }) =>
        db
          .updateTable('pending_request')
          .set({ state: slots.state, reason: slots.reason, decided_at: slots.at })
          .where('id', '=', slots.id)
          .where('state', '=', 'waiting')
          .where('cause', '=', 'approval'),
    ),
    close: prepareQuery(
      (slots: {
        readonly id: string
        readonly state: 'issued' | 'failed'
        readonly reason: string | null
        readonly at: number
      }) =>
        db
          .updateTable('pending_request')
          .set({ state: slots.state, reason: slots.reason, closed_at: slots.at })
          .where('id', '=', slots.id)
          .where(isOpen),
    ),
    listOverdue: prepareQuery((slots: { readonly now: number; readonly limit: number }) =>
      db
        .selectFrom('pending_request')
        .selectAll()
        .where(isOpen)
        .where((where) =>
          where.or([where('state', '=', 'denied'), where('expires_at', '<=', slots.now)]),
        )
        .orderBy('created_at')
        .limit(slots.limit),
    ),
  }
}
