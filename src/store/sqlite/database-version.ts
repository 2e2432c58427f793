import type { DatabaseSync } from 'node:sqlite'
import { ConnectorError } from '../../kernel/index.ts'
import { migrationNames } from '../schema-version.ts'

/**
 * Whether all migrations have run on this database, and no other.
 *
 * @throws ConnectorError `store/unavailable` not transient: the database comes from a newer version
 */
export function isCurrentVersion(database: DatabaseSync): boolean {
  const known: readonly string[] = migrationNames
  const done = listDoneMigrations(database)
  const unknown = done.find((name) => !known.includes(name))
  if (unknown !== undefined)
    throw new ConnectorError(
      'store/unavailable',
      `the database was written by a newer version of this program (it has migration '${unknown}', this version ends with '${migrationNames.at(-1)}'); run that version, or restore a backup made by this one`,
    )
  return done.length === known.length
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
