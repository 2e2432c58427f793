import { ConnectorError } from '../kernel/index.ts'
import { toDate } from './certificate-rows.ts'
import type { CrlRegister } from './ports.ts'
import { prepareQuery } from './prepared-query.ts'
import type { SqlDialect } from './sql-dialect.ts'
import { mustAffect, type SqlExecutor } from './sql-executor.ts'

/** The part that every publication has. */
const FULL_CRL = 'full'

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
                shards: row.shards ?? 0,
                base:
                  row.base_number === null || row.base_at === null
                    ? undefined
                    : { number: row.base_number, thisUpdate: new Date(row.base_at) },
              },
      }
    },

    async publish(caId, publication) {
      const { base, number, parts, shards } = publication
      // All of it or nothing: a full CRL that is older than what is there undoes the unit.
      await executor.write([
        mustAffect(queries.putFull(describe(caId, FULL_CRL, number, publication)), 1),
        queries.forgetParts({ caId }),
        ...[...parts].map(([part, crl]) => queries.putPart(describe(caId, part, number, crl))),
        queries.describe({
          caId,
          number,
          shards,
          baseNumber: base?.number ?? null,
          baseAt: base?.thisUpdate.getTime() ?? null,
        }),
      ])
    },

    async current(caId, part = FULL_CRL) {
      const [row] = await executor.read(queries.current({ caId, part }))
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

interface CrlValues {
  readonly caId: string
  readonly part: string
  readonly number: number
  readonly thisUpdate: number
  readonly nextUpdate: number
  readonly der: Uint8Array
}

function describe(
  caId: string,
  part: string,
  number: number,
  crl: { readonly der: Uint8Array; readonly thisUpdate: Date; readonly nextUpdate: Date },
): CrlValues {
  const { der, nextUpdate, thisUpdate } = crl
  return {
    caId,
    part,
    number,
    der,
    thisUpdate: thisUpdate.getTime(),
    nextUpdate: nextUpdate.getTime(),
  }
}

/** The queries of the CRL register, compiled once. */
export function prepareCrlQueries({ compiler: db }: SqlDialect) {
  const put = (slots: CrlValues) =>
    db.insertInto('crl').values({
      ca_id: slots.caId,
      part: slots.part,
      number: slots.number,
      this_update: slots.thisUpdate,
      next_update: slots.nextUpdate,
      der: slots.der,
    })
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
        .leftJoin('crl', (join) =>
          join.onRef('crl.ca_id', '=', 'crl_number.ca_id').on('crl.part', '=', FULL_CRL),
        )
        .select([
          'crl_number.number as taken',
          'crl_number.outdated_since',
          'crl_number.shards',
          'crl_number.base_number',
          'crl_number.base_at',
          'crl.number',
          'crl.this_update',
          'crl.next_update',
        ])
        .where('crl_number.ca_id', '=', slots.caId),
    ),
    putFull: prepareQuery((slots: CrlValues) =>
      put(slots).onConflict((conflict) =>
        conflict
          .columns(['ca_id', 'part'])
          .doUpdateSet((row) => ({
            number: row.ref('excluded.number'),
            this_update: row.ref('excluded.this_update'),
            next_update: row.ref('excluded.next_update'),
            der: row.ref('excluded.der'),
          }))
          .whereRef('excluded.number', '>', 'crl.number'),
      ),
    ),
    forgetParts: prepareQuery((slots: { readonly caId: string }) =>
      db.deleteFrom('crl').where('ca_id', '=', slots.caId).where('part', '!=', FULL_CRL),
    ),
    putPart: prepareQuery(put),
    describe: prepareQuery(
      (slots: {
        readonly caId: string
        readonly number: number
        readonly shards: number
        readonly baseNumber: number | null
        readonly baseAt: number | null
      }) =>
        db
          .insertInto('crl_number')
          .values({
            ca_id: slots.caId,
            number: slots.number,
            shards: slots.shards,
            base_number: slots.baseNumber,
            base_at: slots.baseAt,
          })
          .onConflict((conflict) =>
            conflict.column('ca_id').doUpdateSet({
              shards: slots.shards,
              base_number: slots.baseNumber,
              base_at: slots.baseAt,
            }),
          ),
    ),
    current: prepareQuery((slots: { readonly caId: string; readonly part: string }) =>
      db
        .selectFrom('crl')
        .selectAll()
        .where('ca_id', '=', slots.caId)
        .where('part', '=', slots.part),
    ),
  }
}
