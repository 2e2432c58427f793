import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  isSameName,
  parseDistinguishedName,
} from '../../../src/simulator/challenge/distinguished-name.ts'
import { octetsOfIp } from '../../../src/simulator/challenge/ip-address.ts'
import { BoundedMap, Ring } from '../../../src/simulator/ring.ts'

describe('distinguished names', () => {
  for (const [text, expected] of [
    ['', []],
    ['CN=a', [['2.5.4.3', 'a']]],
    [
      'cn = a , O= b c ',
      [
        ['2.5.4.3', 'a'],
        ['2.5.4.10', 'b c'],
      ],
    ],
    ['CN=a\\, b', [['2.5.4.3', 'a, b']]],
    ['CN=a\\2C\\c3\\a9', [['2.5.4.3', 'a,\u00e9']]],
    ['CN=\\ a\\ ', [['2.5.4.3', ' a ']]],
    ['CN=\u{1f600}', [['2.5.4.3', '\u{1f600}']]],
    ['1.2.3=x=y', [['1.2.3', 'x=y']]],
    ['CN=', [['2.5.4.3', '']]],
    [
      'CN=a+E=b@c',
      [
        ['2.5.4.3', 'a'],
        ['1.2.840.113549.1.9.1', 'b@c'],
      ],
    ],
  ] as const) {
    test(`"${text}" is read`, () => {
      const parsed = parseDistinguishedName(text)
      assert.ok(typeof parsed !== 'string')
      assert.deepEqual(
        parsed.map(({ typeOid, value }) => [typeOid, value]),
        expected,
      )
    })
  }

  for (const text of ['a', 'CN=a,', 'XX=a', 'CN=a\\']) {
    test(`"${text}" is explained`, () => {
      assert.equal(typeof parseDistinguishedName(text), 'string')
    })
  }

  test('the order does not count, case and number do', () => {
    const names = (text: string) => {
      const parsed = parseDistinguishedName(text)
      assert.ok(typeof parsed !== 'string')
      return parsed
    }
    assert.ok(isSameName(names('CN=a,O=b'), names('O=b,CN=a')))
    assert.ok(!isSameName(names('CN=a'), names('CN=A')))
    assert.ok(!isSameName(names('CN=a,CN=a'), names('CN=a')))
  })
})

describe('IP addresses', () => {
  for (const [text, hex] of [
    ['10.0.0.255', '0a0000ff'],
    ['::', '0'.repeat(32)],
    ['::1', `${'0'.repeat(31)}1`],
    ['2001:DB8::1:0', `20010db8${'0'.repeat(16)}00010000`],
    ['::ffff:10.0.0.1', `${'0'.repeat(20)}ffff0a000001`],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['fe80::1%eth0', ''],
    ['300.1.1.1', ''],
  ] as const) {
    test(`${text} has the octets ${hex || 'of nothing'}`, () => {
      assert.equal(Buffer.from(octetsOfIp(text)).toString('hex'), hex)
    })
  }
})

describe('bounded memory', () => {
  test('a ring keeps the newest, oldest first', () => {
    const ring = new Ring<number>(3)
    for (let entry = 1; entry <= 7; entry++) ring.record(entry)
    assert.deepEqual(ring.list(), [5, 6, 7])
    ring.record(8)
    assert.deepEqual(ring.list(), [6, 7, 8])
  })

  test('a bounded map forgets the oldest key', () => {
    const map = new BoundedMap<string, number>(2)
    map.set('a', 1).set('b', 2).set('a', 3).set('c', 4)
    assert.deepEqual(
      [...map],
      [
        ['b', 2],
        ['c', 4],
      ],
    )
  })
})
