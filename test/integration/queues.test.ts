import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { StoryName } from '../crash/queue-stories.ts'
import { runQueues } from '../crash/run-queues.ts'

/** The long versions, with 500 items and 20 kills: node test/crash/queues.ts --story … */
const short: Readonly<Record<StoryName, { readonly items: number; readonly kills: number }>> = {
  revocation: { items: 20, kills: 2 },
  pkcs: { items: 20, kills: 1 },
}

describe('two connectors share a queue and are killed', { concurrency: true }, () => {
  for (const [story, { items, kills }] of Object.entries(short))
    test(`${story}: every item ends once, with one Admin event, and what nobody got is taken back`, async (context) => {
      const report = await runQueues(
        { story: story as StoryName, items, kills, seed: 20261138, maxMinutes: 4, keep: false },
        (line) => context.diagnostic(line),
      )
      assert.deepEqual(report.violations, [])
      assert.equal(report.succeeded, 18)
      context.diagnostic(JSON.stringify(report))
    })
})
