import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

const script = (folder: string): string => `
  import { endOnFatalErrors } from './src/cli/fatal-error.ts'
  import { createFileSink, createJournal } from './src/events/index.ts'
  const identity = { connectorId: 'c', connectorName: 'c', connectorVersion: '0', machineName: 'm' }
  const sinks = [createFileSink({ directory: ${JSON.stringify(folder)} })]
  endOnFatalErrors(createJournal({ identity, sinks, clock: { now: () => new Date() } }))
  setTimeout(() => { throw new Error('nobody expected this') }, 10)
  setInterval(() => undefined, 1000)
`

test('an error that nobody caught is on record before the process ends with 1', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fatal-'))
  try {
    const child = spawn(
      process.execPath,
      ['--input-type=module-typescript', '--eval', script(folder)],
      { cwd: join(import.meta.dirname, '../..'), stdio: ['ignore', 'ignore', 'pipe'] },
    )
    let told = ''
    child.stderr.on('data', (chunk: Buffer) => {
      told += chunk.toString()
    })
    const exitCode = await new Promise((resolve) => child.on('close', resolve))
    assert.equal(exitCode, 1)
    assert.match(told, /nobody expected this/)
    assert.doesNotMatch(told, /\n\s+at /)
    const log = readFileSync(join(folder, 'operational.jsonl'), 'utf8')
    assert.match(log, /"eventId":99,.*nobody expected this/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
