import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { createDurableFile } from '../../../src/store/durable-file.ts'

describe('durable file', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'durable-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  test('is made whole with its mode, and leaves nothing beside it', () => {
    const file = join(folder, 'key')
    assert.equal(createDurableFile(file, Buffer.from('content'), 0o600), true)
    assert.equal(readFileSync(file, 'utf8'), 'content')
    assert.equal(statSync(file).mode & 0o777, 0o600)
    assert.deepEqual(readdirSync(folder), ['key'])
  })

  test('one that exists is left as it is', () => {
    const file = join(folder, 'key')
    writeFileSync(file, 'first')
    assert.equal(createDurableFile(file, Buffer.from('second'), 0o600), false)
    assert.equal(readFileSync(file, 'utf8'), 'first')
    assert.deepEqual(readdirSync(folder), ['key'])
  })

  test('a folder that does not exist is the error of the system', () => {
    assert.throws(() => createDurableFile(join(folder, 'no', 'key'), Buffer.of(1), 0o600), {
      code: 'ENOENT',
    })
  })
})
