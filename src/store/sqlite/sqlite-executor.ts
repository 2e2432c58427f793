import { resolve } from 'node:path'
import { ConnectorError } from '../../kernel/index.ts'
import type { SqlExecutor, Statement } from '../sql-executor.ts'
import { openForReading, type SqliteConnection, type SqliteSettings } from './sqlite-connection.ts'
import { wrapSqliteError } from './sqlite-failure.ts'
import { prepareDatabase } from './sqlite-migration.ts'
import { SqliteWriter, type StartWriter } from './sqlite-writer.ts'

/** How a SQLite database is opened. */
export interface SqliteOptions {
  /** The database file; it and its directory are made when they are missing. Not on a network file system. */
  readonly file: string
  /** How long a write waits for another process, in milliseconds. Default 5000. */
  readonly busyTimeoutMs?: number
  /** Largest size of the file in octets. Default: as far as the disk goes. */
  readonly maxBytes?: number
}

/** SqlExecutor over a file. */
export interface SqliteExecutor extends SqlExecutor {
  /** Absolute path. */
  readonly file: string
  /** Transactions committed by this process; with many writers at once fewer than units. */
  readonly commits: number
}

/** Reads block the main thread: they wait for nobody longer than this. In WAL mode they hardly ever wait. */
const READ_BUSY_TIMEOUT_MS = 500

/**
 * Opens a database, making or migrating it first. Writes go to a thread of their own, which commits them in groups;
 * reads, bounded and by index, are made here on a connection that cannot write.
 *
 * @throws ConnectorError `store/unavailable` the file cannot be opened, or was written by a newer version
 */
export async function openSqliteExecutor(
  options: SqliteOptions,
  start?: StartWriter,
): Promise<SqliteExecutor> {
  const settings: SqliteSettings = {
    file: resolve(options.file),
    busyTimeoutMs: options.busyTimeoutMs ?? 5000,
    maxBytes: options.maxBytes,
  }
  await prepareDatabase(settings)
  const writer = new SqliteWriter(settings, start)
  let reader: { readonly connection: SqliteConnection; readonly openings: number } | undefined
  let isClosed = false

  function closeReader(): void {
    reader?.connection.close()
    reader = undefined
  }

  function openReader(): SqliteConnection {
    if (isClosed) throw new ConnectorError('store/unavailable', 'the store is closed')
    // The writer had to open the file anew: it may be another one, and we must read what it writes.
    if (reader !== undefined && reader.openings !== writer.openings) closeReader()
    reader ??= {
      connection: openForReading({ ...settings, busyTimeoutMs: READ_BUSY_TIMEOUT_MS }),
      openings: writer.openings,
    }
    return reader.connection
  }

  return {
    file: settings.file,
    get commits() {
      return writer.commits
    },
    async read<Row>(query: Statement<Row>) {
      try {
        // The shape of the rows is that of the query, which the schema types.
        return openReader().run(query).rows as readonly Row[]
      } catch (error) {
        const failure = wrapSqliteError(error, 'the database cannot be read')
        // A connection that met a broken file is not trusted again.
        if (failure.code === 'store/unavailable') closeReader()
        throw failure
      }
    },
    write: async (unit) => await writer.write(unit),
    async close() {
      isClosed = true
      closeReader()
      await writer.close()
    },
  }
}
