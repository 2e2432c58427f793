import { parseNotificationRow, prepareOutboxQueries } from './outbox-queries.ts'
import type { NotificationState, Outbox } from './ports.ts'
import type { SqlDialect } from './sql-dialect.ts'
import type { SqlExecutor } from './sql-executor.ts'

/**
 * The outbox over SQL. Each claim and each mark is one statement that names the holder, so two instances cannot both win.
 */
export function createOutbox(executor: SqlExecutor, dialect: SqlDialect): Outbox {
  const queries = prepareOutboxQueries(dialect)

  return {
    async claimDue(holder, now, leaseUntil, limit) {
      const outcome = await executor.write([
        queries.claimDue({
          holder,
          now: now.getTime(),
          leaseUntil: leaseUntil.getTime(),
          limit,
        }),
      ])
      if (outcome.kind === 'conflict') return []
      const records = outcome.results[0].rows.map(parseNotificationRow)
      // RETURNING has no order.
      return records.sort((a, b) => a.dueAt.getTime() - b.dueAt.getTime())
    },

    async claim(id, holder, now, leaseUntil) {
      const outcome = await executor.write([
        queries.claim({ id, holder, now: now.getTime(), leaseUntil: leaseUntil.getTime() }),
      ])
      const row = outcome.kind === 'done' ? outcome.results[0].rows[0] : undefined
      return row === undefined ? undefined : parseNotificationRow(row)
    },

    async markDelivered(id, holder, at) {
      const outcome = await executor.write([
        queries.markDelivered({ id, holder, at: at.getTime() }),
      ])
      return outcome.kind === 'done' && outcome.results[0].affected === 1
    },

    async markAttempt(id, holder, { state, nextDueAt, error }) {
      const outcome = await executor.write([
        queries.markAttempt({ id, holder, state, dueAt: nextDueAt.getTime(), error }),
      ])
      return outcome.kind === 'done' && outcome.results[0].affected === 1
    },

    async releaseLeases(holder) {
      const outcome = await executor.write([queries.releaseLeases({ holder })])
      return outcome.kind === 'done' ? outcome.results[0].affected : 0
    },

    async find(id) {
      const [row] = await executor.read(queries.find({ id }))
      return row === undefined ? undefined : parseNotificationRow(row)
    },

    async list(states, limit) {
      const lists = await Promise.all(
        [...new Set(states)].map(async (state: NotificationState) =>
          state === 'delivered'
            ? await executor.read(queries.listDelivered({ limit }))
            : await executor.read(queries.listUndelivered({ state, limit })),
        ),
      )
      return lists
        .flat()
        .map(parseNotificationRow)
        .sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime())
        .slice(0, limit)
    },

    async listDelivered(limit) {
      const rows = await executor.read(queries.listLastDelivered({ limit }))
      return rows.map(parseNotificationRow)
    },

    async redeliver(now, id) {
      const at = now.getTime()
      const outcome = await executor.write(
        id === undefined
          ? [queries.redeliverAll({ now: at }), queries.resumeAll({})]
          : [queries.redeliverOne({ id, now: at }), queries.resumeOne({ id })],
      )
      return outcome.kind === 'done' ? outcome.results[0].affected : 0
    },

    async depth(now) {
      const rows = await executor.read(queries.depth({}))
      const count = (state: NotificationState): number =>
        rows.find((row) => row.state === state)?.rows ?? 0
      const oldest = Math.min(now.getTime(), ...rows.map((row) => row.oldest))
      return {
        due: count('due'),
        exhausted: count('exhausted'),
        failed: count('failed'),
        oldestAgeSeconds: (now.getTime() - oldest) / 1000,
      }
    },
  }
}
