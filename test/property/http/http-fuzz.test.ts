import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { startTestConnector, type TestConnector } from '../../support/running-connector.ts'
import { runHttpFuzz } from './http-fuzz-run.ts'

// The long version, against a process of its own: npm run fuzz -- http
suite('mutated requests over HTTP', () => {
  let running: TestConnector
  before(async () => {
    running = await startTestConnector((configuration) => ({
      ...configuration,
      listeners: {
        ...configuration.listeners,
        device: {
          ...configuration.listeners.device,
          requestsPerMinute: 0,
          failedChallengesPerMinute: 0,
        },
      },
    }))
  })
  after(() => running.remove())

  test('REQ-7, REQ-100: 600 get an answer of the table without a trace of the inside, and decryption failures the same', async () => {
    const report = await runHttpFuzz({
      count: 600,
      seed: 20_261_125,
      deviceUrl: running.connector.deviceUrl,
      profile: 'static',
      challenge: 'secret',
      lanes: 4,
      deadlineMs: 30_000,
    })
    assert.deepEqual(report.findings, [])
    assert.ok(report.decryptFailures > 20, `${report.decryptFailures} decryption failures`)
    const seen = [...report.outcomes.keys()].map((key) => key.slice(21))
    for (const outcome of ['200 2/1', '200 2/2', '400', '404'])
      assert.ok(seen.includes(outcome), `${outcome} was seen`)
  })
})
