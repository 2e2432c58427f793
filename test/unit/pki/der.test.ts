import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ConnectorError, fromHex, toHex } from '../../../src/kernel/index.ts'
import {
  encodeBitString,
  encodeBmpString,
  encodeBoolean,
  encodeContext,
  encodeElement,
  encodeInteger,
  encodeNull,
  encodeOctetString,
  encodeOid,
  encodePrintableString,
  encodeSequence,
  encodeSetOf,
  encodeSetUnsorted,
  encodeTime,
  encodeUtf8String,
  findText,
  OID,
  parseBits,
  parseBoolean,
  parseElement,
  parseLeadingElement,
  parseOctets,
  parseOid,
  parseSmallInteger,
  parseText,
  parseTime,
  TAG,
} from '../../../src/pki/index.ts'

function assertMalformed(work: () => unknown, message?: RegExp) {
  assert.throws(work, (error) => {
    assert.ok(error instanceof ConnectorError)
    assert.equal(error.code, 'pki/malformed')
    if (message !== undefined) assert.match(error.message, message)
    return true
  })
}

/** Sequences inside sequences, the innermost empty. */
function nest(levels: number): Uint8Array {
  let der = encodeSequence()
  for (let i = 1; i < levels; i++) der = encodeSequence(der)
  return der
}

suite('reader', () => {
  test('it takes indefinite lengths and says that they are not DER', () => {
    const element = parseElement(fromHex('308002010524800402010204010300000201060000'))
    assert.deepEqual(
      element.children.map(({ tag }) => tag),
      [TAG.integer, 0x24, TAG.integer],
    )
    assert.equal(element.isDer, false)
    const octets = element.children[1]
    assert.ok(octets !== undefined)
    assert.deepEqual(parseOctets(octets, 'octets'), Uint8Array.of(1, 2, 3))
  })

  test('it takes lengths that are longer than needed and says that they are not DER', () => {
    for (const hex of ['04810105', '0482000105', '04840000000105']) {
      const element = parseElement(fromHex(hex))
      assert.deepEqual(element.value, Uint8Array.of(5))
      assert.equal(element.isDer, false)
    }
  })

  test('it takes strings in pieces and says that they are not DER', () => {
    for (const hex of ['24030401aa', '2c0304016a', '2303040100']) {
      const element = parseElement(fromHex(hex))
      assert.equal(element.isDer, false)
      assert.equal(parseElement(fromHex(`3005${hex}`)).isDer, false)
    }
    for (const hex of ['a0030401aa', '31030401aa'])
      assert.equal(parseElement(fromHex(hex)).isDer, true)
  })

  test('a parent is DER only when all of its children are', () => {
    assert.equal(parseElement(fromHex('3003020105')).isDer, true)
    assert.equal(parseElement(fromHex('300402810105')).isDer, false)
  })

  test('what it gives out are windows on the message, not copies', () => {
    const bytes = fromHex('3003020105')
    const child = parseElement(bytes).children[0]
    bytes[4] = 9
    assert.deepEqual(child?.value, Uint8Array.of(9))
  })

  const broken: [string, string, RegExp][] = [
    ['nothing', '', /cut off/],
    ['a tag alone', '30', /cut off/],
    ['a length beyond the end', '3005020100', /exceeds/],
    ['a child beyond its parent', '3003020405', /exceeds/],
    ['octets behind the element', '05000500', /follow/],
    ['a high tag number', '1f8101020101', /above 30/],
    ['an indefinite primitive', '0480010000', /indefinite length of a primitive/],
    ['an indefinite length without end', '3080020105', /cut off/],
    ['half an end mark', '308002010500', /cut off/],
    ['an end mark with content', '3080020105000100', /broken end mark/],
    ['an end mark in a definite element', '30020000', /end mark without/],
    ['a length of five octets', '04850100000000', /too large/],
    ['a length above 2^31', '0484ffffffff', /too large/],
    ['a length that is cut off', '0482ff', /cut off/],
  ]
  for (const [title, hex, message] of broken) {
    test(`it refuses ${title}`, () => {
      assertMalformed(() => parseElement(fromHex(hex)), message)
    })
  }

  test('REQ-188: it goes down 32 levels and no further', () => {
    assert.equal(parseElement(nest(32)).children.length, 1)
    assertMalformed(() => parseElement(nest(33)), /32 levels/)
    assertMalformed(
      () => parseElement(Buffer.alloc(100_000, Uint8Array.of(0x30, 0x80))),
      /32 levels/,
    )
  })

  test('REQ-188: it reads 10,000 elements and no more', () => {
    const nulls = (count: number) =>
      encodeElement(
        TAG.sequence,
        new Uint8Array(count * 2).map((_, i) => (i % 2 === 0 ? 5 : 0)),
      )
    assert.equal(parseElement(nulls(9_999)).children.length, 9_999)
    assertMalformed(() => parseElement(nulls(10_000)), /10000 elements/)
  })

  test('what follows the element can be ignored', () => {
    assert.deepEqual(parseLeadingElement(fromHex('0500ffff')).der, fromHex('0500'))
  })
})

