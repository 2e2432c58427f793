import type { Store } from './ports.ts'
import { createSqlStore } from './sql-store.ts'
import { backUpDatabase } from './sqlite/sqlite-backup.ts'
import { sqliteDialect } from './sqlite/sqlite-dialect.ts'
import { openSqliteExecutor, type SqliteOptions } from './sqlite/sqlite-executor.ts'

/** Which engine, and how it is opened. */
export type StoreOptions = { readonly kind: 'sqlite' } & SqliteOptions

/**
 * Opens the store: makes the database if there is none, brings an older one up to date.
 *
 * @throws ConnectorError `store/unavailable` it cannot be opened; not transient when a newer version wrote it
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const executor = await openSqliteExecutor(options)
  return createSqlStore(
    executor,
    sqliteDialect,
    async (path) => await backUpDatabase(executor.file, path),
  )
}
