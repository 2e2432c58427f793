import { statSync } from 'node:fs'
import { ConnectorError } from '../../kernel/index.ts'
import type { Statement, StatementResult } from '../sql-executor.ts'
import { isCurrentVersion } from './database-version.ts'
import { openForWriting, type SqliteConnection, type SqliteSettings } from './sqlite-connection.ts'
import { classifySqliteError, wrapSqliteError } from './sqlite-failure.ts'

/** What became of one unit. Structured-cloneable. */
export type UnitAnswer =
  | { readonly kind: 'done'; readonly results: readonly StatementResult[] }
  | { readonly kind: 'conflict' }
  | {
      readonly kind: 'failed'
      readonly code: 'store/unavailable' | 'internal/bug'
      readonly message: string
      readonly isTransient: boolean
    }

/** Ends a unit whose guard was not met. */
class GuardFailed extends Error {}

/**
 * Writes units of work, many in one transaction: each has its savepoint, so that one that conflicts does not take the
 * others with it, and all share one COMMIT, which is the expensive part. Synchronous; lives in the writer's thread.
 *
 * After a failure of the file the connection is thrown away and opened anew with the next units: when the disk is back,
 * writing is back.
 */
export class UnitWriter {
  readonly #settings: SqliteSettings
  #open: { readonly connection: SqliteConnection; readonly identity: string } | undefined
  #commits = 0
  #openings = 0

  constructor(settings: SqliteSettings) {
    this.#settings = settings
  }

  /** Transactions committed so far. */
  get commits(): number {
    return this.#commits
  }

  /** How often the file was opened; grows when a failure made the connection worthless. */
  get openings(): number {
    return this.#openings
  }

  /** Answers in the order of the units. Never throws. */
  write(units: readonly (readonly Statement[])[]): readonly UnitAnswer[] {
    try {
      const connection = this.#connect()
      connection.database.exec('BEGIN IMMEDIATE')
      const answers = units.map((unit) => writeUnit(connection, unit))
      connection.database.exec('COMMIT')
      this.#commits += 1
      return answers
    } catch (error) {
      this.close()
      const answer = failureOf(error)
      return units.map(() => answer)
    }
  }

  /** Lets go of the file. The last one to do so folds the write-ahead log into it. */
  close(): void {
    const open = this.#open
    this.#open = undefined
    try {
      open?.connection.close()
    } catch {
      // A connection on a broken file may refuse even this; it is not used again.
    }
  }

  #connect(): SqliteConnection {
    const identity = identityOf(this.#settings.file)
    if (this.#open !== undefined && this.#open.identity !== identity)
      throw new ConnectorError(
        'store/unavailable',
        'the database file was moved or replaced while it was open',
        { isTransient: true },
      )
    if (this.#open === undefined) {
      const connection = openForWriting(this.#settings)
      this.#open = { connection, identity }
      this.#openings += 1
      // An older backup may have been put in its place; this thread does not migrate.
      if (!isCurrentVersion(connection.database))
        throw new ConnectorError(
          'store/unavailable',
          'the database file was replaced by one of an older version; restart the connector, which brings it up to date',
        )
    }
    return this.#open.connection
  }
}

function writeUnit(connection: SqliteConnection, unit: readonly Statement[]): UnitAnswer {
  connection.database.exec('SAVEPOINT unit')
  try {
    const results = unit.map((statement) => {
      const result = connection.run(statement)
      if (statement.mustAffect !== undefined && statement.mustAffect !== result.affected)
        throw new GuardFailed()
      return result
    })
    connection.database.exec('RELEASE unit')
    return { kind: 'done', results }
  } catch (error) {
    const isConflict = error instanceof GuardFailed || classifySqliteError(error) === 'taken'
    if (!isConflict && classifySqliteError(error) === 'away') throw error
    connection.database.exec('ROLLBACK TO unit')
    connection.database.exec('RELEASE unit')
    return isConflict ? { kind: 'conflict' } : failureOf(error)
  }
}

function failureOf(error: unknown): UnitAnswer {
  const { code, message, isTransient } = wrapSqliteError(error, 'the database cannot be written')
  return code === 'internal/bug'
    ? { kind: 'failed', code, message, isTransient: false }
    : { kind: 'failed', code: 'store/unavailable', message, isTransient }
}

// Writing on to a file that somebody moved away would lose certificates without a word. The inode tells.
function identityOf(file: string): string {
  try {
    const { dev, ino } = statSync(file, { bigint: true })
    return `${dev}:${ino}`
  } catch (cause) {
    throw new ConnectorError('store/unavailable', `the database file ${file} cannot be found`, {
      cause,
      isTransient: true,
    })
  }
}
