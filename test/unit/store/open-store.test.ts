import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { openStore } from '../../../src/store/index.ts'
import { migrationNames } from '../../../src/store/schema-version.ts'
import { openForWriting } from '../../../src/store/sqlite/sqlite-connection.ts'
import { assertFailsWith } from '../../support/assert-fails-with.ts'
import { makeDirectory } from '../../support/sqlite-stores.ts'

const run = promisify(execFile)

describe('openStore', () => {
  let directory: Awaited<ReturnType<typeof makeDirectory>>
  beforeEach(async () => {
    directory = await makeDirectory()
  })
  afterEach(async () => await directory.remove())

  test('the directory is 0700, all files are 0600, whatever the umask says', async () => {
    const folder = join(directory.path, 'a', 'data')
    const before = process.umask(0)
    try {
      const store = await openStore({ kind: 'sqlite', file: join(folder, 'connector.db') })
      await store.check()
      assert.equal((await stat(folder)).mode & 0o777, 0o700)
      const names = await readdir(folder)
      assert.deepEqual(names.sort(), ['connector.db', 'connector.db-shm', 'connector.db-wal'])
      for (const name of names)
        assert.equal((await stat(join(folder, name))).mode & 0o777, 0o600, name)
      await store.close()
      assert.deepEqual(await readdir(folder), ['connector.db'])
    } finally {
      process.umask(before)
    }
  })

  test('what was written is there after opening again', async () => {
    const file = join(directory.path, 'connector.db')
    const first = await openStore({ kind: 'sqlite', file })
    assert.equal(await first.crls.takeNumber('issuing'), 1)
    await first.close()
    const second = await openStore({ kind: 'sqlite', file })
    assert.equal(await second.crls.takeNumber('issuing'), 2)
    await second.close()
  })

  test('a commit is on the disk, in a write-ahead log, before it returns', async () => {
    const file = join(directory.path, 'connector.db')
    await (await openStore({ kind: 'sqlite', file })).close()
    const { database } = openForWriting({ file, busyTimeoutMs: 1234, maxBytes: undefined })
    const pragma = (name: string) =>
      Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]
    assert.equal(pragma('journal_mode'), 'wal')
    assert.equal(pragma('synchronous'), 2)
    assert.equal(pragma('foreign_keys'), 1)
    assert.equal(pragma('busy_timeout'), 1234)
    database.close()
  })

  test('a database of a newer version is refused with its name, and left as it was', async () => {
    const file = join(directory.path, 'connector.db')
    await (await openStore({ kind: 'sqlite', file })).close()
    const database = new DatabaseSync(file)
    database.exec(`insert into kysely_migration values ('9999-from-the-future', '2099-01-01')`)
    database.close()
    const refused = await assertFailsWith(openStore({ kind: 'sqlite', file }), 'store/unavailable')
    assert.equal(refused.isTransient, false)
    assert.match(refused.message, /newer version.*9999-from-the-future/)
    const again = new DatabaseSync(file)
    const { n } = again.prepare('select count(*) as n from kysely_migration').get() ?? {}
    assert.equal(n, migrationNames.length + 1)
    again.close()
  })

  test('four processes that start at once on an empty directory migrate once and share the work', async () => {
    const file = join(directory.path, 'data', 'connector.db')
    const door = pathToFileURL(join(import.meta.dirname, '../../../src/store/index.ts')).href
    const program = `
      const { openStore } = await import(${JSON.stringify(door)})
      const store = await openStore({ kind: 'sqlite', file: ${JSON.stringify(file)} })
      const numbers = await Promise.all(Array.from({ length: 25 }, () => store.crls.takeNumber('issuing')))
      const now = new Date()
      const leader = await store.leases.acquire('crl', String(process.pid), now, new Date(now.getTime() + 60000))
      await store.close()
      process.stdout.write(JSON.stringify({ numbers, leader }))`
    const answers = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program])
        return JSON.parse(stdout) as { numbers: number[]; leader: boolean }
      }),
    )
    const numbers = answers.flatMap((answer) => answer.numbers).sort((a, b) => a - b)
    assert.deepEqual(
      numbers,
      Array.from({ length: 100 }, (_, index) => index + 1),
    )
    assert.equal(answers.filter(({ leader }) => leader).length, 1)
    const database = new DatabaseSync(file)
    const done = database.prepare('select name from kysely_migration').all()
    assert.deepEqual(
      done.map((row) => row['name']),
      [...migrationNames],
    )
    database.close()
  })
})
