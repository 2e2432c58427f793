import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { StoryName } from '../crash/queue-stories.ts'
import { runQueues } from '../crash/run-queues.ts'

/** The long versions, with 500 items and 20 kills: node test/crash/queues.ts --story … */
const short: readonly { readonly story: StoryName; readonly kills: number }[] = [
  { story: 'revocation', kills: 2 },
  { story: 'pkcs', kills: 1 },
]

describe('two connectors share a queue and are killed', { concurrency: true }, () => {
  for (const { story, kills } of short)
    test(`${story}: every item ends once, with one Admin event, and what nobody got is taken back`, async (context) => {
      const report = await runQueues(
        { story, items: 20, kills, seed: 20261138, maxMinutes: 4, keep: false },
        (line) => context.diagnostic(line),
      )
      assert.deepEqual(report.violations, [])
      assert.equal(report.succeeded, 18)
      context.diagnostic(JSON.stringify(report))
    })
})
