import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromBER } from 'asn1js'
import fc from 'fast-check'
import { ConnectorError } from '../../../src/kernel/index.ts'
import {
  type DerElement,
  encodeBitString,
  encodeBmpString,
  encodeBoolean,
  encodeContext,
  encodeElement,
  encodeGeneralName,
  encodeInteger,
  encodeKeyUsage,
  encodeName,
  encodeNull,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  encodeSetOf,
  encodeTime,
  encodeUtf8String,
  findNameValues,
  findText,
  KEY_USAGE_NAMES,
  OID,
  parseBits,
  parseBoolean,
  parseElement,
  parseKeyUsage,
  parseName,
  parseOctets,
  parseOid,
  parseSmallInteger,
  parseSubjectAltName,
  parseTime,
  sortEncodings,
} from '../../../src/pki/index.ts'

const octets = fc.uint8Array({ maxLength: 300 })
const arc = fc.oneof(
  fc.nat(127),
  fc.nat(),
  fc.maxSafeNat().map((number) => number % 10 ** 14),
)
const oid = fc
  .tuple(fc.nat(2), fc.nat(39), fc.array(arc, { maxLength: 6 }))
  .map(([root, second, others]) => [root, second, ...others].join('.'))
const primitive = fc.oneof(
  octets.map(encodeOctetString),
  fc.integer().map(encodeInteger),
  fc.boolean().map(encodeBoolean),
  oid.map(encodeOid),
  fc.string({ unit: 'binary' }).map(encodeUtf8String),
  fc.constant(encodeNull()),
)
const { tree } = fc.letrec<{ tree: Uint8Array }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 8 },
    primitive,
    fc.array(tie('tree'), { maxLength: 5 }).map((children) => encodeSequence(...children)),
    fc.array(tie('tree'), { maxLength: 5 }).map((children) => encodeSetOf(...children)),
    fc.tuple(fc.nat(30), tie('tree')).map(([number, child]) => encodeContext(number, child)),
  ),
}))

/** BER of the same content: indefinite lengths, octet strings in parts. */
function encodeLoose({ tag, value, children, isConstructed }: DerElement): Uint8Array {
  if (tag === 4) {
    const middle = value.length >> 1
    const parts = [value.subarray(0, middle), value.subarray(middle)].map(encodeOctetString)
    return new Uint8Array(Buffer.concat([Uint8Array.of(0x24, 0x80), ...parts, Uint8Array.of(0, 0)]))
  }
  if (!isConstructed) return encodeElement(tag, value)
  const inner = children.map(encodeLoose)
  return new Uint8Array(Buffer.concat([Uint8Array.of(tag, 0x80), ...inner, Uint8Array.of(0, 0)]))
}

/** What two readings must agree on. */
function shapeOf(element: DerElement): unknown {
  if ((element.tag & ~0x20) === 4)
    return ['octets', Buffer.from(parseOctets(element, 'x')).toString('hex')]
  return element.isConstructed
    ? [element.tag, element.children.map(shapeOf)]
    : [element.tag, Buffer.from(element.value).toString('hex')]
}

test('what the writer writes is DER to the reader and to asn1js, and can be written again', () => {
  const rewrite = (element: DerElement): Uint8Array =>
    element.isConstructed
      ? encodeElement(element.tag, ...element.children.map(rewrite))
      : encodeElement(element.tag, element.value)
  fc.assert(
    fc.property(tree, (der) => {
      const element = parseElement(der)
      assert.equal(element.isDer, true)
      assert.deepEqual(rewrite(element), der)
      assert.equal(fromBER(new Uint8Array(der).buffer).offset, der.length)
    }),
  )
})

test('BER with indefinite lengths reads as the DER of the same content', () => {
  fc.assert(
    fc.property(tree, (der) => {
      const element = parseElement(der)
      assert.deepEqual(shapeOf(parseElement(encodeLoose(element))), shapeOf(element))
    }),
  )
})

test('any octets are read or refused with pki/malformed', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => {
      try {
        assert.deepEqual(parseElement(bytes).der, bytes)
      } catch (error) {
        assert.ok(error instanceof ConnectorError && error.code === 'pki/malformed', String(error))
      }
    }),
    { numRuns: 1_000 },
  )
})

