import assert from 'node:assert/strict'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { openStore, type Store } from '../../../src/store/index.ts'
import { assertFailsWith } from '../../support/assert-fails-with.ts'
import { makeDirectory } from '../../support/sqlite-stores.ts'
import { later, sampleIntent, sampleIssued, sampleOwed } from '../../support/store-samples.ts'

describe('backup', () => {
  let directory: Awaited<ReturnType<typeof makeDirectory>>
  let store: Store
  beforeEach(async () => {
    directory = await makeDirectory()
    store = await openStore({ kind: 'sqlite', file: join(directory.path, 'data/connector.db') })
  })
  afterEach(async () => {
    await store.close()
    await directory.remove()
  })

  async function issueOne(): Promise<void> {
    const intent = sampleIntent()
    await store.certificates.reserve(intent, 'one', later(60), later(-60))
    await store.certificates.complete(intent, sampleIssued(intent), sampleOwed())
  }

  test('a copy made while certificates are written is whole and consistent', async () => {
    for (let count = 0; count < 100; count += 1) await issueOne()
    let isWriting = true
    const writing = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (isWriting) await issueOne()
      }),
    )
    const path = join(directory.path, 'copy.db')
    const { bytes } = await store.backup(path)
    isWriting = false
    await writing
    assert.equal((await stat(path)).size, bytes)
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    const copy = new DatabaseSync(path, { readOnly: true })
    assert.deepEqual({ ...copy.prepare('PRAGMA integrity_check').get() }, { integrity_check: 'ok' })
    const count = (sql: string): number => Number(copy.prepare(sql).get()?.['n'])
    const issued = count(`select count(*) as n from certificate where state = 'issued'`)
    assert.ok(issued >= 100)
    assert.equal(count('select count(*) as n from notification'), issued)
    copy.close()
    const restored = await openStore({ kind: 'sqlite', file: path })
    assert.equal((await restored.certificates.count()).issued, issued)
    await issueOne()
    await restored.close()
  })

  test('a file that exists is not overwritten, and nothing is left beside it', async () => {
    const path = join(directory.path, 'taken.db')
    await writeFile(path, 'precious')
    await assertFailsWith(store.backup(path), 'store/conflict')
    assert.equal(await readFile(path, 'utf8'), 'precious')
    await assertFailsWith(store.backup(join(directory.path, 'none/copy.db')), 'store/unavailable')
    assert.deepEqual((await readdir(directory.path)).sort(), ['data', 'taken.db'])
  })

  test('of two backups to one name at once one wins', async () => {
    const path = join(directory.path, 'copy.db')
    const outcomes = await Promise.allSettled([store.backup(path), store.backup(path)])
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
    assert.deepEqual((await readdir(directory.path)).sort(), ['copy.db', 'data'])
  })
})
