import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { allRows } from './all-rows.ts'
import { formatDocument, formatTable, parseDocument, sortRows } from './report.ts'
import { loadRows, ROWS_FILE } from './rows.ts'

/**
 * `npm run test:interop [-- [--only pattern] file …]`: plays the stories, prints all rows as a table, and writes
 * docs/interop.md when all are green. Ends with 1 when one is not.
 *
 * With names of files, like `jscep`, or a pattern for names of stories, only these are played, and the page keeps the other
 * rows as they stand.
 */
const { positionals: wanted, values } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string' } },
})
const isPart = wanted.length > 0 || values.only !== undefined
const files = globSync(join(import.meta.dirname, '*.interop.ts'))
  .filter((file) => wanted.length === 0 || wanted.some((name) => file.includes(name)))
  .toSorted()
const folder = mkdtempSync(join(tmpdir(), 'interop-rows-'))
const rowsFile = join(folder, 'rows')
writeFileSync(rowsFile, '')
const runner = spawn(
  process.execPath,
  [
    '--test',
    '--test-reporter=spec',
    '--test-concurrency=1',
    ...(values.only === undefined ? [] : [`--test-name-pattern=${values.only}`]),
    ...files,
  ],
  { stdio: 'inherit', env: { ...process.env, [ROWS_FILE]: rowsFile } },
)
const [status] = (await once(runner, 'exit')) as [number | null]
const { rows, unplayed, unlisted } = sortRows(loadRows(rowsFile), allRows)
rmSync(folder, { recursive: true })

const page = join(import.meta.dirname, '../../docs/interop.md')
const kept = isPart ? parseDocument(readFileSync(page, 'utf8')) : []
const known = sortRows([...rows, ...sortRows(kept, unplayed).rows], allRows)
console.log(`\n${formatTable(rows)}\n`)
const complaints = [
  ...rows
    .filter(({ result }) => result !== 'passed')
    .map(({ client, claim, result }) => `${result}: ${client}: ${claim}`),
  ...unlisted.map(({ client, claim }) => `not in all-rows.ts: ${client}: ${claim}`),
  ...(isPart ? [] : unplayed.map(({ client, claim }) => `not played: ${client}: ${claim}`)),
  ...(status === 0 ? [] : [`node --test ended with ${String(status)}`]),
]
for (const complaint of complaints) console.log(complaint)
console.log(`${rows.length} rows, ${complaints.length === 0 ? 'all green' : 'NOT all green'}`)
if (complaints.length > 0) process.exitCode = 1
else writeFileSync(page, formatDocument(known.rows))
