import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { createFileSink, createJournal, encodeRecord, events } from '../../../src/events/index.ts'
import { identity, makeClock, makeDirectory, makeRecord } from './support.ts'

test('lines go to the file of their channel, in order, readable by the owner only', async (context) => {
  const directory = join(await makeDirectory(context), 'logs')
  const sink = createFileSink({ directory })
  sink.write(makeRecord({ detail: '1' }))
  sink.write(makeRecord({ detail: '2' }, events.ScrepRequestSuccess))
  sink.write(makeRecord({ detail: '3' }))
  await sink.close()
  const operational = await readFile(join(directory, 'operational.jsonl'), 'utf8')
  const admin = await readFile(join(directory, 'admin.jsonl'), 'utf8')
  assert.deepEqual(
    operational
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).detail),
    ['1', '3'],
  )
  assert.equal(JSON.parse(admin).eventId, 4000)
  assert.equal((await stat(directory)).mode & 0o777, 0o700)
  assert.equal((await stat(join(directory, 'admin.jsonl'))).mode & 0o777, 0o600)
})

test('a full file is archived and compressed, no line is lost or split, and the oldest archives go', async (context) => {
  const directory = await makeDirectory(context)
  const line = `${encodeRecord(makeRecord({ detail: '000' }))}\n`
  const clock = makeClock()
  const sink = createFileSink({ directory, clock, maxBytes: line.length * 3, archives: 4 })
  for (let n = 0; n < 20; n++) {
    sink.write(makeRecord({ detail: String(n).padStart(3, '0') }))
    if (n % 2 === 0) await sink.flush()
  }
  await sink.close()
  const names = (await readdir(directory)).sort()
  // 20 lines, three a file: six archives were made, the two oldest are gone. One clock second, so stamps count up.
  assert.deepEqual(names, [
    'operational-20261122T214503Z.jsonl.gz',
    'operational-20261122T214504Z.jsonl.gz',
    'operational-20261122T214505Z.jsonl.gz',
    'operational-20261122T214506Z.jsonl.gz',
    'operational.jsonl',
  ])
  const texts = await Promise.all(
    names.map(async (name) => {
      const bytes = await readFile(join(directory, name))
      return (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')
    }),
  )
  const details = texts
    .join('')
    .trimEnd()
    .split('\n')
    .map((text) => Number(JSON.parse(text).detail))
  assert.deepEqual(details, [6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19])
  for (const text of texts) assert.ok(Buffer.byteLength(text) <= line.length * 3)
})

test('an archive that a crash left uncompressed is compressed at the next start', async (context) => {
  const directory = await makeDirectory(context)
  await writeFile(join(directory, 'admin-20260101T000000Z.jsonl'), 'a\n')
  await writeFile(join(directory, 'admin-20260101T000000Z.jsonl.gz'), 'half')
  const sink = createFileSink({ directory })
  sink.write(makeRecord({}, events.ScrepRequestSuccess))
  await sink.close()
  assert.deepEqual((await readdir(directory)).sort(), [
    'admin-20260101T000000Z.jsonl.gz',
    'admin.jsonl',
  ])
  const bytes = await readFile(join(directory, 'admin-20260101T000000Z.jsonl.gz'))
  assert.equal(gunzipSync(bytes).toString(), 'a\n')
})

test('a torn line of an earlier process does not swallow the next one', async (context) => {
  const directory = await makeDirectory(context)
  await writeFile(join(directory, 'operational.jsonl'), '{"torn":', { mode: 0o644 })
  const sink = createFileSink({ directory })
  sink.write(makeRecord({ detail: 'whole' }))
  await sink.close()
  const lines = (await readFile(join(directory, 'operational.jsonl'), 'utf8')).split('\n')
  assert.equal(lines[0], '{"torn":')
  assert.equal(JSON.parse(lines[1] ?? '').detail, 'whole')
  assert.equal((await stat(join(directory, 'operational.jsonl'))).mode & 0o777, 0o600)
})

test('a disk that refuses makes the sink unhealthy; lines wait, then are dropped, counted and recorded', async (context) => {
  const parent = await makeDirectory(context)
  const directory = join(parent, 'logs')
  // A file where the folder should be refuses every user, root included.
  await writeFile(directory, '')
  const lineBytes = Buffer.byteLength(encodeRecord(makeRecord({ detail: '0' }))) + 1
  const sink = createFileSink({
    directory,
    maxWaitingBytes: lineBytes * 3 + 10,
    retryMs: 3_600_000,
  })
  const journal = createJournal({ identity, sinks: [sink], clock: makeClock() })
  for (let n = 0; n < 8; n++) journal.record(events.ScepRequestReceived, { detail: String(n) })
  await journal.flush()
  assert.equal(sink.health().ok, false)
  assert.match(sink.health().detail, /operational log cannot be written: (ENOTDIR|EEXIST)/)
  assert.equal(sink.health().droppedLines, 5)

  await rm(directory)
  await journal.flush()
  assert.equal(sink.health().ok, true)
  await journal.close()
  const text = await readFile(join(directory, 'operational.jsonl'), 'utf8')
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.deepEqual(
    lines.map((line) => line.detail),
    ['0', '1', '2', 'operational log'],
  )
  assert.deepEqual([lines[3].eventName, lines[3].count], ['LogLinesDropped', 5])
})

test('a write that the file system cuts short is finished after it has room again', async (context) => {
  const directory = await makeDirectory(context)
  // /dev/full answers ENOSPC to every write.
  await symlink('/dev/full', join(directory, 'operational.jsonl'))
  const sink = createFileSink({ directory, retryMs: 3_600_000 })
  sink.write(makeRecord({ detail: 'kept' }))
  await sink.flush()
  assert.match(sink.health().detail, /ENOSPC|EPERM|EACCES/)
  await rm(join(directory, 'operational.jsonl'))
  await sink.close()
  const text = await readFile(join(directory, 'operational.jsonl'), 'utf8')
  assert.equal(JSON.parse(text).detail, 'kept')
  assert.equal(sink.health().droppedLines, 0)
})

test('a volume that was exchanged is noticed and written', async (context) => {
  const parent = await makeDirectory(context)
  const directory = join(parent, 'logs')
  await mkdir(directory)
  const sink = createFileSink({ directory })
  sink.write(makeRecord({ detail: 'old' }))
  await sink.flush()
  await rename(directory, join(parent, 'gone'))
  // The path is looked at once a second of the monotonic clock.
  context.mock.method(performance, 'now', () => Number.MAX_SAFE_INTEGER)
  sink.write(makeRecord({ detail: 'new' }))
  await sink.close()
  assert.equal(
    JSON.parse(await readFile(join(directory, 'operational.jsonl'), 'utf8')).detail,
    'new',
  )
})
