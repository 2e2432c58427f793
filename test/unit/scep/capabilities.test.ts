import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ConnectorError } from '../../../src/kernel/index.ts'
import { encodeCapabilities } from '../../../src/scep/index.ts'

suite('capabilities', () => {
  test('REQ-24, REQ-25, REQ-31: a list is sent in its order, one keyword a line, without a blank line', () => {
    assert.equal(
      Buffer.from(encodeCapabilities(['Renewal', 'SHA-512', 'DES3'])).toString(),
      'Renewal\nSHA-512\nDES3\n',
    )
  })

  test('a list that is only unwise, which the configuration warned of, is sent', () => {
    assert.equal(Buffer.from(encodeCapabilities(['Renewal'])).toString(), 'Renewal\n')
  })

  test('REQ-29: a list of 1024 octets is sent', () => {
    assert.equal(encodeCapabilities(['x'.repeat(1023)]).byteLength, 1024)
  })

  const bad: [string, readonly string[]][] = [
    ['a blank line', ['SHA-256', 'AES', '']],
    ['a keyword with a line break', ['SHA-256', 'AES', 'a\nb']],
    ['more than 1024 octets', ['SHA-256', 'AES', 'x'.repeat(1012)]],
  ]
  for (const [title, keywords] of bad) {
    test(`REQ-25, REQ-29: a list with ${title} is a configuration error`, () => {
      assert.throws(
        () => encodeCapabilities(keywords),
        (error) => error instanceof ConnectorError && error.code === 'config/invalid',
      )
    })
  }
})
