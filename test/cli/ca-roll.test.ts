import assert from 'node:assert/strict'
import { randomBytes, X509Certificate } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, watch, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { describeAuthority } from '../../src/ca/index.ts'
import { Secret } from '../../src/kernel/index.ts'
import { recordQuickAuthority } from '../support/quick-authority.ts'
import { type CommandResult, runCommand, startCommand } from './command-run.ts'

const CONFIGURATION = `
dataDir: data
listeners: { device: { publicUrl: 'http://127.0.0.1:8080' } }
ca: [{ name: Rolled CA, issuingKey: p256 }]
profiles: [{ name: default, challenge: { kind: static, secretFile: secret } }]
`

describe('ca roll', () => {
  let cwd = ''
  let directory = ''

  before(async () => {
    cwd = mkdtempSync(join(tmpdir(), 'ca-roll-'))
    directory = join(cwd, 'data/ca/default')
    const passphrase = randomBytes(32).toString('base64url')
    await recordQuickAuthority(directory, new Secret(passphrase), {
      names: { name: 'Rolled CA' },
      rootKey: 'p256',
      issuingKey: 'p256',
      now: new Date(),
      random: randomBytes,
    })
    writeFileSync(join(cwd, 'data/passphrase'), passphrase, { mode: 0o600 })
    writeFileSync(join(cwd, 'secret'), 'a challenge for this test', { mode: 0o600 })
    writeFileSync(join(cwd, 'connector.yaml'), CONFIGURATION)
  })
  after(() => rmSync(cwd, { recursive: true, force: true }))

  const ca = async (...words: string[]): Promise<CommandResult> =>
    await runCommand(['--config', 'connector.yaml', 'ca', ...words], { cwd })
  const states = (text: string) =>
    [...text.matchAll(/^== CA (\S+): (\w+)/gm)].map((m) => m.slice(1))

  for (const [step, pattern] of [
    ['between its issuing key and its RA', /^issuing-.*\.pem$/],
    ['between its RA and the manifest', /^ra-.*\.pem$/],
  ] as const) {
    test(`killed ${step} it leaves a CA that is what it was`, async () => {
      const before = new Set(readdirSync(directory))
      const run = startCommand(['--config', 'connector.yaml', 'ca', 'roll'], { cwd })
      const watcher = watch(directory, (_event, name) => {
        if (name !== null && pattern.test(name) && !before.has(name)) run.child.kill('SIGKILL')
      })
      const code = await run.ended
      watcher.close()
      assert.equal(code, -1, run.err())
      assert.ok(readdirSync(directory).length > before.size, 'files that count for nothing')
      const { revision, generations } = await describeAuthority(directory, new Date())
      assert.deepEqual([revision, generations.length], [1, 1])
    })
  }

  test('a date that does not exist, and a time that every machine reads in its own zone, are no hand-over', async () => {
    for (const at of ['2099-02-31', '2099-03-01T06:00', '2099-03-01 06:00:00']) {
      const { code, err } = await ca('roll', '--at', at)
      assert.equal(code, 2, at)
      assert.match(err, /2027-03-01T06:00:00Z/)
    }
  })

  test('afterwards it can be done: show tells both, with the date, and export the next one', async () => {
    const made = await ca('roll', '--after', '14d')
    assert.equal(made.code, 0, made.err)
    assert.match(made.out, /takes this over within a minute/)
    const { out } = made
    assert.deepEqual(states(out), [
      ['default', 'current'],
      ['default.2', 'next'],
    ])
    const date = new Date(Date.now() + 14 * 86_400_000).toISOString().slice(0, 10)
    assert.match(out, new RegExp(`hand-over ${date}T`))
    assert.match(out, /subject {6}CN=Rolled CA G2\n/)
    const next = new X509Certificate((await ca('export', 'issuing', '--next')).out)
    assert.equal(next.subject, 'CN=Rolled CA G2')
  })

  test('a second one is refused until the first is cancelled; then there is nothing to export', async () => {
    const second = await ca('roll')
    assert.equal(second.code, 1)
    assert.match(second.err, /there is a next CA already.*ca roll --cancel/)
    const cancelled = await ca('roll', '--cancel')
    assert.equal(cancelled.code, 0, cancelled.err)
    assert.deepEqual(states(cancelled.out), [
      ['default', 'current'],
      ['default.2', 'cancelled'],
    ])
    const next = await ca('export', 'issuing', '--next')
    assert.equal(next.code, 1)
    assert.match(next.err, /there is no next CA; make one with: certconnector ca roll/)
  })

  test('times that are none, and contradictions, are wrong usage', async () => {
    assert.equal((await ca('roll', '--after', '3')).code, 2)
    assert.equal((await ca('roll', '--cancel', '--new-root')).code, 2)
  })
})
