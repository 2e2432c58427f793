import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRevocationStory } from '../crash/revocation-story.ts'
import { runQueues } from '../crash/run-queues.ts'

// The long version, with 500 items and 20 kills: node test/crash/queues.ts
test('two connectors share a queue and are killed: every item ends once, with one Admin event', async (context) => {
  const report = await runQueues(
    { items: 20, kills: 2, seed: 20261125, maxMinutes: 4, keep: false },
    createRevocationStory(),
    (line) => context.diagnostic(line),
  )
  assert.deepEqual(report.violations, [])
  assert.equal(report.succeeded, 18)
  context.diagnostic(JSON.stringify(report))
})
