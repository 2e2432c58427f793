import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runCrash } from '../crash/run-crash.ts'

// The long version, with 50 kills: node test/crash/kill.ts
test('whatever left the house before five kills is on record and told, once', async (context) => {
  const report = await runCrash(
    { kills: 5, firstStartKills: 0, seed: 20261122, parallel: 8, maxMinutes: 4, keep: false },
    (line) => context.diagnostic(line),
  )
  assert.deepEqual(report.violations, [])
  assert.ok(report.certificatesReceived > 0, 'nobody enrolled')
  assert.ok(report.unansweredAttempts > 0, 'no kill met a client')
  context.diagnostic(JSON.stringify(report))
})
