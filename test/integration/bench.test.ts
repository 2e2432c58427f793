import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

const run = promisify(execFile)
const bench = resolve(import.meta.dirname, '../../bench/bench.ts')

test('the bench enrols through the real server without a failure and ends with its figures', async () => {
  const { stdout } = await run(process.execPath, [bench, '--quick', '--variant', 'p256'])
  const figures = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown>
  for (const name of [
    'limitMs',
    'handlerRatio',
    'serverCpuMs',
    'serverRatio',
    'enrolmentsPerSecond',
    'p99Ms',
    'healthP99Ms',
    'ocspSignedPerSecond',
    'ocspCachedPerSecond',
    'crlEntries',
    'crlBuildMs',
    'crlLongestDelayMs',
    'pkcsItemsPerSecond',
    'pkcsItemCpuMs',
    'pkcsItemsPerCoreSecond',
    'pkcsKeyGenerationMs',
    'pkcsKeysPerSecond',
  ]) {
    const figure = figures[name]
    assert.ok(typeof figure === 'number' && figure > 0, `${name} is ${String(figure)}`)
  }
  assert.equal(figures['failures'], 0)
  const [variant] = figures['variants'] as { enrolments: number; pkcsItems: number }[]
  assert.ok(variant !== undefined && variant.enrolments > 0 && variant.pkcsItems > 0)
})
