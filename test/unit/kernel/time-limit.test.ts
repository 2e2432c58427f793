import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withTimeLimit } from '../../../src/kernel/index.ts'

test('a call that takes longer learns of it, and its failure is that of the limit', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const call = withTimeLimit(100, async (signal) => {
    const { promise, reject } = Promise.withResolvers<never>()
    signal.addEventListener('abort', () => reject(signal.reason))
    return await promise
  })
  t.mock.timers.tick(100)
  await assert.rejects(call, { name: 'TimeoutError', message: 'no answer within 100 ms' })
})

test('nothing is aborted once the call has ended, well or not', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const signals: AbortSignal[] = []
  const result = await withTimeLimit(100, async (signal) => signals.push(signal))
  assert.equal(result, 1)
  await assert.rejects(
    withTimeLimit(100, (signal) => {
      signals.push(signal)
      return Promise.reject(new TypeError('broken'))
    }),
    TypeError,
  )
  t.mock.timers.tick(1000)
  assert.deepEqual(
    signals.map(({ aborted }) => aborted),
    [false, false],
  )
})
