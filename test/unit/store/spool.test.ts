import assert from 'node:assert/strict'
import {
  mkdir,
  readdir,
  readFile,
  rename,
  stat,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { openSpool, type Spool } from '../../../src/store/index.ts'
import { assertFailsWith } from '../../support/assert-fails-with.ts'
import { makeDirectory } from '../../support/sqlite-stores.ts'
import { later } from '../../support/store-samples.ts'

describe('spool', () => {
  let directory: Awaited<ReturnType<typeof makeDirectory>>
  let folder: string
  let spool: Spool
  beforeEach(async () => {
    directory = await makeDirectory()
    folder = join(directory.path, 'spool')
    spool = openSpool(folder)
  })
  afterEach(async () => await directory.remove())

  const entry = (id: string, seconds: number) => ({
    id,
    savedAt: later(seconds),
    payload: new Uint8Array([0, 255, seconds]),
  })

  test('a spool nobody has written to is empty, and opening it makes nothing', async () => {
    assert.deepEqual(await spool.list(), { entries: [], unreadable: [] })
    assert.deepEqual(await readdir(directory.path), [])
  })

  test('entries come back whole, oldest first, also to another process', async () => {
    await spool.save(entry('second', 2))
    await spool.save(entry('third', 3))
    await spool.save(entry('first', 1))
    const { entries, unreadable } = await openSpool(folder).list()
    assert.deepEqual(entries, [entry('first', 1), entry('second', 2), entry('third', 3)])
    assert.deepEqual(unreadable, [])
  })

  test('files are 0600 in a directory 0700, without a temporary one left', async () => {
    await spool.save(entry('one', 1))
    assert.equal((await stat(folder)).mode & 0o777, 0o700)
    assert.deepEqual(await readdir(folder), ['one.entry'])
    assert.equal((await stat(join(folder, 'one.entry'))).mode & 0o777, 0o600)
  })

  test('saving an id again replaces the entry; removing it twice is harmless', async () => {
    await spool.save(entry('one', 1))
    await spool.save(entry('one', 2))
    assert.deepEqual((await spool.list()).entries, [entry('one', 2)])
    await spool.remove('one')
    await spool.remove('one')
    assert.deepEqual((await spool.list()).entries, [])
  })

  test('a file that is no entry is set aside with its content, and the others are listed', async () => {
    await spool.save(entry('good', 1))
    await spool.save(entry('cut', 2))
    await truncate(join(folder, 'cut.entry'), 11)
    await writeFile(join(folder, 'alien.entry'), 'hello, I am not an entry')
    await writeFile(join(folder, 'bad name.entry'), await readFile(join(folder, 'good.entry')))
    await mkdir(join(folder, 'folder.entry'))
    const { entries, unreadable } = await spool.list()
    assert.deepEqual(entries, [entry('good', 1)])
    assert.deepEqual([...unreadable].sort(), [
      'alien.entry',
      'bad name.entry',
      'cut.entry',
      'folder.entry',
    ])
    assert.equal(
      await readFile(join(folder, 'alien.entry.bad'), 'utf8'),
      'hello, I am not an entry',
    )
    assert.deepEqual((await spool.list()).unreadable, [], 'reported once')
  })

  test('a file larger than an entry can be is not read', async () => {
    await spool.save(entry('huge', 1))
    await truncate(join(folder, 'huge.entry'), 3 << 20)
    assert.deepEqual((await spool.list()).unreadable, ['huge.entry'])
  })

  test('a payload above the limit is refused, one at the limit is kept', async () => {
    const payload = new Uint8Array(1 << 20).fill(9)
    await spool.save({ id: 'large', savedAt: later(1), payload })
    assert.deepEqual((await spool.list()).entries[0]?.payload, payload)
    const larger = new Uint8Array((1 << 20) + 1)
    await assertFailsWith(
      spool.save({ id: 'larger', savedAt: later(1), payload: larger }),
      'spool/unavailable',
    )
  })

  for (const id of ['', '../x', 'a/b', 'a.b', 'a b', 'ä', 'x'.repeat(129), 'a\0'])
    test(`the id ${JSON.stringify(id.slice(0, 12))} is refused`, async () => {
      await assertFailsWith(spool.save(entry(id, 1)), 'internal/bug')
      await assertFailsWith(spool.remove(id), 'internal/bug')
    })

  test('a disk that refuses is told, and the spool works again when it is back', async () => {
    await writeFile(folder, 'a file where the directory belongs')
    const refused = await assertFailsWith(spool.save(entry('one', 1)), 'spool/unavailable')
    assert.equal(refused.isTransient, true)
    await assertFailsWith(spool.list(), 'spool/unavailable')
    await rename(folder, `${folder}.away`)
    await spool.save(entry('one', 1))
    assert.equal((await spool.list()).entries.length, 1)
  })

  test('what a crash left half written is swept after an hour, not before', async () => {
    await spool.save(entry('one', 1))
    await writeFile(join(folder, 'old.entry.1.tmp'), 'half')
    await writeFile(join(folder, 'new.entry.2.tmp'), 'half')
    const longAgo = new Date(Date.now() - 2 * 3_600_000)
    await utimes(join(folder, 'old.entry.1.tmp'), longAgo, longAgo)
    assert.equal((await spool.list()).entries.length, 1)
    assert.deepEqual((await readdir(folder)).sort(), ['new.entry.2.tmp', 'one.entry'])
  })

  test('many saves at once are all kept', async () => {
    const ids = Array.from({ length: 40 }, (_, index) => `id-${index}`)
    await Promise.all(ids.map(async (id, index) => await spool.save(entry(id, index))))
    assert.deepEqual(
      (await spool.list()).entries.map(({ id }) => id),
      ids,
    )
  })
})
