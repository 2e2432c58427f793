import assert from 'node:assert/strict'
import { PassThrough, Writable } from 'node:stream'
import { test } from 'node:test'
import { createConsoleSink, events, formatRecord, parseRecord } from '../../../src/events/index.ts'
import { makeRecord } from './support.ts'

test('json writes one line an event that can be read back', async () => {
  const stream = new PassThrough()
  const sink = createConsoleSink({ format: 'json', stream })
  const record = makeRecord({ detail: 'x' })
  sink.write(record)
  await sink.flush()
  assert.deepEqual(parseRecord(stream.read().toString('utf8').trimEnd()), record)
})

test('pretty writes time, level, number, name and fields on one line', () => {
  assert.equal(
    formatRecord(makeRecord({ transactionId: 't', detail: 'two words' }, events.ServiceStarted)),
    '21:45:01.123 I 0001 ServiceStarted  transactionId=t  detail="two words"',
  )
})

test('a reader that is slow loses lines, which are counted and told when it reads again', async () => {
  const stream = new PassThrough({ highWaterMark: 1 })
  const sink = createConsoleSink({ format: 'json', stream, maxWaitingBytes: 10 })
  const told: number[] = []
  sink.onRecovery?.(({ droppedLines }) => told.push(droppedLines))
  for (let n = 0; n < 5; n++) sink.write(makeRecord())
  assert.equal(sink.health?.().droppedLines, 4)
  const drained = new Promise((resolve) => stream.once('drain', resolve))
  stream.resume()
  await drained
  assert.deepEqual(told, [4])
})

test('a reader that is gone stops nothing', async () => {
  const stream = new Writable({
    write: (_chunk, _encoding, done) => done(Object.assign(new Error('gone'), { code: 'EPIPE' })),
  })
  const sink = createConsoleSink({ format: 'json', stream })
  sink.write(makeRecord())
  await new Promise((resolve) => setImmediate(resolve))
  sink.write(makeRecord())
  await sink.flush()
  assert.deepEqual(sink.health?.(), {
    ok: false,
    detail: 'console cannot be written: EPIPE',
    droppedLines: 1,
  })
})
