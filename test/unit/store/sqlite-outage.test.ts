import assert from 'node:assert/strict'
import { rename, writeFile } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, test } from 'node:test'
import type { Store } from '../../../src/store/index.ts'
import { createSqlStore } from '../../../src/store/sql-store.ts'
import { sqliteDialect } from '../../../src/store/sqlite/sqlite-dialect.ts'
import {
  openSqliteExecutor,
  type SqliteExecutor,
  type SqliteOptions,
} from '../../../src/store/sqlite/sqlite-executor.ts'
import { assertFailsWith } from '../../support/assert-fails-with.ts'
import { makeDirectory } from '../../support/sqlite-stores.ts'
import {
  later,
  sampleIntent,
  sampleIssued,
  sampleOwed,
  sampleRefusal,
} from '../../support/store-samples.ts'

describe('SQLite when its file is in trouble', () => {
  let directory: Awaited<ReturnType<typeof makeDirectory>>
  let executor: SqliteExecutor
  let store: Store

  async function open(options: Omit<SqliteOptions, 'file'>): Promise<void> {
    executor = await openSqliteExecutor({ file: `${directory.path}/connector.db`, ...options })
    store = createSqlStore(executor, sqliteDialect, async () => ({ bytes: 0 }))
  }
  beforeEach(async () => {
    directory = await makeDirectory()
  })
  afterEach(async () => {
    await executor.close()
    await directory.remove()
  })

  test('a full disk refuses writes, keeps what was there, and takes writes again once there is room', async () => {
    await open({ maxBytes: 400 * 1024 })
    const intent = sampleIntent()
    await store.certificates.reserve(intent, 'one', later(60), later(-60))
    let failure: unknown
    for (let count = 0; count < 400 && failure === undefined; count += 1)
      await store.certificates
        .refuse(sampleRefusal({ reason: 'x'.repeat(8000) }), undefined)
        .catch((error: unknown) => {
          failure = error
        })
    const refused = await assertFailsWith(Promise.reject(failure as Error), 'store/unavailable')
    assert.equal(refused.isTransient, true)
    assert.match(refused.message, /full/)
    assert.equal((await store.certificates.count()).reserved, 1, 'reads go on')

    const administrator = new DatabaseSync(executor.file, { timeout: 5000 })
    administrator.exec('delete from refusal')
    administrator.close()
    const owed = sampleOwed()
    await store.certificates.complete(intent, sampleIssued(intent), owed)
    assert.equal((await store.certificates.count()).issued, 1)
    assert.ok(await store.outbox.find(owed.id))
  })

  test('of a certificate that does not fit, nothing is written, nor its notification', async () => {
    await open({ maxBytes: 400 * 1024 })
    const intent = sampleIntent()
    await store.certificates.reserve(intent, 'one', later(60), later(-60))
    const owed = sampleOwed({ payload: new Uint8Array(500_000) })
    await assertFailsWith(
      store.certificates.complete(intent, sampleIssued(intent), owed),
      'store/unavailable',
    )
    const record = await store.certificates.findBySerial(intent.caId, intent.order.serialHex)
    assert.equal(record?.state, 'reserved')
    assert.equal(await store.outbox.find(owed.id), undefined)
  })

  test('a file that another program locks is unavailable until it is let go', async () => {
    await open({ busyTimeoutMs: 50 })
    await store.check()
    const other = new DatabaseSync(executor.file)
    other.exec('BEGIN IMMEDIATE')
    const refused = await assertFailsWith(store.check(), 'store/unavailable')
    assert.equal(refused.isTransient, true)
    other.exec('ROLLBACK')
    other.close()
    await store.check()
  })

  test('a file that was moved away is unavailable, is not made anew, and works when it is back', async () => {
    await open({})
    assert.equal(await store.crls.takeNumber('issuing'), 1)
    await rename(executor.file, `${executor.file}.away`)
    await assertFailsWith(store.crls.takeNumber('issuing'), 'store/unavailable')
    await assertFailsWith(store.check(), 'store/unavailable')
    await rename(`${executor.file}.away`, executor.file)
    assert.equal(await store.crls.takeNumber('issuing'), 2)
    await store.check()
  })

  test('a file replaced while it is open is refused once, then reads and writes go to the new one', async () => {
    await open({})
    await store.crls.takeNumber('issuing')
    assert.equal(await store.crls.current('issuing'), undefined)
    const other = await openSqliteExecutor({ file: `${directory.path}/other.db` })
    await createSqlStore(other, sqliteDialect, async () => ({ bytes: 0 })).crls.publish('issuing', {
      number: 9,
      der: new Uint8Array([1]),
      thisUpdate: later(0),
      nextUpdate: later(1),
      shards: 0,
      base: undefined,
      parts: new Map(),
    })
    await other.close()
    await rename(`${directory.path}/other.db`, executor.file)
    await assertFailsWith(store.check(), 'store/unavailable')
    await store.check()
    assert.equal((await store.crls.current('issuing'))?.number, 9)
  })

  test('a file that is no database is refused for good', async () => {
    await open({})
    await executor.close()
    const file = `${directory.path}/text.db`
    await writeFile(file, 'this is a letter, and not a database at all. '.repeat(100))
    const refused = await assertFailsWith(openSqliteExecutor({ file }), 'store/unavailable')
    assert.equal(refused.isTransient, false)
    assert.match(refused.message, /restore/)
  })

  test('a directory that cannot be made is unavailable', async () => {
    await open({})
    await writeFile(`${directory.path}/plain`, '')
    await assertFailsWith(
      openSqliteExecutor({ file: `${directory.path}/plain/connector.db` }),
      'store/unavailable',
    )
  })
})
