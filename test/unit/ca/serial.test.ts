import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { generateSerial } from '../../../src/ca/index.ts'

describe('serial numbers', () => {
  test('a serial is 16 octets whose first is 0x01 to 0x7F', () => {
    for (let i = 0; i < 2000; i++) {
      assert.match(generateSerial(randomBytes), /^(0[1-9A-F]|[1-7][0-9A-F])[0-9A-F]{30}$/)
    }
  })

  const rows: readonly [title: string, first: number, expected: string][] = [
    ['a zero octet would shorten the number', 0x00, '01'],
    ['a top bit alone would leave zero', 0x80, '01'],
    ['a top bit would make the number negative', 0xff, '7F'],
    ['an octet that fits is left alone', 0x42, '42'],
  ]
  for (const [title, first, expected] of rows) {
    test(title, () => {
      const serial = generateSerial((length) => new Uint8Array(length).fill(first))
      assert.equal(serial.slice(0, 2), expected)
    })
  }

  test('the octets that were drawn are not changed', () => {
    const drawn = new Uint8Array(16).fill(0xff)
    generateSerial(() => drawn)
    assert.equal(drawn[0], 0xff)
  })
})
