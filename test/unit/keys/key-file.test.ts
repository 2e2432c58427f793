import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { Secret } from '../../../src/kernel/index.ts'
import { loadKeyFile, loadPassphrase, writeKeyFile } from '../../../src/keys/index.ts'
import { createFolder, openssl, PASSPHRASE, writeSecretFile } from '../ca/ca-fixtures.ts'

const keys = {
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  ec: generateKeyPairSync('ec', { namedCurve: 'secp384r1' }).privateKey,
}
const pkcs8Of = (key: typeof keys.ec) => key.export({ format: 'der', type: 'pkcs8' })

describe('key files', () => {
  for (const [kind, key] of Object.entries(keys)) {
    test(`an ${kind} key comes back from its encrypted file`, async () => {
      using folder = createFolder()
      const path = join(folder.path, 'ca.key')
      await writeKeyFile(path, pkcs8Of(key), PASSPHRASE, randomBytes)
      assert.ok((await loadKeyFile(path, PASSPHRASE)).equals(key))
    })

    test(`the openssl command opens the file of an ${kind} key`, async () => {
      using folder = createFolder()
      const path = join(folder.path, 'ca.key')
      await writeKeyFile(path, pkcs8Of(key), PASSPHRASE, randomBytes)
      writeSecretFile(folder.path, 'pass', PASSPHRASE.reveal())
      const plain = openssl(folder.path, 'pkcs8', '-in', path, '-passin', 'file:pass')
      assert.ok(createPublicKey(plain).equals(createPublicKey(key)))
    })
  }

  test('the file says PBES2 with scrypt, 16384 by 8 by 5, and AES-256-CBC', async () => {
    using folder = createFolder()
    const path = join(folder.path, 'ca.key')
    await writeKeyFile(path, pkcs8Of(keys.ec), PASSPHRASE, randomBytes)
    const structure = openssl(folder.path, 'asn1parse', '-in', path)
    assert.match(structure, /:PBES2\n.*SEQUENCE.*\n.*SEQUENCE.*\n.*:scrypt/)
    assert.match(structure, /INTEGER +:4000\n.*INTEGER +:08\n.*INTEGER +:05\n/)
    assert.match(structure, /:aes-256-cbc/)
  })

  test('a file that the openssl command encrypted opens', async () => {
    using folder = createFolder()
    const plain = keys.ec.export({ format: 'pem', type: 'pkcs8' }).toString()
    writeSecretFile(folder.path, 'plain.pem', plain)
    writeSecretFile(folder.path, 'pass', PASSPHRASE.reveal())
    openssl(
      folder.path,
      'pkcs8',
      '-topk8',
      '-scrypt',
      '-in',
      'plain.pem',
      '-out',
      'ca.key',
      '-passout',
      'file:pass',
    )
    chmodSync(join(folder.path, 'ca.key'), 0o600)
    const loaded = await loadKeyFile(join(folder.path, 'ca.key'), PASSPHRASE)
    assert.ok(loaded.equals(keys.ec))
  })

  test('the file can be read by its owner alone, and nothing else is left', async () => {
    using folder = createFolder()
    const path = join(folder.path, 'ca.key')
    await writeKeyFile(path, pkcs8Of(keys.ec), PASSPHRASE, randomBytes)
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.deepEqual(readdirSync(folder.path), ['ca.key'])
  })

  test('the same key is never written the same way twice', async () => {
    using folder = createFolder()
    const path = join(folder.path, 'ca.key')
    await writeKeyFile(path, pkcs8Of(keys.ec), PASSPHRASE, randomBytes)
    const first = readFileSync(path, 'utf8')
    await writeKeyFile(path, pkcs8Of(keys.ec), PASSPHRASE, randomBytes)
    assert.notEqual(readFileSync(path, 'utf8'), first)
  })

  test('another passphrase is refused with the file and the remedy, and neither passphrase is told', async () => {
    using folder = createFolder()
    const path = join(folder.path, 'ca.key')
    await writeKeyFile(path, pkcs8Of(keys.ec), PASSPHRASE, randomBytes)
    const wrong = new Secret('a passphrase of another CA')
    await assert.rejects(loadKeyFile(path, wrong), (error: Error) => {
      assert.ok('code' in error && error.code === 'key/unreadable')
      assert.ok(error.message.includes(path))
      assert.match(error.message, /check that the passphrase file/)
      assert.ok(!JSON.stringify([error.message, String(error.cause)]).includes(wrong.reveal()))
      return true
    })
  })

  for (const mode of [0o640, 0o604, 0o620, 0o666]) {
    test(`a key file with mode 0${mode.toString(8)} is refused with the remedy`, async () => {
      using folder = createFolder()
      const path = join(folder.path, 'ca.key')
      await writeKeyFile(path, pkcs8Of(keys.ec), PASSPHRASE, randomBytes)
      chmodSync(path, mode)
      await assert.rejects(loadKeyFile(path, PASSPHRASE), {
        code: 'key/unreadable',
        message: `${path} has mode 0${mode.toString(8)}, so other accounts can reach it; run: chmod 600 '${path}'`,
      })
    })
  }

  const unusable: readonly [title: string, content: string][] = [
    ['a key that is not encrypted', keys.ec.export({ format: 'pem', type: 'pkcs8' }).toString()],
    ['an empty file', ''],
    [
      'a block without base64',
      '-----BEGIN ENCRYPTED PRIVATE KEY-----\n!\n-----END ENCRYPTED PRIVATE KEY-----\n',
    ],
    [
      'a block of other bytes',
      '-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n',
    ],
    ['a file that is too large', 'x'.repeat(70_000)],
  ]
  for (const [title, content] of unusable) {
    test(`${title} is refused`, async () => {
      using folder = createFolder()
      const path = writeSecretFile(folder.path, 'ca.key', content)
      await assert.rejects(loadKeyFile(path, PASSPHRASE), { code: 'key/unreadable' })
    })
  }

  test('a missing file and a folder are refused', async () => {
    using folder = createFolder()
    for (const path of [join(folder.path, 'missing.key'), folder.path]) {
      await assert.rejects(loadKeyFile(path, PASSPHRASE), { code: 'key/unreadable' })
    }
  })

  test('a place that cannot be written to is told with the reason', async () => {
    using folder = createFolder()
    writeFileSync(join(folder.path, 'not-a-folder'), '')
    const path = join(folder.path, 'not-a-folder', 'ca.key')
    await assert.rejects(writeKeyFile(path, pkcs8Of(keys.ec), PASSPHRASE, randomBytes), {
      code: 'key/unreadable',
      message: /ENOTDIR/,
    })
  })
})

