import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { encodeCngBlob, parseCngBlob } from '../../src/keys/index.ts'
import { type CommandResult, runCommand } from './command-run.ts'

const brought = generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey
const phrase = 'a passphrase that must not be seen'

describe('keyring', () => {
  let cwd = ''
  before(async () => {
    cwd = mkdtempSync(join(tmpdir(), 'keyring-command-'))
    const made = await keyring('add', 'PFXEncryptionKey')
    assert.equal(made.code, 0, made.err)
    assert.match(made.out, /^added PFXEncryptionKey {2}\(Microsoft Software .*\) {2}RSA 2048 /)
  })
  after(() => rmSync(cwd, { recursive: true, force: true }))

  const keyring = async (...words: string[]): Promise<CommandResult> =>
    await runCommand(['keyring', ...words], { cwd })
  const write = (name: string, bytes: string | Uint8Array): string => {
    writeFileSync(join(cwd, name), bytes)
    chmodSync(join(cwd, name), 0o600)
    return name
  }

  test('a password that openssl encrypts to the exported key opens, and only its length is told', async () => {
    const exported = await keyring('export-public', 'pfxencryptionkey', '--out', 'pub.pem')
    assert.equal(exported.code, 0, exported.err)
    write('password', 'hunter2 in 25 characters.')
    const options = ['rsa_padding_mode:oaep', 'rsa_oaep_md:sha512', 'rsa_mgf1_md:sha512']
    const sealed = execFileSync(
      'openssl',
      ['pkeyutl', '-encrypt', '-pubin', '-inkey', 'pub.pem', '-in', 'password'].concat(
        options.flatMap((option) => ['-pkeyopt', option]),
      ),
      { cwd, stdio: 'pipe' },
    )
    write('sealed', sealed.toString('base64'))
    const words = ['test', 'PFXEncryptionKey', '--ciphertext-file', 'sealed']
    const right = await keyring(...words)
    assert.equal(right.code, 0, right.err)
    assert.match(right.out, /oaepSha512: opens, a password of 25 octets/)
    const wrong = await keyring(...words, '--padding', 'oaepSha256')
    assert.equal(wrong.code, 1)
    assert.match(wrong.err, /key\/decryption-failed/)
    for (const text of [right.out, right.err, wrong.out, wrong.err])
      assert.ok(!text.includes('hunter2'))
  })

  test('the exported CNG blob and the PEM are one key', async () => {
    await keyring('export-public', 'PFXEncryptionKey', '--format', 'cng', '--out', 'pub.cng')
    const pem = await keyring('export-public', 'PFXEncryptionKey')
    const { kind, key } = parseCngBlob(readFileSync(join(cwd, 'pub.cng')))
    assert.equal(kind, 'public')
    assert.ok(key.equals(createPublicKey(pem.out)))
  })

  test('an encrypted PKCS #8 is taken with its passphrase from a file, and comes back as RSA3', async () => {
    write(
      'brought.pem',
      brought.export({
        format: 'pem',
        type: 'pkcs8',
        cipher: 'aes-256-cbc',
        passphrase: phrase,
      }) as string,
    )
    write('phrase', `${phrase}\n`)
    const from = ['add', 'Brought', '--provider', 'HSM', '--from', 'brought.pem']
    const added = await keyring(...from, '--from-passphrase-file', 'phrase')
    assert.equal(added.code, 0, added.err)
    assert.match(added.out, /^added Brought {2}\(HSM\) {2}RSA 3072 /)
    const refused = await keyring('export-cng', 'Brought', 'out.cng', '--provider', 'HSM')
    assert.equal(refused.code, 2)
    const exported = ['export-cng', 'Brought', 'out.cng', '--provider', 'HSM', '--unencrypted']
    assert.equal((await keyring(...exported)).code, 0)
    assert.equal(statSync(join(cwd, 'out.cng')).mode & 0o777, 0o600)
    assert.ok(parseCngBlob(readFileSync(join(cwd, 'out.cng'))).key.equals(brought))
    const again = await keyring(...exported)
    assert.equal(again.code, 1)
    assert.match(again.err, /out\.cng exists; nothing was changed/)
    for (const { out, err } of [added, again]) assert.ok(!`${out}${err}`.includes(phrase))
  })

  test('a blob from Microsoft’s tools is imported; a public one is refused', async () => {
    write('rsa3', encodeCngBlob(brought, 'fullPrivate'))
    const imported = await keyring('import-cng', 'From Windows', 'rsa3')
    assert.equal(imported.code, 0, imported.err)
    assert.match(imported.out, /Delete rsa3: it is not encrypted/)
    write('rsa1', encodeCngBlob(brought, 'public'))
    const isPublic = await keyring('import-cng', 'Other', 'rsa1')
    assert.equal(isPublic.code, 1)
    assert.match(isPublic.err, /key\/unsuitable/)
  })

  test('list shows every key, and test proves each', async () => {
    const listed = await keyring('list')
    assert.match(listed.out, /^PFXEncryptionKey .* RSA 2048 {2}SHA-256 [0-9a-f]{64}$/m)
    const tested = await keyring('test')
    assert.equal(tested.code, 0, tested.err)
    const keys = listed.out.trim().split('\n').length
    for (const padding of ['oaepSha256', 'oaepSha384', 'oaepSha512', 'pkcs1'])
      assert.equal(tested.out.split(`${padding}: good`).length - 1, keys)
  })

  test('what is kept is encrypted with the passphrase beside the data', () => {
    const folder = join(cwd, 'data/keyring/microsoft%20software%20key%20storage%20provider')
    const pem = readFileSync(join(folder, 'pfxencryptionkey.key'), 'utf8')
    const passphrase = readFileSync(join(cwd, 'data/passphrase'), 'utf8').trim()
    assert.ok(existsSync(folder))
    assert.throws(() => createPrivateKey(pem))
    const key = createPrivateKey({ key: pem.slice(pem.indexOf('-----')), passphrase })
    assert.equal(key.asymmetricKeyType, 'rsa')
  })
})
