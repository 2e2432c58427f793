import { ConnectorError } from '../../kernel/index.ts'

// Primary result codes (https://www.sqlite.org/rescode.html); the low octet of an extended code.
const SQLITE_ERROR = 1
const SQLITE_CORRUPT = 11
const SQLITE_TOOBIG = 18
const SQLITE_CONSTRAINT = 19
const SQLITE_MISMATCH = 20
const SQLITE_MISUSE = 21
const SQLITE_RANGE = 25
const SQLITE_NOTADB = 26
// Extended ones.
const SQLITE_CONSTRAINT_PRIMARYKEY = 1555
const SQLITE_CONSTRAINT_UNIQUE = 2067

/** Faults of the statement: the connection and the other statements are as good as before. */
const statementFaults: readonly number[] = [
  SQLITE_ERROR,
  SQLITE_TOOBIG,
  SQLITE_CONSTRAINT,
  SQLITE_MISMATCH,
  SQLITE_MISUSE,
  SQLITE_RANGE,
]

/** What an error of `node:sqlite` means: another row was first, our statement is wrong, or the database is away. */
export function classifySqliteError(error: unknown): 'taken' | 'wrong' | 'away' {
  if (error instanceof ConnectorError) return error.code === 'internal/bug' ? 'wrong' : 'away'
  const code = extendedCodeOf(error)
  if (code === undefined) return 'wrong'
  if (code === SQLITE_CONSTRAINT_UNIQUE || code === SQLITE_CONSTRAINT_PRIMARYKEY) return 'taken'
  return statementFaults.includes(code & 0xff) ? 'wrong' : 'away'
}

/** Wraps an error of `node:sqlite`: `store/unavailable`, or `internal/bug` for a statement that cannot work. */
export function wrapSqliteError(error: unknown, doing: string): ConnectorError {
  if (error instanceof ConnectorError) return error
  const code = extendedCodeOf(error)
  const text = error instanceof Error ? error.message : typeof error
  if (classifySqliteError(error) !== 'away')
    return new ConnectorError('internal/bug', `${doing}: ${text}`, { cause: error })
  const isDamaged = code !== undefined && [SQLITE_CORRUPT, SQLITE_NOTADB].includes(code & 0xff)
  return new ConnectorError(
    'store/unavailable',
    `${doing}: ${text} (SQLite ${code})${isDamaged ? '; restore the database from a backup' : ''}`,
    { cause: error, isTransient: !isDamaged },
  )
}

function extendedCodeOf(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
    ? error.errcode
    : undefined
}
