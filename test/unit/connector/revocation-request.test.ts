import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { isSameNameText, listSerialForms } from '../../../src/connector/revocation-request.ts'

describe('serial numbers in whatever form they come', () => {
  for (const [text, expected] of [
    ['4A0B', ['4A0B']],
    ['4a0b', ['4A0B']],
    ['0x4A0B', ['4A0B']],
    ['4A:0B', ['4A0B']],
    [' 4A 0B ', ['4A0B']],
    ['004A0B', ['4A0B']],
    ['A0B', ['0A0B']],
    ['19000', ['019000', '4A38']],
    ['0', ['00']],
    ['', []],
    ['4A0G', []],
    ['-1', []],
    ['9'.repeat(129), []],
  ] as const)
    test(`${JSON.stringify(text.slice(0, 20))} is ${expected.join(' or ') || 'no number'}`, () => {
      assert.deepEqual(listSerialForms(text), expected)
    })

  test('every serial is found again in upper and lower case, with zeros, and in decimal', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 2n ** 127n - 1n }), (number) => {
        const hex = number.toString(16).toUpperCase()
        const serialHex = hex.length % 2 === 0 ? hex : `0${hex}`
        for (const form of [serialHex, serialHex.toLowerCase(), `00${serialHex}`, String(number)])
          assert.ok(listSerialForms(form).includes(serialHex), form)
      }),
      { numRuns: 100 },
    )
  })
})

describe('names as text', () => {
  for (const [a, b, isSame] of [
    ['CN=A,O=B', 'CN=A,O=B', true],
    ['CN=A,O=B', 'o=b, cn=a', true],
    ['CN=A', 'CN = A', true],
    ['CN=A\\,B,O=C', 'O=C,CN=A\\,B', true],
    ['CN=A', 'CN=A,O=B', false],
    ['CN=A,O=B', 'CN=A\\,O=B', false],
    ['CN=A', 'CN=B', false],
    ['', '', false],
  ] as const)
    test(`${a} and ${b} are ${isSame ? 'the same' : 'different'}`, () => {
      assert.equal(isSameNameText(a, b), isSame)
    })
})
