import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { Secret } from '../../../src/kernel/index.ts'
import { type KeyName, openKeyRing, parseKeyName } from '../../../src/keys/index.ts'
import { createFolder, openssl, PASSPHRASE } from '../ca/ca-fixtures.ts'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const name = parseKeyName('Microsoft Software Key Storage Provider', 'PFXEncryptionKey')

describe('key ring', () => {
  test('a key comes back under its name in any case, from an encrypted file for the owner alone', async () => {
    using folder = createFolder()
    const ring = openKeyRing(folder.path, PASSPHRASE, randomBytes)
    await ring.add(name, rsa)
    const inCapitals = { provider: name.provider.toUpperCase(), key: name.key.toUpperCase() }
    assert.ok((await ring.find(inCapitals))?.equals(rsa))
    assert.deepEqual(await ring.list(), [name])
    const [provider = ''] = readdirSync(folder.path)
    const file = join(folder.path, provider, 'pfxencryptionkey.key')
    assert.equal(statSync(file).mode & 0o777, 0o600)
    assert.equal(statSync(join(folder.path, provider)).mode & 0o777, 0o700)
    const text = readFileSync(file, 'utf8')
    assert.match(text, /^keyName: PFXEncryptionKey\n-----BEGIN ENCRYPTED PRIVATE KEY-----$/m)
    assert.ok(!text.includes('BEGIN PRIVATE KEY'))
  })

  test('openssl opens the file with the passphrase', async () => {
    using folder = createFolder()
    await openKeyRing(folder.path, PASSPHRASE, randomBytes).add(parseKeyName('p', 'k'), rsa)
    writeFileSync(join(folder.path, 'pass'), PASSPHRASE.reveal())
    const pem = openssl(folder.path, 'pkey', '-in', 'p/k.key', '-passin', 'file:pass')
    assert.equal(pem, rsa.export({ format: 'pem', type: 'pkcs8' }))
  })

  test('a name that is taken keeps its key, also for two who add at once', async () => {
    using folder = createFolder()
    const ring = openKeyRing(folder.path, PASSPHRASE, randomBytes)
    const outcomes = await Promise.allSettled([ring.add(name, rsa), ring.add(name, other)])
    assert.deepEqual(outcomes.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
    const kept = await ring.find(name)
    await assert.rejects(ring.add({ ...name, key: 'PFXENCRYPTIONKEY' }, other), {
      code: 'key/conflict',
    })
    assert.ok(kept !== undefined && (await ring.find(name))?.equals(kept))
    assert.equal(readdirSync(join(folder.path, readdirSync(folder.path)[0] ?? '')).length, 1)
  })

  test('a key that is missing is undefined, and an empty ring has no names', async () => {
    using folder = createFolder()
    const ring = openKeyRing(join(folder.path, 'absent'), PASSPHRASE, randomBytes)
    assert.equal(await ring.find(name), undefined)
    assert.deepEqual(await ring.list(), [])
  })

  for (const [title, key] of [
    ['an elliptic curve', generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey],
    ['RSA of 1024 bits', generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey],
  ] as const)
    test(`${title} is refused`, async () => {
      using folder = createFolder()
      const ring = openKeyRing(folder.path, PASSPHRASE, randomBytes)
      await assert.rejects(ring.add(name, key), { code: 'key/unsuitable' })
      assert.deepEqual(readdirSync(folder.path), [])
    })

  test('another passphrase, or a file that others can read, is key/unreadable', async () => {
    using folder = createFolder()
    await openKeyRing(folder.path, PASSPHRASE, randomBytes).add(parseKeyName('p', 'k'), rsa)
    const wrong = openKeyRing(folder.path, new Secret('not the same passphrase'), randomBytes)
    await assert.rejects(wrong.find({ provider: 'p', key: 'k' }), { code: 'key/unreadable' })
    chmodSync(join(folder.path, 'p/k.key'), 0o644)
    const right = openKeyRing(folder.path, PASSPHRASE, randomBytes)
    await assert.rejects(right.find({ provider: 'p', key: 'k' }), { message: /chmod 600/ })
  })

  test('names that mean something to a file system stay inside the folder', async () => {
    using folder = createFolder()
    const ring = openKeyRing(join(folder.path, 'ring'), PASSPHRASE, randomBytes)
    const odd: readonly KeyName[] = [
      { provider: '..', key: '.' },
      { provider: '../../x', key: 'a/b' },
      { provider: 'Ünïcode 🔑', key: 'Schlüssel für Müller%20' },
    ]
    for (const one of odd) await ring.add(parseKeyName(one.provider, one.key), rsa)
    assert.deepEqual(readdirSync(folder.path), ['ring'])
    assert.deepEqual(new Set(await ring.list()), new Set(odd))
    for (const one of odd) assert.ok((await ring.find(one))?.equals(rsa))
  })
})

describe('key names', () => {
  for (const text of ['', ' ', ' padded ', 'line\nbreak', 'null\0', 'x'.repeat(241), '\ud800'])
    test(`${JSON.stringify(text.slice(0, 20))} is refused`, () => {
      assert.throws(() => parseKeyName('p', text), { code: 'config/invalid', message: /key name/ })
      assert.throws(() => parseKeyName(text, 'k'), { message: /provider name/ })
    })
})
