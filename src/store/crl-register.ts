import { ConnectorError } from '../kernel/index.ts'
import { toDate } from './certificate-rows.ts'
import type { CrlRegister } from './ports.ts'
import { prepareQuery } from './prepared-query.ts'
import type { SqlDialect } from './sql-dialect.ts'
import type { SqlExecutor } from './sql-executor.ts'

/** CRL numbers and the CRLs in force, over SQL. */
export function createCrlRegister(executor: SqlExecutor, dialect: SqlDialect): CrlRegister {
  const queries = prepareCrlQueries(dialect)

  return {
    async takeNumber(caId) {
      const outcome = await executor.write([queries.takeNumber({ caId })])
      const row = outcome.kind === 'done' ? outcome.results[0].rows[0] : undefined
      if (row === undefined)
        throw new ConnectorError('internal/bug', `no CRL number came back for CA '${caId}'`)
      return row.number
    },

    async status(caId) {
      const [row] = await executor.read(queries.status({ caId }))
      return {
        takenNumber: row?.taken ?? 0,
        outdatedSince: toDate(row?.outdated_since ?? null),
        published:
          row == null || row.number === null || row.this_update === null || row.next_update === null
            ? undefined
            : {
                number: row.number,
                thisUpdate: new Date(row.this_update),
                nextUpdate: new Date(row.next_update),
              },
      }
    },

    async publish(caId, { number, der, thisUpdate, nextUpdate }) {
      await executor.write([
        queries.publish({
          caId,
          number,
          der,
          thisUpdate: thisUpdate.getTime(),
          nextUpdate: nextUpdate.getTime(),
        }),
      ])
    },

    async current(caId) {
      const [row] = await executor.read(queries.current({ caId }))
      if (row === undefined) return undefined
      return {
        number: row.number,
        der: row.der,
        thisUpdate: new Date(row.this_update),
        nextUpdate: new Date(row.next_update),
      }
    },
  }
}

/** The queries of the CRL register, compiled once. */
export function prepareCrlQueries({ compiler: db }: SqlDialect) {
  return {
    takeNumber: prepareQuery((slots: { readonly caId: string }) =>
      db
        .insertInto('crl_number')
        .values({ ca_id: slots.caId, number: 1 })
        .onConflict((conflict) =>
          conflict.column('ca_id').doUpdateSet(({ eb }) => ({
            number: eb('crl_number.number', '+', 1),
            outdated_since: null,
          })),
        )
        .returning('number'),
    ),
    status: prepareQuery((slots: { readonly caId: string }) =>
      db
        .selectFrom('crl_number')
        .leftJoin('crl', 'crl.ca_id', 'crl_number.ca_id')
        .select([
          'crl_number.number as taken',
          'crl_number.outdated_since',
          'crl.number',
          'crl.this_update',
          'crl.next_update',
        ])
        .where('crl_number.ca_id', '=', slots.caId),
    ),
    publish: prepareQuery(
      (slots: {
        readonly caId: string
        readonly number: number
        readonly der: Uint8Array
        readonly thisUpdate: number
        readonly nextUpdate: number
      }) =>
        db
          .insertInto('crl')
          .values({
            ca_id: slots.caId,
            number: slots.number,
            der: slots.der,
            this_update: slots.thisUpdate,
            next_update: slots.nextUpdate,
          })
          .onConflict((conflict) =>
            conflict
              .column('ca_id')
              .doUpdateSet((row) => ({
                number: row.ref('excluded.number'),
                der: row.ref('excluded.der'),
                this_update: row.ref('excluded.this_update'),
                next_update: row.ref('excluded.next_update'),
              }))
              .whereRef('excluded.number', '>', 'crl.number'),
          ),
    ),
    current: prepareQuery((slots: { readonly caId: string }) =>
      db.selectFrom('crl').selectAll().where('ca_id', '=', slots.caId),
    ),
  }
}
