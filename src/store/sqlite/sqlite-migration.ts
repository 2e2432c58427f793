import type { DatabaseSync } from 'node:sqlite'
import { Kysely, SqliteDialect } from 'kysely'
import { Migrator } from 'kysely/migration'
import { ConnectorError } from '../../kernel/index.ts'
import { createMigrations } from '../migrations/index.ts'
import { isCurrentVersion } from './database-version.ts'
import { createDatabaseFile, openForWriting, type SqliteSettings } from './sqlite-connection.ts'
import { sqliteDialect } from './sqlite-dialect.ts'
import { wrapSqliteError } from './sqlite-failure.ts'

/**
 * Makes the database file if there is none and brings it to the version of this program, in one transaction that holds
 * the write lock: when two processes start at once the second one waits and finds nothing left to do. Synchronous for
 * the most part: for the start of the program.
 *
 * @throws ConnectorError `store/unavailable` the file cannot be made or opened; not transient when a newer version
 *   wrote it
 */
export async function prepareDatabase(settings: SqliteSettings): Promise<void> {
  try {
    createDatabaseFile(settings.file)
    const { database } = openForWriting(settings)
    try {
      if (!isCurrentVersion(database)) await migrateDatabase(database)
    } finally {
      database.close()
    }
  } catch (error) {
    throw wrapOpenError(error, settings.file)
  }
}

async function migrateDatabase(database: DatabaseSync): Promise<void> {
  database.exec('BEGIN IMMEDIATE')
  try {
    // Looked at again under the lock: another process may have been here.
    if (!isCurrentVersion(database)) {
      const migrator = new Migrator({
        db: new Kysely({ dialect: new SqliteDialect({ database: adaptDatabase(database) }) }),
        provider: { getMigrations: async () => ({ ...createMigrations(sqliteDialect) }) },
      })
      const { error } = await migrator.migrateToLatest()
      if (error !== undefined) throw wrapSqliteError(error, 'the database cannot be migrated')
    }
    database.exec('COMMIT')
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

function wrapOpenError(error: unknown, file: string): ConnectorError {
  if (error instanceof ConnectorError) return error
  if (error instanceof Error && 'errcode' in error)
    return wrapSqliteError(error, `cannot open ${file}`)
  return new ConnectorError('store/unavailable', `cannot make the database file ${file}`, {
    cause: error,
    isTransient: true,
  })
}

// Kysely's SqliteDialect speaks to an object of the shape of better-sqlite3. It must not close what it does not own.
function adaptDatabase(database: DatabaseSync) {
  return {
    close: () => undefined,
    prepare(sql: string) {
      const statement = database.prepare(sql)
      return {
        reader: statement.columns().length > 0,
        all: (parameters: readonly unknown[]) => statement.all(...bindable(parameters)),
        run: (parameters: readonly unknown[]) => statement.run(...bindable(parameters)),
        iterate: (parameters: readonly unknown[]) => statement.iterate(...bindable(parameters)),
      }
    },
  }
}

function bindable(parameters: readonly unknown[]): (string | number | null)[] {
  return parameters.map((value) => {
    if (value === null || typeof value === 'string' || typeof value === 'number') return value
    throw new ConnectorError('internal/bug', `a migration binds a value of type ${typeof value}`)
  })
}
