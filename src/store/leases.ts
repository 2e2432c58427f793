import type { Leases } from './ports.ts'
import { prepareQuery } from './prepared-query.ts'
import type { SqlDialect } from './sql-dialect.ts'
import type { SqlExecutor } from './sql-executor.ts'

/** Named leases over SQL: one statement takes, prolongs or leaves. */
export function createLeases(executor: SqlExecutor, dialect: SqlDialect): Leases {
  const queries = prepareLeaseQueries(dialect)

  return {
    async acquire(name, holder, now, until) {
      const outcome = await executor.write([
        queries.acquire({ name, holder, now: now.getTime(), until: until.getTime() }),
      ])
      return outcome.kind === 'done' && outcome.results[0].affected === 1
    },

    async release(name, holder) {
      await executor.write([queries.release({ name, holder })])
    },
  }
}

/** The queries of the leases, compiled once. */
export function prepareLeaseQueries({ compiler: db }: SqlDialect) {
  return {
    acquire: prepareQuery(
      (slots: {
        readonly name: string
        readonly holder: string
        readonly now: number
        readonly until: number
      }) =>
        db
          .insertInto('lease')
          .values({ name: slots.name, holder: slots.holder, lease_until: slots.until })
          .onConflict((conflict) =>
            conflict
              .column('name')
              .doUpdateSet({ holder: slots.holder, lease_until: slots.until })
              .where((where) =>
                where.or([
                  where('lease.holder', '=', slots.holder),
                  where('lease.lease_until', '<=', slots.now),
                ]),
              ),
          ),
    ),
    release: prepareQuery((slots: { readonly name: string; readonly holder: string }) =>
      db.deleteFrom('lease').where('name', '=', slots.name).where('holder', '=', slots.holder),
    ),
  }
}