suite('values', () => {
  test('object identifiers are read as dotted text', () => {
    const table = {
      '06032A0304': '1.2.3.4',
      '0603883703': '2.999.3',
      '060127': '0.39',
      '060150': '2.0',
    }
    for (const [hex, text] of Object.entries(table)) {
      assert.equal(parseOid(parseElement(fromHex(hex))), text)
      assert.equal(toHex(encodeOid(text)), hex)
    }
  })

  test('an object identifier has 1 to 64 octets and unpadded arcs', () => {
    const oid = (octets: Uint8Array) => () => parseOid(parseElement(encodeElement(TAG.oid, octets)))
    assert.doesNotThrow(oid(new Uint8Array(64).fill(1)))
    assertMalformed(oid(new Uint8Array(65).fill(1)), /65 octets/)
    assertMalformed(oid(new Uint8Array()), /0 octets/)
    assertMalformed(oid(Uint8Array.of(0x2a, 0x80, 1)), /padded/)
    assertMalformed(oid(Uint8Array.of(0x2a, 0x81)), /ends within/)
    assertMalformed(oid(new Uint8Array(20).fill(0xff)), /above/)
  })

  test('counts are small and not negative', () => {
    assert.equal(parseSmallInteger(parseElement(fromHex('02020100')), 'count'), 256)
    for (const hex of ['0200', '0201FF', '020500FFFFFFFF']) {
      assertMalformed(() => parseSmallInteger(parseElement(fromHex(hex)), 'count'), /count/)
    }
  })

  test('every non-zero octet is true', () => {
    assert.equal(parseBoolean(parseElement(fromHex('010101')), 'flag'), true)
    assert.equal(parseBoolean(parseElement(fromHex('010100')), 'flag'), false)
    assertMalformed(() => parseBoolean(parseElement(fromHex('0100')), 'flag'))
  })

  test('bit strings tell their unused bits', () => {
    assert.deepEqual(parseBits(parseElement(fromHex('030205A0')), 'bits'), {
      octets: Uint8Array.of(0xa0),
      unusedBits: 5,
    })
    for (const hex of ['0300', '030208A0', '030101']) {
      assertMalformed(() => parseBits(parseElement(fromHex(hex)), 'bits'))
    }
  })

  test('text is read from every string type', () => {
    const text = (hex: string) => findText(parseElement(fromHex(hex)))
    assert.equal(text('130161'), 'a')
    assert.equal(text('1401E9'), 'é')
    assert.equal(text('160161'), 'a')
    assert.equal(text('1A0161'), 'a')
    assert.equal(text('0C02C3A9'), 'é')
    assert.equal(text('1E0200E9'), 'é')
    assert.equal(text('1E04D83DDE00'), '\u{1f600}')
    assert.equal(text('1C040001F600'), '\u{1f600}')
    assert.equal(text('2C060401C30401A9'), 'é')
  })

  test('octets that do not fit their string type are no text', () => {
    for (const hex of ['0C01FF', '1E0100', '1C0400110000', '0400', '0500']) {
      const element = parseElement(fromHex(hex))
      assert.equal(findText(element), undefined, hex)
      assertMalformed(() => parseText(element, 'name'))
    }
  })

  test('a constructed string of other parts is refused', () => {
    assertMalformed(() => parseOctets(parseElement(fromHex('2403020101')), 'content'), /parts/)
  })

  const times: [string, string, string][] = [
    ['UTCTime', '17', '260301120000Z'],
    ['UTCTime without seconds', '17', '2603011200Z'],
    ['UTCTime with an offset', '17', '260301080000-0400'],
    ['GeneralizedTime', '18', '20260301120000Z'],
    ['GeneralizedTime with a fraction', '18', '20260301120000.5Z'],
    ['GeneralizedTime with an offset', '18', '20260301173000+0530'],
  ]
  for (const [title, tag, text] of times) {
    test(`${title} is read`, () => {
      const element = parseElement(encodeElement(Number.parseInt(tag, 16), Buffer.from(text)))
      assert.deepEqual(parseTime(element, 'time'), new Date('2026-03-01T12:00:00Z'))
    })
  }

  test('two-digit years turn at 50', () => {
    const year = (text: string) =>
      parseTime(parseElement(encodeElement(TAG.utcTime, Buffer.from(text))), 't').getUTCFullYear()
    assert.equal(year('500101000000Z'), 1950)
    assert.equal(year('491231235959Z'), 2049)
  })

  test('times that are on no calendar are refused', () => {
    const bad = [
      '260230000000Z',
      '261301000000Z',
      '260301240000Z',
      '260301006000Z',
      '260301000061Z',
      'x',
      '26030112000',
      '0'.repeat(40),
    ]
    for (const text of bad) {
      assertMalformed(() =>
        parseTime(parseElement(encodeElement(TAG.utcTime, Buffer.from(text))), 't'),
      )
    }
  })
})

