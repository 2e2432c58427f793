import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, test } from 'node:test'
import type { Worker } from 'node:worker_threads'
import type { Store } from '../../../src/store/index.ts'
import { mustAffect, type SqlValue } from '../../../src/store/sql-executor.ts'
import { createSqlStore } from '../../../src/store/sql-store.ts'
import { sqliteDialect } from '../../../src/store/sqlite/sqlite-dialect.ts'
import {
  openSqliteExecutor,
  type SqliteExecutor,
} from '../../../src/store/sqlite/sqlite-executor.ts'
import { startWriterThread } from '../../../src/store/sqlite/sqlite-writer.ts'
import { assertFailsWith } from '../../support/assert-fails-with.ts'
import { makeDirectory } from '../../support/sqlite-stores.ts'
import { later, sampleIntent } from '../../support/store-samples.ts'

const insertLease = (name: string, until: SqlValue = 1) => ({
  sql: 'insert into lease (name, holder, lease_until) values (?, ?, ?)',
  parameters: [name, 'one', until],
})

describe('the writer of SQLite', () => {
  let executor: SqliteExecutor
  let store: Store
  let threads: Worker[]
  let clean: () => Promise<void>
  beforeEach(async () => {
    const directory = await makeDirectory()
    threads = []
    executor = await openSqliteExecutor({ file: `${directory.path}/connector.db` }, (settings) => {
      const thread = startWriterThread(settings)
      threads.push(thread)
      return thread
    })
    store = createSqlStore(executor, sqliteDialect, async () => ({ bytes: 0 }))
    clean = async () => {
      await executor.close()
      await directory.remove()
    }
  })
  afterEach(async () => await clean())

  const countLeases = async (): Promise<number> =>
    (await executor.read({ sql: 'select name from lease', parameters: [] })).length

  test('many writes at once share few commits', async () => {
    await store.check()
    const before = executor.commits
    // While another connection holds the lock, the writer cannot commit what came first, and the rest piles up.
    const other = new DatabaseSync(executor.file)
    other.exec('BEGIN IMMEDIATE')
    const writes = Array.from(
      { length: 256 },
      async () => await store.certificates.reserve(sampleIntent(), 'one', later(60), later(-60)),
    )
    other.exec('ROLLBACK')
    other.close()
    await Promise.all(writes)
    const commits = executor.commits - before
    assert.ok(commits >= 4 && commits <= 5, `${commits} commits`)
    assert.equal((await store.certificates.count()).reserved, 256)
  })

  test('a unit happens whole or not at all', async () => {
    const outcome = await executor.write([
      insertLease('a'),
      mustAffect({ sql: 'delete from lease where name = ?', parameters: ['nobody'] }, 1),
    ])
    assert.deepEqual(outcome, { kind: 'conflict' })
    assert.equal(await countLeases(), 0)
  })

  test('a unit that meets a unique index conflicts; its neighbours in the commit stay', async () => {
    const outcomes = await Promise.all([
      executor.write([insertLease('a')]),
      executor.write([insertLease('b'), insertLease('a')]),
      executor.write([insertLease('c')]),
    ])
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      ['done', 'conflict', 'done'],
    )
    assert.equal(await countLeases(), 2)
  })

  test('a statement that cannot work is a bug of ours; its neighbours stay', async () => {
    const good = executor.write([insertLease('a')])
    const bad = executor.write([
      insertLease('b'),
      { sql: 'select * from no_such_table', parameters: [] },
    ])
    const wrongType = executor.write([insertLease('c', 'not a number')])
    const alsoGood = executor.write([insertLease('d')])
    await assertFailsWith(bad, 'internal/bug')
    await assertFailsWith(wrongType, 'internal/bug')
    assert.equal((await good).kind, 'done')
    assert.equal((await alsoGood).kind, 'done')
    assert.equal(await countLeases(), 2)
  })

  test('a read sees what was written before it', async () => {
    await executor.write([insertLease('a')])
    assert.equal(await countLeases(), 1)
    await assertFailsWith(
      executor.read({ sql: 'delete from lease', parameters: [] }),
      'store/unavailable',
    )
    assert.equal(await countLeases(), 1)
  })

  test('bytes that are a view on a larger buffer arrive alone and unchanged', async () => {
    const message = new Uint8Array(100_000).fill(7)
    const view = message.subarray(500, 503)
    await store.crls.publish('issuing', {
      number: 1,
      der: view,
      thisUpdate: later(0),
      nextUpdate: later(1),
      shards: 0,
      base: undefined,
      parts: new Map(),
    })
    const kept = await store.crls.current('issuing')
    assert.deepEqual(kept?.der, new Uint8Array([7, 7, 7]))
    assert.equal(message.byteLength, 100_000)
  })

  test('when the thread dies its callers are told, and the next write has a new one', async () => {
    await store.check()
    // The lock keeps the thread from finishing before its end comes.
    const other = new DatabaseSync(executor.file)
    other.exec('BEGIN IMMEDIATE')
    const writes = Array.from({ length: 20 }, async (_, index) =>
      assertFailsWith(executor.write([insertLease(`x${index}`)]), 'store/unavailable'),
    )
    const dying = threads[0]?.terminate()
    other.exec('ROLLBACK')
    other.close()
    await dying
    for (const failure of await Promise.all(writes)) assert.equal(failure.isTransient, true)
    assert.equal(await countLeases(), 0)
    await store.check()
    assert.equal(threads.length, 2)
  })

  test('a thread that cannot start fails each write, and does not spin', async () => {
    await threads[0]?.terminate()
    await assertFailsWith(
      (async () => {
        const broken = await openSqliteExecutor({ file: executor.file }, (settings) => {
          const thread = startWriterThread(settings)
          threads.push(thread)
          void thread.terminate()
          return thread
        })
        await broken.write([insertLease('a')])
      })(),
      'store/unavailable',
    )
    assert.equal(threads.length, 2)
  })

  test('close waits for what is under way, and nothing is taken afterwards', async () => {
    const writes = Array.from(
      { length: 30 },
      async (_, index) => await executor.write([insertLease(`n${index}`)]),
    )
    await Promise.all([executor.close(), ...writes])
    await assertFailsWith(executor.write([insertLease('late')]), 'store/unavailable')
    await assertFailsWith(store.outbox.find('x'), 'store/unavailable')
    const again = await openSqliteExecutor({ file: executor.file })
    assert.equal((await again.read({ sql: 'select 1 from lease', parameters: [] })).length, 30)
    await again.close()
  })
})