describe('passphrase files', () => {
  const readable: readonly [title: string, content: string, expected: string][] = [
    ['one line', 'sixteen letters!\n', 'sixteen letters!'],
    ['no line end', 'sixteen letters!', 'sixteen letters!'],
    ['a line end of Windows', 'sixteen letters!\r\n', 'sixteen letters!'],
    ['white space around it', '  sixteen letters!\t\n', 'sixteen letters!'],
    ['a second line that does not count', 'sixteen letters!\nsecond\n', 'sixteen letters!'],
  ]
  for (const [title, content, expected] of readable) {
    test(`the first line is the passphrase: ${title}`, async () => {
      using folder = createFolder()
      const passphrase = await loadPassphrase(writeSecretFile(folder.path, 'pass', content))
      assert.equal(passphrase.reveal(), expected)
      assert.equal(passphrase.toString(), '[secret]')
    })
  }

  for (const content of [
    '',
    '\nsecond line is long enough\n',
    'fifteen letter!',
    ' fifteen letter! ',
  ]) {
    test(`${JSON.stringify(content)} is too short, and is not repeated`, async () => {
      using folder = createFolder()
      const path = writeSecretFile(folder.path, 'pass', content)
      await assert.rejects(loadPassphrase(path), (error: Error) => {
        assert.ok('code' in error && error.code === 'key/unreadable')
        assert.match(error.message, /at least 16/)
        assert.ok(!error.message.includes('fifteen'))
        return true
      })
    })
  }

  test('a passphrase that other accounts can read is refused', async () => {
    using folder = createFolder()
    const path = writeSecretFile(folder.path, 'pass', 'sixteen letters!', 0o644)
    await assert.rejects(loadPassphrase(path), { code: 'key/unreadable', message: /chmod 600/ })
  })
})
