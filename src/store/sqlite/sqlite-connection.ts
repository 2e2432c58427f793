import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { ConnectorError } from '../../kernel/index.ts'
import type { SqlValue, Statement, StatementResult } from '../sql-executor.ts'

/** How a database file is used. Structured-cloneable. */
export interface SqliteSettings {
  /** Absolute path. On a disk of this machine: SQLite does not work on network file systems. */
  readonly file: string
  /** How long a statement waits for another process, in milliseconds. */
  readonly busyTimeoutMs: number
  /** Largest size of the file; what does not fit fails as on a full disk. Undefined: as far as the disk goes. */
  readonly maxBytes: number | undefined
}

const CACHED_STATEMENTS = 256
const PAGE_BYTES = 4096

/** Makes the file, 0600 in a directory 0700, unless it exists. The files beside it inherit its mode. */
export function createDatabaseFile(file: string): void {
  if (existsSync(file)) return
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  closeSync(openSync(file, 'a', 0o600))
}

/**
 * A connection that writes: WAL, every commit on the disk before it returns. Never creates the file, so that a database
 * that vanished is an error and not a new, empty register.
 */
export function openForWriting(settings: SqliteSettings): SqliteConnection {
  const url = pathToFileURL(settings.file)
  url.searchParams.set('mode', 'rw')
  const database = new DatabaseSync(url, {
    timeout: settings.busyTimeoutMs,
    enableForeignKeyConstraints: true,
  })
  try {
    const mode = database.prepare('PRAGMA journal_mode = WAL').get()?.['journal_mode']
    if (mode !== 'wal')
      throw new ConnectorError(
        'store/unavailable',
        `the file system of ${settings.file} cannot hold a write-ahead log (journal mode '${String(mode)}'); use a local disk`,
      )
    database.exec('PRAGMA synchronous = FULL')
    database.exec('PRAGMA cache_size = -16384')
    database.exec('PRAGMA journal_size_limit = 67108864')
    if (settings.maxBytes !== undefined)
      database.exec(`PRAGMA max_page_count = ${Math.floor(settings.maxBytes / PAGE_BYTES)}`)
    return new SqliteConnection(database)
  } catch (error) {
    database.close()
    throw error
  }
}

/** A connection that only reads. */
export function openForReading(settings: SqliteSettings): SqliteConnection {
  return new SqliteConnection(
    new DatabaseSync(settings.file, { readOnly: true, timeout: settings.busyTimeoutMs }),
  )
}

/** A database with its prepared statements. */
export class SqliteConnection {
  readonly database: DatabaseSync
  readonly #statements = new Map<string, { statement: StatementSync; returnsRows: boolean }>()

  constructor(database: DatabaseSync) {
    this.database = database
  }

  /** Runs one statement, synchronously. Throws the error of SQLite as it is. */
  run(query: Statement): StatementResult {
    const { statement, returnsRows } = this.#prepare(query.sql)
    const parameters: readonly SqlValue[] = query.parameters
    if (!returnsRows) return { rows: [], affected: Number(statement.run(...parameters).changes) }
    const rows = statement.all(...parameters)
    return { rows, affected: rows.length }
  }

  close(): void {
    this.#statements.clear()
    if (this.database.isOpen) this.database.close()
  }

  #prepare(sql: string): { statement: StatementSync; returnsRows: boolean } {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const statement = this.database.prepare(sql)
    const prepared = { statement, returnsRows: statement.columns().length > 0 }
    if (this.#statements.size >= CACHED_STATEMENTS) this.#statements.clear()
    this.#statements.set(sql, prepared)
    return prepared
  }
}
