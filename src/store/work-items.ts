import type { SqlDialect } from './sql-dialect.ts'
import type { SqlExecutor, Statement } from './sql-executor.ts'
import type { WorkItems } from './work-port.ts'
import { encodeReceived, parseWorkRow, prepareWorkQueries } from './work-queries.ts'

/** The journal of the work queues over SQL. Whatever changes an item names its holder, so two instances cannot both win. */
export function createWorkItems(executor: SqlExecutor, dialect: SqlDialect): WorkItems {
  const queries = prepareWorkQueries(dialect)

  async function writeEach(statements: readonly Statement[]): Promise<readonly number[]> {
    if (statements.length === 0) return []
    const outcome = await executor.write(statements)
    return outcome.kind === 'done' ? outcome.results.map(({ affected }) => affected) : []
  }

  /** Of these, the ones whose statement found its row. */
  async function changed(
    ids: readonly string[],
    statementOf: (id: string) => Statement,
  ): Promise<readonly string[]> {
    const affected = await writeEach(ids.map(statementOf))
    return ids.filter((_, index) => affected[index] === 1)
  }

  return {
    async receive(items) {
      if (items.length === 0) return []
      const outcome = await executor.write(
        items.map((item) => queries.receive(encodeReceived(item))),
      )
      if (outcome.kind === 'conflict') return []
      return items.flatMap((item, index) => {
        const row = outcome.results[index]?.rows[0]
        if (row === undefined) return []
        const isOpened = row.opened_at === item.receivedAt.getTime()
        const kind = row.id === item.id ? 'new' : isOpened ? 'again' : 'known'
        return [{ id: row.id, contextHash: item.contextHash, kind } as const]
      })
    },

    async claim(queue, state, { holder, now, until }, limit) {
      const outcome = await executor.write([
        queries.claim({
          queue,
          state,
          holder,
          now: now.getTime(),
          leaseUntil: until.getTime(),
          limit,
        }),
      ])
      if (outcome.kind === 'conflict') return []
      // RETURNING has no order.
      return outcome.results[0].rows
        .map(parseWorkRow)
        .sort((a, b) => a.dueAt.getTime() - b.dueAt.getTime())
    },

    prolong: async (ids, holder, until) =>
      await changed(ids, (id) => queries.prolong({ id, holder, leaseUntil: until.getTime() })),

    advance: async (id, holder, progress) =>
      (await writeEach([queries.advance({ id, holder, progress })]))[0] === 1,

    finish: async (id, holder, { result, summary, at }) =>
      (await writeEach([queries.finish({ id, holder, result, summary, at: at.getTime() })]))[0] ===
      1,

    async postpone(ids, holder, { dueAt, error }) {
      await writeEach(
        ids.map((id) => queries.postpone({ id, holder, dueAt: dueAt.getTime(), error })),
      )
    },

    async free(ids, holder) {
      await writeEach(ids.map((id) => queries.free({ id, holder })))
    },

    settle: async (ids, holder, end) =>
      await changed(ids, (id) => {
        const { summary = null } = end
        return end.state === 'returned'
          ? queries.giveBack({
              id,
              holder,
              dueAt: end.dueAt.getTime(),
              summary,
              attempt: end.attempt ?? Number.MAX_SAFE_INTEGER,
            })
          : queries.close({ id, holder, at: end.at.getTime(), summary })
      }),

    async listUnrecorded(queue, holder, limit) {
      return (await executor.read(queries.listUnrecorded({ queue, holder, limit }))).map(
        parseWorkRow,
      )
    },

    async markRecorded(ids) {
      await writeEach(ids.map((id) => queries.markRecorded({ id })))
    },

    async releaseLeases(queue, holder) {
      const [affected] = await writeEach([queries.releaseLeases({ queue, holder })])
      return affected ?? 0
    },

    async find(queue, contextHash) {
      const [row] = await executor.read(queries.find({ queue, contextHash }))
      return row === undefined ? undefined : parseWorkRow(row)
    },

    async depth(queue) {
      const rows = await executor.read(queries.depth({ queue }))
      const waiting = rows.filter(({ state }) => state !== 'returned').map(({ oldest }) => oldest)
      const count = (state: 'received' | 'finished' | 'returned'): number =>
        rows.find((row) => row.state === state)?.rows ?? 0
      return {
        received: count('received'),
        finished: count('finished'),
        returned: count('returned'),
        oldestAt: waiting.length === 0 ? undefined : new Date(Math.min(...waiting)),
      }
    },
  }
}