test('values come back as they were written', () => {
  fc.assert(fc.property(oid, (text) => assert.equal(parseOid(parseElement(encodeOid(text))), text)))
  fc.assert(
    fc.property(fc.nat(), (count) => {
      assert.equal(parseSmallInteger(parseElement(encodeInteger(count)), 'count'), count)
    }),
  )
  fc.assert(
    fc.property(fc.bigInt(), (number) => {
      const hex = Buffer.from(parseElement(encodeInteger(number)).value).toString('hex')
      assert.equal(BigInt.asIntN(hex.length * 4, BigInt(`0x${hex}`)), number)
    }),
  )
  fc.assert(
    fc.property(fc.boolean(), (flag) => {
      assert.equal(parseBoolean(parseElement(encodeBoolean(flag)), 'flag'), flag)
    }),
  )
  fc.assert(
    fc.property(octets, (bits) => {
      assert.deepEqual(parseBits(parseElement(encodeBitString(bits)), 'bits').octets, bits)
    }),
  )
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      assert.equal(findText(parseElement(encodeUtf8String(text))), text)
      assert.equal(findText(parseElement(encodeBmpString(text))), text)
    }),
  )
})

test('times come back to the second', () => {
  const date = fc.date({
    min: new Date('0000-01-01T00:00:00Z'),
    max: new Date('9999-12-31T23:59:59Z'),
    noInvalidDate: true,
  })
  fc.assert(
    fc.property(date, (time) => {
      const seconds = new Date(Math.floor(time.getTime() / 1000) * 1000)
      assert.deepEqual(parseTime(parseElement(encodeTime(time)), 'time'), seconds)
    }),
  )
})

test('a SET OF does not depend on the order of its elements', () => {
  fc.assert(
    fc.property(fc.array(tree, { maxLength: 6 }), (elements) => {
      assert.deepEqual(encodeSetOf(...elements), encodeSetOf(...elements.toReversed()))
      const sorted = sortEncodings(elements)
      for (const [i, element] of sorted.slice(1).entries()) {
        assert.ok(Buffer.compare(sorted[i] ?? element, element) <= 0)
      }
    }),
  )
})

test('a name of any text comes back, and its text form is one printable line', () => {
  const value = fc.string({ unit: 'binary' })
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 4 }), (values) => {
      const name = encodeName(values.map((text) => ({ oid: OID.commonName, value: text })))
      assert.deepEqual(findNameValues(name, OID.commonName), values)
      const text = parseName(name)
      // oxlint-disable-next-line no-control-regex -- these must not get through
      assert.doesNotMatch(text, /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/)
      assert.deepEqual(unescapeName(text), values.toReversed())
    }),
  )
})

/** A reader of RFC 4514 text that shares nothing with the writer: one attribute a part, all of type CN. */
function unescapeName(text: string): string[] {
  const parts: Buffer[][] = [[]]
  for (let i = 0; i < text.length; ) {
    const character = String.fromCodePoint(text.codePointAt(i) ?? 0)
    if (character === ',') {
      parts.push([])
      i++
    } else if (character === '\\') {
      const pair = text.slice(i + 1, i + 3)
      const isHex = /^[0-9A-F]{2}$/.test(pair)
      parts.at(-1)?.push(isHex ? Buffer.from(pair, 'hex') : Buffer.from(pair.slice(0, 1)))
      i += isHex ? 3 : 2
    } else {
      parts.at(-1)?.push(Buffer.from(character))
      i += character.length
    }
  }
  return parts.map((part) => Buffer.concat(part).toString().slice('CN='.length))
}

test('key usages come back in the order of their bits', () => {
  fc.assert(
    fc.property(fc.subarray([...KEY_USAGE_NAMES]), (names) => {
      assert.deepEqual(parseKeyUsage(encodeKeyUsage(names).valueDer), names)
    }),
  )
})

test('IP addresses come back', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
      const [name] = parseSubjectAltName(encodeSequence(encodeGeneralName('ip', address)))
      assert.equal(name?.kind, 'ip')
      assert.equal(
        new URL(`http://${wrap(name.value)}`).host,
        new URL(`http://${wrap(address)}`).host,
      )
    }),
  )
})

function wrap(address: string): string {
  return address.includes(':') ? `[${address}]` : address
}
