import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { loadConnectorId, loadOrMakePassphrase, loadTls } from '../../../src/compose/identity.ts'
import { makeThrowawayIdentity } from '../../support/throwaway-identity.ts'

describe('identity', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'identity-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  test('the name is a GUID, made once, and nothing else is left in the folder', () => {
    const id = loadConnectorId(folder)
    assert.match(id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    assert.equal(loadConnectorId(folder), id)
    assert.deepEqual(readdirSync(folder), ['connector-id'])
  })

  test('an empty name is refused, with the remedy', () => {
    writeFileSync(join(folder, 'connector-id'), '\n')
    assert.throws(() => loadConnectorId(folder), { code: 'config/invalid', message: /delete it/ })
  })

  test('a passphrase beside the data is made once, for its owner only', async () => {
    const file = join(folder, 'passphrase')
    const made = await loadOrMakePassphrase(file, folder)
    assert.equal((await loadOrMakePassphrase(file, folder)).reveal(), made.reveal())
    assert.equal(statSync(file).mode & 0o777, 0o600)
    assert.deepEqual(readdirSync(folder), ['passphrase'])
  })

  test('a passphrase elsewhere is never made', async () => {
    const file = join(folder, 'mounted')
    await assert.rejects(loadOrMakePassphrase(file, folder), { code: 'key/unreadable' })
    assert.deepEqual(readdirSync(folder), [])
  })

  test('a TLS file without a certificate is named with its key', () => {
    const file = join(folder, 'tls.pem')
    writeFileSync(file, 'not PEM')
    assert.throws(() => loadTls({ certificateFile: file, keyFile: file }), {
      code: 'config/invalid',
      message: /listeners\.device\.tls\.certificateFile: .* holds no certificate/,
    })
  })

  test('a TLS key that is none, or that of another certificate, is named with its key', async () => {
    const [own, other] = [await makeThrowawayIdentity(), await makeThrowawayIdentity()]
    const certificateFile = join(folder, 'tls.pem')
    writeFileSync(certificateFile, own.certificatePem)
    for (const key of ['not PEM', other.privateKeyPem]) {
      const keyFile = join(folder, 'tls.key')
      writeFileSync(keyFile, key)
      assert.throws(() => loadTls({ certificateFile, keyFile }), {
        code: 'key/unreadable',
        message: /listeners\.device\.tls\.keyFile: .*tls\.key is not the key of .*tls\.pem/,
      })
    }
  })
})
