import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ConnectorError } from '../../../src/kernel/index.ts'
import {
  checkCapabilities,
  defaultCapabilities,
  encodeCapabilities,
  findCapabilities,
  ndesClassicCapabilities,
} from '../../../src/scep/index.ts'

suite('capabilities', () => {
  test('the default list is sent one keyword a line, without a blank line', () => {
    assert.equal(
      Buffer.from(encodeCapabilities(defaultCapabilities)).toString(),
      'Renewal\nSHA-1\nSHA-256\nSHA-512\nAES\nDES3\nSCEPStandard\nPOSTPKIOperation\n',
    )
  })

  test('the list of NDES has neither AES nor POST', () => {
    assert.equal(
      Buffer.from(encodeCapabilities(ndesClassicCapabilities)).toString(),
      'Renewal\nSHA-512\nSHA-256\nSHA-1\nDES3\n',
    )
  })

  test('SCEPStandard goes with POSTPKIOperation, which it implies', () => {
    const configured = defaultCapabilities.filter((keyword) => keyword !== 'POSTPKIOperation')
    assert.equal(findCapabilities(configured).includes('SCEPStandard'), false)
    assert.deepEqual(findCapabilities(defaultCapabilities), defaultCapabilities)
  })

  test('GetNextCACert is announced only while there is a next CA', () => {
    assert.equal(
      findCapabilities([...defaultCapabilities, 'GetNextCACert']).includes('GetNextCACert'),
      false,
    )
    assert.equal(findCapabilities(defaultCapabilities, true).at(-1), 'GetNextCACert')
  })

  const bad: [string, readonly string[]][] = [
    ['no digest', ['AES']],
    ['no cipher', ['SHA-256']],
    ['a blank line', ['SHA-256', 'AES', '']],
    ['a keyword with a line break', ['SHA-256', 'AES', 'a\nb']],
    ['more than 1024 octets', ['SHA-256', 'AES', 'x'.repeat(1012)]],
  ]
  for (const [title, keywords] of bad) {
    test(`a list with ${title} is a configuration error`, () => {
      assert.equal(checkCapabilities(keywords).length, 1)
      assert.throws(
        () => encodeCapabilities(keywords),
        (error) => error instanceof ConnectorError && error.code === 'config/invalid',
      )
    })
  }
})
