import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import {
  decryptPassword,
  encryptPassword,
  maxPasswordOctets,
  PADDING_SCHEMES,
  type PaddingScheme,
} from '../../../src/keys/index.ts'
import { createFolder, openssl } from '../ca/ca-fixtures.ts'

const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const publicKey = createPublicKey(key)
const password = Buffer.from('Zm9v/UHd 24 characters!!')

const opensslOptions: Readonly<Record<PaddingScheme, readonly string[]>> = {
  oaepSha256: oaep('sha256'),
  oaepSha384: oaep('sha384'),
  oaepSha512: oaep('sha512'),
  pkcs1: ['rsa_padding_mode:pkcs1'],
}

function oaep(digest: string): readonly string[] {
  return ['rsa_padding_mode:oaep', `rsa_oaep_md:${digest}`, `rsa_mgf1_md:${digest}`]
}

describe('password encryption', () => {
  for (const padding of PADDING_SCHEMES)
    test(`${padding}: openssl opens ours, and ours opens openssl's`, () => {
      using folder = createFolder()
      const options = opensslOptions[padding].flatMap((option) => ['-pkeyopt', option])
      const write = (name: string, bytes: string | Uint8Array): void =>
        writeFileSync(join(folder.path, name), bytes)
      write('key.pem', key.export({ format: 'pem', type: 'pkcs8' }))
      write('pub.pem', publicKey.export({ format: 'pem', type: 'spki' }))
      write('password', password)
      const encrypt = ['pkeyutl', '-encrypt', '-pubin', '-inkey', 'pub.pem', '-in', 'password']
      openssl(folder.path, ...encrypt, '-out', 'theirs', ...options)
      const theirs = readFileSync(join(folder.path, 'theirs'))
      assert.deepEqual(Buffer.from(decryptPassword(key, padding, theirs)), password)
      write('ours', encryptPassword(publicKey, padding, password))
      const decrypt = ['pkeyutl', '-decrypt', '-inkey', 'key.pem', '-in', 'ours']
      const opened = openssl(folder.path, ...decrypt, ...options)
      assert.equal(opened, password.toString())
    })

  for (const [padding, longest] of [
    ['oaepSha256', 190],
    ['oaepSha384', 158],
    ['oaepSha512', 126],
    ['pkcs1', 245],
  ] as const)
    test(`${padding} takes ${longest} octets with RSA-2048, and not one more`, () => {
      assert.equal(maxPasswordOctets(2048, padding), longest)
      const fitting = Buffer.alloc(longest, 'a')
      const back = decryptPassword(key, padding, encryptPassword(publicKey, padding, fitting))
      assert.deepEqual(Buffer.from(back), fitting)
      assert.throws(() => encryptPassword(publicKey, padding, Buffer.alloc(longest + 1, 'a')))
    })

  const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const sealed = encryptPassword(publicKey, 'oaepSha512', password)
  for (const [title, decrypt] of [
    ['another key', () => decryptPassword(other, 'oaepSha512', sealed)],
    ['another digest', () => decryptPassword(key, 'oaepSha256', sealed)],
    ['a cut ciphertext', () => decryptPassword(key, 'oaepSha512', sealed.subarray(1))],
    ['no ciphertext', () => decryptPassword(key, 'oaepSha512', new Uint8Array())],
  ] as const)
    test(`${title} is key/decryption-failed, in words without a password or a cause`, () => {
      assert.throws(decrypt, (error: Error) => {
        assert.ok('code' in error && error.code === 'key/decryption-failed')
        assert.equal(error.cause, undefined)
        assert.ok(!error.message.includes(password.toString()))
        return true
      })
    })
})
