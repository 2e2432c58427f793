import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { ConnectorError, Secret } from '../../../src/kernel/index.ts'
import { loadDataKey } from '../../../src/store/data-key.ts'

describe('data key', () => {
  const folder = mkdtempSync(join(tmpdir(), 'data-key-'))
  after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'data.key')
  const passphrase = new Secret('correct horse battery staple')

  test('is made once and is the same afterwards', () => {
    const made = loadDataKey(file, passphrase)
    assert.equal(made.byteLength, 32)
    assert.deepEqual(loadDataKey(file, passphrase), made)
    assert.equal(statSync(file).mode & 0o777, 0o600)
    assert.equal(readFileSync(file).includes(Buffer.from(made)), false)
  })

  test('does not open with another passphrase, and the error says what to do', () => {
    assert.throws(
      () => loadDataKey(file, new Secret('something else entirely')),
      (error) =>
        error instanceof ConnectorError &&
        error.code === 'key/unreadable' &&
        error.message.includes(file) &&
        !error.message.includes('something else'),
    )
  })

  test('a file that is not ours is refused and left as it is', () => {
    const other = join(folder, 'other.key')
    writeFileSync(other, 'not a key')
    assert.throws(() => loadDataKey(other, passphrase), { code: 'key/unreadable' })
    assert.equal(readFileSync(other, 'utf8'), 'not a key')
  })
})
