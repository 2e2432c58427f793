import assert from 'node:assert/strict'
import { appendFileSync, readFileSync } from 'node:fs'
import { test } from 'node:test'

/** One line of the interop table: what one client does, as a claim in the present tense. */
export interface Row {
  /** The program, as docs/interop.md calls it. */
  readonly client: string
  readonly claim: string
}

/** A row after its story was played. */
export interface PlayedRow extends Row {
  /** As the program itself says; undefined when it is not there. */
  readonly version: string | undefined
  readonly result: 'passed' | 'failed' | 'skipped'
  /** What crossed the wire, or other facts worth a column; may be empty. */
  readonly seen: string
}

/** The program that a row needs. */
export interface Tool {
  readonly version: string | undefined
  /** What to do when it is missing: `apt-get install …`. */
  readonly remedy: string
}

const TIMEOUT_MS = 120_000
const isCi = (process.env['CI'] ?? '') !== ''

/**
 * Registers the test of one row. Where the tool is missing the row is skipped, with `CI` set it fails. The row is left for
 * `npm run test:interop`, which prints the table; under plain `node --test` there is no table.
 *
 * @param play rejects where the claim does not hold; resolves with what is worth telling, or undefined
 */
export function playRow(row: Row, tool: Tool, play: () => Promise<string | undefined>): void {
  const { version, remedy } = tool
  const leave = (result: PlayedRow['result'], seen = ''): void =>
    leaveRow({ client: row.client, claim: row.claim, version, result, seen })
  test(`${row.client}: ${row.claim}`, { timeout: TIMEOUT_MS }, async (context) => {
    const missing = `${row.client} is missing: ${remedy}`
    if (version === undefined && !isCi) {
      leave('skipped')
      context.skip(missing)
      return
    }
    try {
      assert.ok(version !== undefined, missing)
      leave('passed', await play())
    } catch (error) {
      leave('failed')
      throw error
    }
  })
}

/** Name of the environment variable with the file that rows are left in, one JSON object a line. */
export const ROWS_FILE = 'INTEROP_ROWS'

function leaveRow(row: PlayedRow): void {
  const file = process.env[ROWS_FILE]
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(row)}\n`)
}

/** The rows that a run has left, in the order in which they ended. */
export function loadRows(file: string): readonly PlayedRow[] {
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as PlayedRow)
}
