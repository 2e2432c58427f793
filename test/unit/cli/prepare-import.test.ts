import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { type AddOptions, prepareImport } from '../../../src/cli/prepare-import.ts'
import { demonstrationConfiguration } from '../../../src/config/index.ts'
import { decryptPassword, encodeCngBlob } from '../../../src/keys/index.ts'
import { createFolder, makeIdentity, makePfx, PASSWORD } from '../pfx/pfx-fixtures.ts'

const folder = createFolder()
after(() => folder[Symbol.dispose]())
const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const write = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(folder.path, name), content, { mode: 0o600 })
  return join(folder.path, name)
}
makeIdentity(folder.path, 'alice', { key: ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] })
const publicPem = write('pub.pem', createPublicKey(key).export({ format: 'pem', type: 'spki' }))
const longPassword = 'x'.repeat(127)

const defaults: AddOptions = {
  user: 'alice@contoso.com',
  key: 'K',
  publicKeyFile: publicPem,
  purpose: 'unassigned',
  padding: 'oaepSha512',
  passwordFile: write('password', PASSWORD),
  pfxEncryption: 'aes256',
}
const pfx = write('alice.pfx', makePfx(folder.path, 'alice', PASSWORD))
const long = write('long.pfx', makePfx(folder.path, 'alice', longPassword))
const longFile = write('long', longPassword)

const prepare = async (file = pfx, options: Partial<AddOptions> = {}) =>
  await prepareImport(
    file,
    { ...defaults, ...options },
    demonstrationConfiguration(join(folder.path, 'data')),
    new Date(),
  )

describe('preparing an import', () => {
  for (const [title, publicKeyFile] of [
    ['PEM', publicPem],
    ['a CNG blob', write('pub.cng', encodeCngBlob(key, 'public'))],
  ] as const)
    test(`the password is encrypted to a public key from ${title}, for the names given`, async () => {
      const { record, problems } = await prepare(pfx, { publicKeyFile, provider: 'HSM' })
      assert.deepEqual(problems, [])
      assert.equal(record.providerName, 'HSM')
      const password = decryptPassword(key, 'oaepSha512', record.encryptedPfxPassword)
      assert.equal(Buffer.from(password).toString(), PASSWORD)
    })

  test('a password of 127 octets is a problem with SHA-512, and none with SHA-384 or --new-password', async () => {
    const { problems, record } = await prepare(long, { passwordFile: longFile })
    assert.match(problems.join(), /127 octets; key and padding take 126/)
    assert.equal(record.encryptedPfxPassword.length, 0)
    for (const more of [{ padding: 'oaepSha384' }, { newPassword: true }] as const)
      assert.deepEqual((await prepare(long, { passwordFile: longFile, ...more })).problems, [])
  })

  test('PKCS #1 v1.5 is done for whoever asks, with a warning', async () => {
    const { problems, warnings } = await prepare(pfx, { padding: 'pkcs1' })
    assert.deepEqual(problems, [])
    assert.match(warnings.join(), /PKCS #1 v1.5 is weak/)
  })

  for (const [title, options, code, pattern] of [
    ['a wrong password', { passwordFile: longFile }, 'pfx/unreadable', /this password/],
    ['no such key', { publicKeyFile: undefined }, 'key/unknown', /--public-key-file/],
    ['a file that is no key', { publicKeyFile: pfx }, 'config/invalid', /neither PEM nor/],
    [
      'a private key blob',
      { publicKeyFile: write('rsa3', encodeCngBlob(key, 'fullPrivate')) },
      'config/invalid',
      /no public RSA key/,
    ],
    ['a key name that cannot be one', { key: 'a\nb' }, 'config/invalid', /key name/],
  ] as const)
    test(`${title} is ${code}, without the password`, async () => {
      await assert.rejects(prepare(pfx, options as Partial<AddOptions>), (error: Error) => {
        assert.ok('code' in error && error.code === code, error.message)
        assert.match(error.message, pattern)
        assert.ok(!error.message.includes(PASSWORD) && !error.message.includes(longPassword))
        return true
      })
    })

  test('a file that is missing or larger than 1 MiB is pfx/unreadable', async () => {
    await assert.rejects(prepare(join(folder.path, 'none')), { code: 'pfx/unreadable' })
    const large = write('large', new Uint8Array(1024 * 1024 + 1))
    await assert.rejects(prepare(large), { message: /larger than 1048576 octets/ })
  })
})
