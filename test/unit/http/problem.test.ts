import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseProblem } from '../../../src/http/problem.ts'
import { ConnectorError } from '../../../src/kernel/index.ts'

test('REQ-190: overload of the worker threads is 503 with the advice in whole seconds', () => {
  const error = new ConnectorError('worker/overloaded', 'full', { retryAfterMs: 4_200 })
  const problem = parseProblem(error)
  assert.equal(problem.status, 503)
  assert.equal(problem.retryAfterSeconds, 5)
})

test('a failure of a worker without advice still says when to come back', () => {
  for (const code of ['worker/timeout', 'worker/died'] as const) {
    const problem = parseProblem(new ConnectorError(code, 'gone'))
    assert.equal(problem.status, 503)
    assert.ok((problem.retryAfterSeconds ?? 0) >= 1)
  }
})

test('a message without transactionID is 400', () => {
  assert.equal(parseProblem(new ConnectorError('scep/malformed', 'no TLV')).status, 400)
})

test('the operator’s message never goes out; the told text does', () => {
  const hidden = parseProblem(new ConnectorError('store/conflict', 'row 7 of table x'))
  assert.equal(hidden.status, 500)
  assert.doesNotMatch(hidden.sentence, /row 7/)
  const told = parseProblem(new ConnectorError('scep/malformed', 'x', { told: 'Send DER.' }))
  assert.equal(told.sentence, 'Send DER.')
})

test('a broken escape in a path is the fault of who sent it', () => {
  assert.equal(parseProblem(new URIError('URI malformed')).status, 400)
})

test('what is no ConnectorError is 500 with a fixed sentence', () => {
  for (const thrown of [new TypeError('secret detail'), 'text', undefined, { status: 200 }]) {
    const problem = parseProblem(thrown)
    assert.equal(problem.status, 500)
    assert.doesNotMatch(problem.sentence, /secret/)
  }
})
