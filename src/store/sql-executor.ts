/** What both engines bind and return: text, numbers (times as integer milliseconds), bytes, null. */
export type SqlValue = string | number | Uint8Array | null

/** One compiled statement. `Row` is the shape of what it returns, by construction of the query. */
export interface Statement<Row = unknown> {
  readonly sql: string
  readonly parameters: readonly SqlValue[]
  /** Rows the statement must affect (or return); any other number undoes its whole unit. Absent: any number will do. */
  readonly mustAffect?: number
  /** Never set: carries `Row` from the query builder to the result. */
  readonly rowType?: Row
}

/** What a statement did. */
export interface StatementResult<Row = unknown> {
  /** Rows of a query or of RETURNING, in no particular order. */
  readonly rows: readonly Row[]
  readonly affected: number
}

/** One result for each statement of a unit, in its order. */
export type UnitResults<Unit extends readonly Statement[]> = {
  readonly [Index in keyof Unit]: Unit[Index] extends Statement<infer Row>
    ? StatementResult<Row>
    : never
}

/** `done`: all of it is durable. `conflict`: a guard or a unique index said no, and nothing of the unit happened. */
export type UnitOutcome<Unit extends readonly Statement[]> =
  | { readonly kind: 'done'; readonly results: UnitResults<Unit> }
  | { readonly kind: 'conflict' }

/**
 * Runs compiled statements on one database. There are no interactive transactions: what belongs together is handed over
 * as one unit, so that an engine may commit many units at once and never waits for this process inside a transaction.
 *
 * @throws ConnectorError `store/unavailable` the database cannot be used now; mostly transient. A unit was not written,
 *   except when the disk fails in the middle of a commit: then it may be there after all, so repeating it must be safe
 * @throws ConnectorError `internal/bug` the database does not understand the statement
 */
export interface SqlExecutor {
  /** Rows of one query, as committed at some moment after the call. */
  read<Row>(query: Statement<Row>): Promise<readonly Row[]>
  /** All statements in order, or none. Durable when the promise resolves with `done`. */
  write<const Unit extends readonly Statement[]>(unit: Unit): Promise<UnitOutcome<Unit>>
  /** Ends when everything handed over before has been answered. */
  close(): Promise<void>
}

/** The same statement with a guard: it must affect exactly `rows`, otherwise its unit is undone and told as `conflict`. */
export function mustAffect<Row>(statement: Statement<Row>, rows: number): Statement<Row> {
  return { ...statement, mustAffect: rows }
}
