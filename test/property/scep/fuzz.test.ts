import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runFuzz } from './fuzz-run.ts'

test('2,000 mutated messages are each parsed or refused with a ConnectorError', () => {
  const report = runFuzz({ count: 2_000, seed: 20_260_301, limitMs: Number.POSITIVE_INFINITY })
  assert.deepEqual(report.findings, [])
  for (const [name, { tried, accepted }] of Object.entries(report.targets)) {
    assert.ok(tried > 50, `${name} was tried ${tried} times`)
    assert.ok(accepted < tried, `${name} refused something`)
  }
})
