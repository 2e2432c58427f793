import { prepareChallengeQueries } from './one-time-challenges.ts'
import { prepareQuery } from './prepared-query.ts'
import type { SqlDialect } from './sql-dialect.ts'
import type { SqlExecutor } from './sql-executor.ts'

/** Refusals are for operators, and strangers can cause them: however many come, so many stay. */
const MAX_REFUSALS = 100_000

/** Removes what is past its use: old refusals, notifications delivered long ago, answered requests, challenges, work. */
export function createRetention(
  executor: SqlExecutor,
  dialect: SqlDialect,
): (before: Date) => Promise<number> {
  const queries = prepareRetentionQueries(dialect)
  const { forget: forgetChallenges } = prepareChallengeQueries(dialect)
  return async (before) => {
    const time = before.getTime()
    const outcome = await executor.write([
      queries.forgetRefusals({ before: time }),
      queries.limitRefusals({ most: MAX_REFUSALS }),
      queries.forgetDelivered({ before: time }),
      queries.forgetAnswered({ before: time }),
      forgetChallenges({ before: time }),
      queries.forgetWork({ before: time }),
    ])
    if (outcome.kind === 'conflict') return 0
    return outcome.results.reduce((sum, { affected }) => sum + affected, 0)
  }
}

/** The queries, compiled once. Certificates are never removed: a serial once written is never used again. */
function prepareRetentionQueries({ compiler: db }: SqlDialect) {
  return {
    forgetRefusals: prepareQuery((slots: { readonly before: number }) =>
      db.deleteFrom('refusal').where('at', '<', slots.before),
    ),
    limitRefusals: prepareQuery((slots: { readonly most: number }) =>
      db
        .deleteFrom('refusal')
        .where('id', '<=', (inner) =>
          inner
            .selectFrom('refusal')
            .select((count) => count(count.fn.max('id'), '-', slots.most).as('last')),
        ),
    ),
    forgetDelivered: prepareQuery((slots: { readonly before: number }) =>
      db
        .deleteFrom('notification')
        .where('delivered_at', 'is not', null)
        .where('delivered_at', '<', slots.before),
    ),
    forgetAnswered: prepareQuery((slots: { readonly before: number }) =>
      db
        .deleteFrom('pending_request')
        .where('closed_at', 'is not', null)
        .where('closed_at', '<', slots.before),
    ),
    forgetWork: prepareQuery((slots: { readonly before: number }) =>
      db
        .deleteFrom('work_item')
        .where('closed_at', 'is not', null)
        .where('closed_at', '<', slots.before)
        .where('is_recorded', '=', 1),
    ),
  }
}
