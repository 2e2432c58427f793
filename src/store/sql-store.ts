import { randomUUID } from 'node:crypto'
import { createCertificateRegister } from './certificate-register.ts'
import { createCrlRegister } from './crl-register.ts'
import { createLeases } from './leases.ts'
import { createOneTimeChallenges } from './one-time-challenges.ts'
import { createOutbox } from './outbox.ts'
import { createPendingRequests } from './pending-requests.ts'
import type { Store } from './ports.ts'
import { prepareQuery } from './prepared-query.ts'
import { createRetention } from './retention.ts'
import type { SqlDialect } from './sql-dialect.ts'
import type { SqlExecutor } from './sql-executor.ts'
import { createWorkItems } from './work-items.ts'

/**
 * The store over any engine that has an executor and a dialect.
 *
 * @param backup how this engine copies itself
 */
export function createSqlStore(
  executor: SqlExecutor,
  dialect: SqlDialect,
  backup: Store['backup'],
): Store {
  const { compiler: db } = dialect
  const writeToken = prepareQuery((slots: { readonly token: string }) =>
    db
      .insertInto('store_check')
      .values({ id: 1, token: slots.token })
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ token: slots.token })),
  )
  const readToken = prepareQuery((slots: { readonly id: number }) =>
    db.selectFrom('store_check').select('token').where('id', '=', slots.id),
  )

  return {
    certificates: createCertificateRegister(executor, dialect),
    outbox: createOutbox(executor, dialect),
    crls: createCrlRegister(executor, dialect),
    leases: createLeases(executor, dialect),
    pending: createPendingRequests(executor, dialect),
    challenges: createOneTimeChallenges(executor, dialect),
    work: createWorkItems(executor, dialect),
    async check() {
      // A new text each time: writing what is there already could succeed without reaching the disk.
      await executor.write([writeToken({ token: randomUUID() })])
      await executor.read(readToken({ id: 1 }))
    },
    forget: createRetention(executor, dialect),
    backup,
    close: async () => await executor.close(),
  }
}
