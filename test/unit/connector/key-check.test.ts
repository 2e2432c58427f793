import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { loadBlockedKeys } from '../../../src/compose/blocked-keys.ts'
import { assertFailsWith } from '../../support/assert-fails-with.ts'
import { createDeviceRequest, createStage } from '../../support/enrolment-stage.ts'

describe('keys that are never certified again', () => {
  test('REQ-121: the key of a certificate that was revoked for keyCompromise, on the next request', async () => {
    const stage = await createStage()
    const first = createDeviceRequest()
    assert.equal((await stage.enrol(first)).status, 'SUCCESS')
    const [record] = await stage.store.certificates.listRecent(1)
    assert.ok(record !== undefined)
    const { csr } = createDeviceRequest()
    const again = createDeviceRequest({ csr: { ...csr, spkiDer: first.csr.spkiDer } })
    const { serialHex } = record.order
    await stage.store.certificates.revoke(record.caId, serialHex, 4, stage.clock.now())
    assert.equal((await stage.enrol(again)).status, 'SUCCESS')
    // Replaced first, found out to be in other hands later.
    await stage.store.certificates.revoke(record.caId, serialHex, 1, stage.clock.now())
    const third = createDeviceRequest({
      csr: { ...createDeviceRequest().csr, spkiDer: first.csr.spkiDer },
    })
    const answer = await stage.enrol(third)
    assert.equal(answer.status, 'FAILURE')
    assert.equal(answer.failInfo, 'badRequest')
    assert.match(answer.failText ?? '', /compromised/)
  })
})

describe('the list of blocked keys', () => {
  function load(text: string): ReadonlySet<string> {
    const directory = mkdtempSync(join(tmpdir(), 'blocked-'))
    try {
      const file = join(directory, 'keys.txt')
      writeFileSync(file, text)
      return loadBlockedKeys(file)
    } finally {
      rmSync(directory, { recursive: true })
    }
  }
  const hex = createHash('sha256').update('a key').digest('hex')

  test('REQ-121: digits in either case, colons, comments and empty lines', () => {
    const colons = hex.replaceAll(/..(?=.)/g, '$&:').toUpperCase()
    assert.deepEqual(load(`# known\n\n${hex}   # one\r\n${colons}\n`), new Set([hex.toUpperCase()]))
    assert.deepEqual(loadBlockedKeys(undefined), new Set())
  })

  test('a line that is something else is named with its number', async () => {
    const failure = await assertFailsWith(
      (async () => load(`${hex}\n${hex.slice(2)}\n`))(),
      'config/invalid',
    )
    assert.match(failure.message, /line 2/)
    await assertFailsWith((async () => loadBlockedKeys('/nowhere/keys.txt'))(), 'config/invalid')
  })
})
