import assert from 'node:assert/strict'
import { appendFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  createFileSink,
  createJournal,
  encodeRecord,
  events,
  followEvents,
  listRecordedNotifications,
  readEvents,
} from '../../../src/events/index.ts'
import { identity, makeClock, makeDirectory, makeRecord } from './support.ts'

test('events are read from archives and the current file, oldest first, the youngest when limited', async (context) => {
  const directory = await makeDirectory(context)
  const clock = makeClock()
  const sink = createFileSink({ directory, clock, maxBytes: 1200 })
  const journal = createJournal({ identity, sinks: [sink], clock })
  for (let n = 0; n < 12; n++) {
    journal.record(events.ScepRequestReceived, { transactionId: `t${n % 2}`, count: n })
    clock.advance(60_000)
    await journal.flush()
  }
  await journal.close()
  assert.ok((await readdir(directory)).length >= 4)
  const read = async (query: Parameters<typeof readEvents>[1]) =>
    (await readEvents(directory, query)).map((record) => record.count)
  assert.deepEqual(await read({}), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
  assert.deepEqual(await read({ limit: 5 }), [7, 8, 9, 10, 11])
  assert.deepEqual(await read({ transactionId: 't1', limit: 2 }), [9, 11])
  assert.deepEqual(await read({ since: new Date('2026-11-22T21:53:01.123Z') }), [8, 9, 10, 11])
  assert.deepEqual(await read({ channel: 'admin' }), [])
  assert.deepEqual(await read({ id: 4004 }), [])
})

test('torn and foreign lines are passed over', async (context) => {
  const directory = await makeDirectory(context)
  const whole = encodeRecord(makeRecord({ detail: 'whole' }))
  const text = `not ours\n${whole}\n{"eventId":4003}\n${whole.slice(0, 80)}`
  await writeFile(join(directory, 'operational.jsonl'), text)
  assert.deepEqual(
    (await readEvents(directory)).map((record) => record.detail),
    ['whole'],
  )
})

test('an archive that ends too early gives what is whole', async (context) => {
  const directory = await makeDirectory(context)
  await writeFile(join(directory, 'operational-20260101T000000Z.jsonl.gz'), 'half')
  await writeFile(join(directory, 'operational.jsonl'), `${encodeRecord(makeRecord())}\n`)
  assert.equal((await readEvents(directory)).length, 1)
})

test('a directory that does not exist holds no events', async (context) => {
  const directory = join(await makeDirectory(context), 'missing')
  assert.deepEqual(await readEvents(directory), [])
})

test('notifications with their Admin event are listed from all files that may hold it', async (context) => {
  const directory = await makeDirectory(context)
  const sink = createFileSink({ directory, maxBytes: 400 })
  const journal = createJournal({ identity, sinks: [sink], clock: makeClock() })
  journal.record(events.ScepNotifySuccess, { notificationId: 'operational' })
  for (const notificationId of ['n-1', 'n-2', 'n-3'])
    journal.record(events.ScrepRequestSuccess, { notificationId })
  journal.record(events.ScepRequestUploadFailure, { notificationId: 'another event' })
  await journal.close()
  const counted = [events.ScrepRequestSuccess.id]
  const { ids, keptSince } = await listRecordedNotifications(directory, counted, new Date(0))
  assert.deepEqual([...ids].sort(), ['n-1', 'n-2', 'n-3'])
  const [oldest] = await readEvents(directory, { channel: 'admin' })
  assert.deepEqual(keptSince, oldest?.timestamp)
})

test('an admin log without lines is kept since no time', async (context) => {
  const directory = await makeDirectory(context)
  const { ids, keptSince } = await listRecordedNotifications(directory, [4000], new Date(0))
  assert.equal(ids.size, 0)
  assert.equal(keptSince, undefined)
})

test('following gives events as they are written, whole lines only, across an archive, until it is ended', async (context) => {
  const directory = await makeDirectory(context)
  const path = join(directory, 'operational.jsonl')
  await writeFile(path, `${encodeRecord(makeRecord({ detail: 'before' }))}\n`)
  const end = new AbortController()
  const iterator = followEvents(directory, {
    channel: 'operational',
    signal: end.signal,
    pollMs: 1,
  })
  const first = iterator.next()
  // The position is taken at the first next(): nothing is written before the file was looked at.
  await new Promise((resolve) => setTimeout(resolve, 50))
  const line = encodeRecord(makeRecord({ detail: 'torn, then whole' }))
  await appendFile(path, line.slice(0, 40))
  await appendFile(path, `${line.slice(40)}\n`)
  assert.equal((await first).value?.detail, 'torn, then whole')

  const sink = createFileSink({ directory, maxBytes: 100 })
  for (const detail of ['a', 'b']) {
    const next = iterator.next()
    sink.write(makeRecord({ detail }))
    await sink.flush()
    assert.equal((await next).value?.detail, detail)
  }
  await sink.close()

  const last = iterator.next()
  end.abort()
  assert.deepEqual(await last, { done: true, value: undefined })
})

test('following from the start gives what is there and keeps to the query', async (context) => {
  const directory = await makeDirectory(context)
  const lines = ['a', 'b'].map(
    (transactionId) => `${encodeRecord(makeRecord({ transactionId }))}\n`,
  )
  await writeFile(join(directory, 'operational.jsonl'), lines.join(''))
  const end = new AbortController()
  const query = { transactionId: 'b', from: 'start', signal: end.signal } as const
  for await (const record of followEvents(directory, query)) {
    assert.equal(record.transactionId, 'b')
    break
  }
})