suite('writer', () => {
  test('integers have the fewest octets that keep their sign', () => {
    const table: [number | bigint, string][] = [
      [0, '020100'],
      [127, '02017F'],
      [128, '02020080'],
      [256, '02020100'],
      [-1, '0201FF'],
      [-128, '020180'],
      [-129, '0202FF7F'],
      [2n ** 64n, '0209010000000000000000'],
    ]
    for (const [value, hex] of table) assert.equal(toHex(encodeInteger(value)), hex)
    assert.equal(toHex(encodeInteger(fromHex('0000FF'))), '020200FF')
    assert.equal(toHex(encodeInteger(new Uint8Array())), '020100')
    assert.throws(() => encodeInteger(2 ** 60), TypeError)
  })

  test('lengths have the fewest octets', () => {
    const header = (length: number) =>
      toHex(encodeOctetString(new Uint8Array(length)).subarray(0, 6)).slice(0, 10)
    assert.match(header(0), /^0400/)
    assert.match(header(127), /^047F/)
    assert.match(header(128), /^048180/)
    assert.match(header(255), /^0481FF/)
    assert.match(header(256), /^04820100/)
    assert.match(header(65_536), /^0483010000/)
    assert.match(header(2 ** 24), /^0484010000/)
  })

  test('a SET OF is sorted, a certificate list is not', () => {
    const [a, b, c] = [encodeInteger(2), encodeInteger(1), encodeNull()]
    assert.equal(toHex(encodeSetOf(c, a, b)), '31080201010201020500')
    assert.equal(toHex(encodeSetUnsorted(c, a, b)), '31080500020102020101')
  })

  test('times are UTCTime from 1950 to 2049 and GeneralizedTime outside', () => {
    const tag = (text: string) => encodeTime(new Date(text))[0]
    assert.equal(tag('1949-12-31T23:59:59Z'), TAG.generalizedTime)
    assert.equal(tag('1950-01-01T00:00:00Z'), TAG.utcTime)
    assert.equal(tag('2049-12-31T23:59:59Z'), TAG.utcTime)
    assert.equal(tag('2050-01-01T00:00:00Z'), TAG.generalizedTime)
    assert.throws(() => encodeTime(new Date('+010000-01-01T00:00:00Z')), TypeError)
  })

  test('the other types look as X.690 wants them', () => {
    assert.equal(toHex(encodeBoolean(true)), '0101FF')
    assert.equal(toHex(encodeBoolean(false)), '010100')
    assert.equal(toHex(encodeBitString(Uint8Array.of(0xa0), 5)), '030205A0')
    assert.equal(toHex(encodeUtf8String('é')), '0C02C3A9')
    assert.equal(toHex(encodePrintableString('a')), '130161')
    assert.equal(toHex(encodeBmpString('é')), '1E0200E9')
    assert.equal(toHex(encodeContext(1, encodeNull())), 'A1020500')
  })

  test('text that is no object identifier is a mistake of the programmer', () => {
    for (const text of [
      '',
      '1',
      '3.1',
      '1.40',
      '1.2.',
      '1.-2',
      'a.b',
      '01.2',
      '1.2.1234567890123456',
    ]) {
      assert.throws(() => encodeOid(text), TypeError, text)
    }
  })

  test('every OID of the house survives a round trip', () => {
    for (const oid of Object.values(OID)) assert.equal(parseOid(parseElement(encodeOid(oid))), oid)
  })
})
