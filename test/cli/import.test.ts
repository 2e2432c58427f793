import assert from 'node:assert/strict'
import { createPrivateKey, type KeyObject, randomBytes, X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Secret } from '../../src/kernel/index.ts'
import { DEFAULT_PROVIDER, decryptPassword, openKeyRing } from '../../src/keys/index.ts'
import { findIdentity, openPfx } from '../../src/pfx/index.ts'
import { type Simulator, startSimulator } from '../../src/simulator/index.ts'
import { makeIdentity, makePfx, PASSWORD } from '../unit/pfx/pfx-fixtures.ts'
import { type CommandResult, runCommand } from './command-run.ts'

const alice = "alice.o'hara@simulator.onmicrosoft.com"
const mail = ['keyUsage=digitalSignature,keyEncipherment', 'extendedKeyUsage=emailProtection']

describe('import', () => {
  let cwd = ''
  let simulator: Simulator
  let ringKey: KeyObject
  const seen: string[] = []

  before(async () => {
    cwd = mkdtempSync(join(tmpdir(), 'import-command-'))
    simulator = await startSimulator({ dataDir: cwd, httpsPort: 0, controlPort: 0 })
    const user = { userPrincipalName: alice, onPremisesSecurityIdentifier: null }
    await control('PUT', 'directory', user)
    write('secret', `${simulator.clientSecret}\n`)
    write('password', `${PASSWORD}\n`)
    write('connector.yaml', configuration(simulator))
    assert.equal((await run('keyring', 'add', 'PFXEncryptionKey')).code, 0)
    const passphrase = new Secret(readFileSync(join(cwd, 'data/passphrase'), 'utf8').trim())
    const ring = openKeyRing(join(cwd, 'data/keyring'), passphrase, randomBytes)
    const key = await ring.find({ provider: DEFAULT_PROVIDER, key: 'PFXEncryptionKey' })
    assert.ok(key)
    ringKey = key
    makeIdentity(cwd, 'alice', { extensions: mail })
    write('alice.pfx', makePfx(cwd, 'alice', PASSWORD, '-legacy'))
  })
  after(async () => {
    await simulator.close()
    rmSync(cwd, { recursive: true, force: true })
  })

  const write = (name: string, content: string | Uint8Array): void =>
    writeFileSync(join(cwd, name), content, { mode: 0o600 })
  const run = async (...words: string[]): Promise<CommandResult> => {
    const result = await runCommand(words, { cwd })
    seen.push(result.out, result.err)
    return result
  }
  const add = async (...more: string[]): Promise<CommandResult> =>
    await run(
      'import',
      'add',
      'alice.pfx',
      '--user',
      alice,
      '--key',
      'PFXEncryptionKey',
      '--password-file',
      'password',
      ...more,
    )
  async function control(method: string, path: string, body?: object): Promise<unknown> {
    const answer = await fetch(`${simulator.controlUrl}/control/${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    assert.ok(answer.ok, await answer.clone().text())
    return await answer.json()
  }
  async function recorded(): Promise<Record<string, string>[]> {
    const { value } = (await control('GET', 'imports')) as { value: Record<string, string>[] }
    return value
  }
  const bytes = (text: string | undefined): Buffer => Buffer.from(text ?? '', 'base64')
  const thumbprint = (): string =>
    new X509Certificate(readFileSync(join(cwd, 'alice.crt'))).fingerprint
      .replaceAll(':', '')
      .toLowerCase()

  test('in the demonstration, which has no tenant to ask, it says so instead of trying', async () => {
    const { code, err } = await runCommand(['import', 'list'], { cwd: tmpdir() })
    assert.equal(code, 2)
    assert.match(err, /the demonstration has no tenant .* --config/)
  })

  test('the file is recorded unchanged, with a password that the key of the ring opens', async () => {
    const added = await add('--purpose', 'smimeEncryption')
    assert.equal(added.code, 0, added.err)
    assert.match(added.out, /recorded/)
    assert.match(added.err, /warning: the file is encrypted with RC2-40 and 3DES/)
    const [record, ...others] = await recorded()
    assert.deepEqual(others, [])
    assert.equal(record?.['thumbprint'], thumbprint())
    assert.equal(record?.['intendedPurpose'], 'smimeEncryption')
    assert.equal(record?.['paddingScheme'], 'oaepSha512')
    assert.equal(record?.['providerName'], DEFAULT_PROVIDER)
    assert.match(record?.['startDateTime'] ?? '', /Z$/)
    assert.deepEqual(bytes(record?.['encryptedPfxBlob']), readFileSync(join(cwd, 'alice.pfx')))
    const password = decryptPassword(ringKey, 'oaepSha512', bytes(record?.['encryptedPfxPassword']))
    assert.equal(Buffer.from(password).toString(), PASSWORD)
  })

  test('a certificate that is recorded already is written over only by --replace', async () => {
    const again = await add()
    assert.equal(again.code, 1)
    assert.match(again.err, /has this certificate already/)
    const sealed = await add('--replace', '--new-password', '--padding', 'oaepSha256')
    assert.equal(sealed.code, 0, sealed.err)
    const [record, ...others] = await recorded()
    assert.deepEqual(others, [])
    const octets = decryptPassword(ringKey, 'oaepSha256', bytes(record?.['encryptedPfxPassword']))
    const password = Buffer.from(octets).toString()
    assert.match(password, /^[\w-]{32}$/)
    assert.ok(!seen.some((text) => text.includes(password)))
    const opened = openPfx(bytes(record?.['encryptedPfxBlob']), password)
    assert.deepEqual(opened.protection.ciphers, ['AES-256'])
    const key = createPrivateKey(readFileSync(join(cwd, 'alice.key')))
    assert.ok(findIdentity(opened).key.equals(key))
  })

  test('status says of every record whether this connector can deliver it', async () => {
    const good = await run('import', 'status')
    assert.equal(good.code, 0, good.err)
    assert.match(good.out, /good for 36\d days/)
    renameSync(join(cwd, 'data/keyring'), join(cwd, 'data/away'))
    const bad = await run('import', 'status', '--user', alice.toUpperCase())
    assert.equal(bad.code, 1)
    assert.match(bad.out, /cannot be delivered: the key ring has no key .* of provider 'Microsoft/)
  })

  test('list shows it, and remove takes it away', async () => {
    const listed = await run('import', 'list', '--user', alice, '--json')
    assert.equal(JSON.parse(listed.out).thumbprint, thumbprint())
    assert.equal(listed.err, '1 record\n')
    const words = ['import', 'remove', thumbprint().toUpperCase(), '--user', alice]
    assert.equal((await run(...words)).code, 0)
    assert.deepEqual(await recorded(), [])
    assert.equal((await run('import', 'list')).err, '0 records\n')
  })

  test('no output, no request on record at the simulator and no file holds a password', async () => {
    const requests = JSON.stringify(await control('GET', 'requests'))
    for (const secret of [PASSWORD, simulator.clientSecret])
      for (const text of [...seen, requests]) assert.ok(!text.includes(secret))
  })
})

function configuration(simulator: Simulator): string {
  return `
listeners:
  device:
    publicUrl: https://scep.example.org
profiles:
  - name: default
    challenge: { kind: intune }
intune:
  tenant: ${simulator.tenantId}
  clientId: ${simulator.clientId}
  clientSecretFile: secret
  authorityUrl: ${simulator.authorityUrl}
  graphUrl: ${simulator.graphUrl}
  trustedCaFile: ${simulator.caFile}
  allowedHostSuffixes: [127.0.0.1]
`
}
