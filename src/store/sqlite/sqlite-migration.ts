import type { DatabaseSync } from 'node:sqlite'
import { Kysely, SqliteDialect } from 'kysely'
import { Migrator } from 'kysely/migration'
import { ConnectorError } from '../../kernel/index.ts'
import { createMigrations } from '../migrations.ts'
import { sqliteDialect } from './sqlite-dialect.ts'
import { wrapSqliteError } from './sqlite-failure.ts'

/**
 * Brings a database to the version of this program, in one transaction that holds the write lock: when two processes
 * start at once the second one waits and finds nothing left to do.
 *
 * @throws ConnectorError `store/unavailable` not transient: the database comes from a newer version
 */
export async function migrateDatabase(database: DatabaseSync): Promise<void> {
  const migrations = createMigrations(sqliteDialect)
  database.exec('BEGIN IMMEDIATE')
  try {
    refuseNewerDatabase(database, Object.keys(migrations))
    const migrator = new Migrator({
      db: new Kysely({ dialect: new SqliteDialect({ database: adaptDatabase(database) }) }),
      provider: { getMigrations: async () => ({ ...migrations }) },
    })
    const { error } = await migrator.migrateToLatest()
    if (error !== undefined) throw wrapSqliteError(error, 'the database cannot be migrated')
    database.exec('COMMIT')
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

/**
 * Whether all migrations have run, and no other.
 *
 * @throws ConnectorError `store/unavailable` they have not, as after an older backup was put in place of the file
 */
export function requireCurrentVersion(database: DatabaseSync): void {
  const known = Object.keys(createMigrations(sqliteDialect))
  const done = listDoneMigrations(database)
  if (known.every((name) => done.includes(name)) && done.length === known.length) return
  throw new ConnectorError(
    'store/unavailable',
    'the database file was replaced by one of another version; restart the connector, which brings it up to date',
  )
}

function refuseNewerDatabase(database: DatabaseSync, known: readonly string[]): void {
  const unknown = listDoneMigrations(database).find((name) => !known.includes(name))
  if (unknown === undefined) return
  throw new ConnectorError(
    'store/unavailable',
    `the database was written by a newer version of this program (it has migration '${unknown}', this version ends with '${known.at(-1)}'); run that version, or restore a backup made by this one`,
  )
}

function listDoneMigrations(database: DatabaseSync): readonly string[] {
  const table = database
    .prepare(`select 1 from sqlite_schema where type = 'table' and name = 'kysely_migration'`)
    .get()
  if (table === undefined) return []
  return database
    .prepare('select name from kysely_migration order by name')
    .all()
    .map((row) => String(row['name']))
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
