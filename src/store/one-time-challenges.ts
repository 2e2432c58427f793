import { toDate } from './certificate-rows.ts'
import type { OneTimeChallenges } from './ports.ts'
import { isUnissued, oneRow } from './predicates.ts'
import { prepareQuery } from './prepared-query.ts'
import type { SqlDialect } from './sql-dialect.ts'
import type { SqlExecutor } from './sql-executor.ts'

/** One-time challenges over SQL: each change is one statement whose conditions decide between two that come at once. */
export function createOneTimeChallenges(
  executor: SqlExecutor,
  dialect: SqlDialect,
): OneTimeChallenges {
  const queries = prepareChallengeQueries(dialect)

  return {
    async keep({ hashHex, profile, origin, createdAt, expiresAt }, maxUnused) {
      const outcome = await executor.write([
        queries.keep({
          hashHex,
          profile,
          origin,
          createdAt: createdAt.getTime(),
          expiresAt: expiresAt.getTime(),
          maxUnused,
        }),
      ])
      return outcome.kind === 'done' && outcome.results[0].affected === 1
    },

    async find(hashHex) {
      const [row] = await executor.read(queries.find({ hashHex }))
      if (row === undefined) return undefined
      const { profile, origin } = row
      return {
        hashHex,
        profile,
        origin,
        createdAt: new Date(row.created_at),
        expiresAt: new Date(row.expires_at),
        boundKey: row.bound_key ?? undefined,
        boundAt: toDate(row.bound_at),
      }
    },

    async bind(hashHex, requestKey, now, staleBefore) {
      const outcome = await executor.write([
        queries.bind({
          hashHex,
          requestKey,
          now: now.getTime(),
          staleBefore: staleBefore.getTime(),
        }),
      ])
      return outcome.kind === 'done' && outcome.results[0].affected === 1
    },

    async isBound(requestKey) {
      return (await executor.read(queries.findBound({ requestKey }))).length > 0
    },

    async release(requestKey) {
      await executor.write([queries.release({ requestKey })])
    },
  }
}

/** The queries, compiled once. */
export function prepareChallengeQueries({ compiler: db }: SqlDialect) {
  return {
    /** Counts and inserts in one statement, so that two at once do not exceed the limit together. */
    keep: prepareQuery(
      (slots: {
        readonly hashHex: string
        readonly profile: string
        readonly origin: 'page' | 'api'
        readonly createdAt: number
        readonly expiresAt: number
        readonly maxUnused: number
      }) =>
        db
          .insertInto('one_time_challenge')
          .columns(['hash_hex', 'profile', 'origin', 'created_at', 'expires_at'])
          .expression(
            db
              .selectNoFrom((value) => [
                value.val(slots.hashHex).as('hash_hex'),
                value.val(slots.profile).as('profile'),
                value.val(slots.origin).as('origin'),
                value.val(slots.createdAt).as('created_at'),
                value.val(slots.expiresAt).as('expires_at'),
              ])
              .where(
                (inner) =>
                  inner
                    .selectFrom('one_time_challenge')
                    .select((count) => count.fn.countAll<number>().as('rows'))
                    .where('profile', '=', slots.profile)
                    .where('origin', '=', slots.origin)
                    .where('bound_key', 'is', null)
                    .where('expires_at', '>', slots.createdAt),
                '<',
                slots.maxUnused,
              ),
          ),
    ),
    find: prepareQuery((slots: { readonly hashHex: string }) =>
      db.selectFrom('one_time_challenge').selectAll().where('hash_hex', '=', slots.hashHex),
    ),
    bind: prepareQuery(
      (slots: {
        readonly hashHex: string
        readonly requestKey: string
        readonly now: number
        readonly staleBefore: number
      }) =>
        db
          .updateTable('one_time_challenge')
          .set({ bound_key: slots.requestKey, bound_at: slots.now })
          .where('hash_hex', '=', slots.hashHex)
          .where('expires_at', '>', slots.now)
          .where((where) =>
            where.or([
              where('bound_key', 'is', null),
              where('bound_key', '=', slots.requestKey),
              where.and([where('bound_at', '<=', slots.staleBefore), isUnissued]),
            ]),
          ),
    ),
    findBound: prepareQuery((slots: { readonly requestKey: string }) =>
      db
        .selectFrom('one_time_challenge')
        .select('hash_hex')
        .where('bound_key', '=', slots.requestKey)
        .limit(oneRow),
    ),
    release: prepareQuery((slots: { readonly requestKey: string }) =>
      db
        .updateTable('one_time_challenge')
        .set({ bound_key: null, bound_at: null })
        .where('bound_key', '=', slots.requestKey)
        .where(isUnissued),
    ),
    forget: prepareQuery((slots: { readonly before: number }) =>
      db.deleteFrom('one_time_challenge').where('expires_at', '<', slots.before),
    ),
  }
}
