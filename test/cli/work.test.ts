import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type ServiceStage, startServiceStage } from '../support/queued-work.ts'
import { startTestConnector, type TestConnector } from '../support/running-connector.ts'
import { runCommand } from './command-run.ts'

describe('certconnector work, beside a connector', () => {
  let on: ServiceStage
  let stage: TestConnector
  before(async () => {
    on = await startServiceStage()
    stage = await startTestConnector((same) => on.configured(same))
    await stage.waitForEvents({ id: 67 }, (found) => found.length > 0)
  })
  after(async () => {
    await stage.remove()
    await on.close()
  })

  const work = async (...words: string[]) =>
    await runCommand(
      ['--data-dir', stage.dataDir, 'work', ...words, '--control', on.service.controlUrl],
      { cwd: on.folder },
    )

  test('recrypt without a certificate says what makes one', async () => {
    const { code, err } = await work('recrypt')
    assert.equal(code, 2)
    assert.match(err, /work pkcs makes one/)
  })

  test('what the simulator refuses is told as such, with its reason', async () => {
    const { code, err } = await work('pkcs', '--user', 'a b')
    assert.equal(code, 1)
    assert.match(err, /the simulator refuses .*work\/pkcs: HTTP 400: .*user/)
    assert.doesNotMatch(err, /is it running/)
  })

  test('pkcs shows each step and its events; what it writes opens with openssl', async () => {
    const { code, out, err } = await work('pkcs', '--user', 'alice', '--out', 'alice')
    assert.equal(code, 0, err)
    for (const pattern of [
      /subject +.*CN=alice/,
      /SID +S-1-5-21-1111111111-2222222222-3333333333-1001$/m,
      /chain +verified: .*Root/,
      /PkcsDownloadedRequest/,
      /PkcsIssuedSuccess/,
      /PkcsRequestSuccess/,
    ])
      assert.match(out, pattern)
    const openssl = (...words: string[]): string =>
      execFileSync('openssl', words, { cwd: on.folder, encoding: 'utf8' })
    const device = ['-recip', 'alice-device.pem', '-inkey', 'alice-device.key']
    openssl('cms', '-decrypt', '-inform', 'DER', '-in', 'alice.cms', ...device, '-out', 'password')
    const words = ['-in', 'alice.pfx', '-passin', 'file:password', '-nokeys']
    assert.match(openssl('pkcs12', ...words), /BEGIN CERTIFICATE/)
    assert.ok(!out.includes(readFileSync(join(on.folder, 'password'), 'utf8')))
  })

  test('recrypt seals it for a new device key', async () => {
    const { code, out, err } = await work('recrypt')
    assert.equal(code, 0, err)
    for (const pattern of [
      /old payload +does not open any more/,
      /subject +.*CN=alice/,
      /PkcsRecryptReencryptSuccess/,
      /PkcsRecryptRequestSuccess/,
    ])
      assert.match(out, pattern)
  })
})
