import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type CommandResult, runCommand } from './command-run.ts'

describe('ca', () => {
  let cwd = ''
  let directory = ''
  let made: CommandResult

  before(async () => {
    cwd = mkdtempSync(join(tmpdir(), 'ca-command-'))
    directory = join(cwd, 'data/ca/default')
    made = await ca('init', '--key', 'p256', '--root-key', 'p384')
  })
  after(() => rmSync(cwd, { recursive: true, force: true }))

  const ca = async (...words: string[]): Promise<CommandResult> =>
    await runCommand(['ca', ...words], { cwd })

  test('init makes root, issuing CA and RA with the keys asked for, and says where', () => {
    assert.equal(made.code, 0, made.err)
    assert.match(made.out, /^made .*data\/ca\/default$/m)
    assert.match(made.out, /^root\n(?: .*\n)*? {2}key {10}P-384$/m)
    assert.match(made.out, /^issuing\n(?: .*\n)*? {2}key {10}P-256$/m)
    assert.match(made.out, /^ra\n(?: .*\n)*? {2}key {10}RSA 2048$/m)
  })

  test('files are for the owner alone, and no key is in clear text', () => {
    const names = readdirSync(directory)
    assert.equal(names.filter((name) => name.endsWith('.key')).length, 3)
    for (const name of names) assert.equal(statSync(join(directory, name)).mode & 0o077, 0, name)
    for (const name of names.filter((one) => one.endsWith('.key')))
      assert.match(readFileSync(join(directory, name), 'utf8'), /BEGIN ENCRYPTED PRIVATE KEY/)
    assert.equal(statSync(join(cwd, 'data/passphrase')).mode & 0o777, 0o600)
  })

  test('init again changes nothing, whatever keys it asks for', async () => {
    const before = readdirSync(directory)
    const again = await ca('init', '--key', 'rsa2048')
    assert.equal(again.code, 0)
    assert.match(again.out, /exists; nothing was changed/)
    assert.match(again.out, /^issuing\n(?: .*\n)*? {2}key {10}P-256$/m)
    assert.deepEqual(readdirSync(directory), before)
  })

  test('export gives PEM of one or of the chain, which verify each other, and DER', async () => {
    const root = new X509Certificate((await ca('export')).out)
    const chain = (await ca('export', 'chain')).out.split(/(?<=-----END CERTIFICATE-----\n)/)
    assert.equal(chain.length, 2)
    const [issuing] = chain.map((pem) => new X509Certificate(pem))
    assert.ok(issuing?.verify(root.publicKey))
    assert.equal(new X509Certificate(chain[1] ?? '').fingerprint256, root.fingerprint256)
    const both = await ca('export', 'chain', '--der')
    assert.equal(both.code, 2)
    assert.match(both.err, /--der writes one certificate/)
  })

  test('rotate-ra makes a new RA, keeps the old one as retired, and show tells both', async () => {
    const before = new X509Certificate((await ca('export', 'ra')).out)
    const rotated = await ca('rotate-ra')
    assert.equal(rotated.code, 0, rotated.err)
    assert.match(rotated.out, /^ra \(retired /m)
    const now = new X509Certificate((await ca('export', 'ra')).out)
    assert.notEqual(now.serialNumber, before.serialNumber)
    const shown = (await ca('show')).out
    assert.match(shown, new RegExp(`^ {2}serial {7}${before.serialNumber}$`, 'm'))
    assert.match(shown, new RegExp(`^ {2}serial {7}${now.serialNumber}$`, 'm'))
  })

  test('an id that is not configured is wrong usage and names those that are', async () => {
    const { code, err } = await ca('show', '--id', 'other')
    assert.equal(code, 2)
    assert.match(err, /there is no CA other; configured are default/)
  })

  test('without a CA, show fails with 1 and names the folder', async () => {
    const { code, err } = await runCommand(['ca', 'show'], { cwd: tmpdir() })
    assert.equal(code, 1)
    assert.match(err, /key\/unreadable: .*data\/ca\/default/)
  })
})
