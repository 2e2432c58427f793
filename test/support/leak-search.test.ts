import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { createLeakSearch } from './leak-search.ts'

const text = `marked-${randomBytes(18).toString('hex')}`
const token = randomBytes(600).toString('base64url')
const keys = {
  ec: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
}

/** What the search says of a content, put between octets that are nothing. */
function search(
  secret: Parameters<ReturnType<typeof createLeakSearch>['add']>[1],
  content: Buffer,
) {
  const leaks = createLeakSearch()
  leaks.add('secret', secret)
  leaks.look('a file', Buffer.concat([randomBytes(999), content, randomBytes(999)]))
  return leaks.listLeaks()
}

describe('the search for leaked secrets', () => {
  for (const [title, secret] of [
    ['a short text', text],
    ['a token', token],
  ] as const)
    for (const [form, content] of [
      ['as it is', Buffer.from(secret)],
      ['in UTF-16', Buffer.from(secret, 'utf16le')],
      ['in hexadecimal', Buffer.from(Buffer.from(secret).toString('hex'))],
      ['as JSON of its octets', Buffer.from(JSON.stringify(Buffer.from(secret)))],
      ...[0, 1, 2].map((shift) => {
        const around = Buffer.concat([randomBytes(30 + shift), Buffer.from(secret)])
        const form = `in a larger text in base64, behind ${shift} octets more`
        return [form, Buffer.from(around.toString('base64'))] as const
      }),
    ] as const)
      test(`finds ${title} ${form}`, () => {
        assert.deepEqual(search(secret, content), ['the secret is in a file'])
      })

  for (const [title, key] of Object.entries(keys)) {
    const der = key.export({ format: 'der', type: 'pkcs8' })
    for (const [form, content] of [
      ['as PKCS #8', der],
      ['as PEM', Buffer.from(key.export({ format: 'pem', type: 'pkcs8' }))],
      ['as PEM in JSON', Buffer.from(JSON.stringify(key.export({ format: 'pem', type: 'pkcs8' })))],
      ['as a JWK', Buffer.from(JSON.stringify(key.export({ format: 'jwk' })))],
      ['in hexadecimal', Buffer.from(der.toString('hex'))],
      ['as JSON of its octets', Buffer.from(JSON.stringify(der))],
      ['as JSON of a typed array', Buffer.from(JSON.stringify(new Uint8Array(der)))],
      [
        'in a log line of such JSON',
        Buffer.from(JSON.stringify(JSON.stringify(new Uint8Array(der)))),
      ],
      ['as Node shows octets', Buffer.from(inspect(new Uint8Array(der), { maxArrayLength: null }))],
    ] as const)
      test(`finds the key of ${title} ${form}`, () => {
        assert.ok(search(key, content).includes('the exponent of the secret is in a file'))
      })
  }

  test('finds nothing where nothing is', () => {
    for (const secret of [text, token, keys.ec, keys.rsa])
      assert.deepEqual(search(secret, randomBytes(100_000)), [])
  })
})
