import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { suite, test } from 'node:test'
import { ConnectorError } from '../../../src/kernel/index.ts'
import {
  encodeContext,
  encodeDigest,
  encodeNull,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  type KeyTransport,
  OID,
  parseElement,
  readKeyTransport,
  unwrapContentKey,
  wrapContentKey,
} from '../../../src/pki/index.ts'
import { makeRa } from '../scep/message-builder.ts'

const { key } = makeRa()
const transports: KeyTransport[] = [
  'pkcs1',
  'oaep-sha1',
  'oaep-sha256',
  'oaep-sha384',
  'oaep-sha512',
]

function oaep(...parameters: readonly Uint8Array[]): Uint8Array {
  return encodeSequence(encodeOid(OID.rsaesOaep), encodeSequence(...parameters))
}

function mask(digest: 'sha1' | 'sha256'): Uint8Array {
  return encodeContext(1, encodeSequence(encodeOid(OID.mgf1), encodeDigest(digest)))
}

function label(octets: Uint8Array): Uint8Array {
  return encodeContext(2, encodeSequence(encodeOid(OID.pSpecified), encodeOctetString(octets)))
}

suite('key transport', () => {
  for (const transport of transports) {
    test(`a content key comes out of ${transport} as it went in`, () => {
      const contentKey = randomBytes(16)
      const wrapped = wrapContentKey(key, transport, contentKey)
      assert.deepEqual(Buffer.from(unwrapContentKey(key, transport, wrapped, 16)), contentKey)
    })

    test(`what ${transport} cannot open becomes a key of the right length, never an error`, () => {
      const contentKey = randomBytes(16)
      const wrapped = wrapContentKey(key, transport, contentKey)
      const tampered = wrapped.map((octet, i) => (i === 9 ? octet ^ 1 : octet))
      for (const broken of [tampered, new Uint8Array(256), new Uint8Array(256).fill(0x7f)]) {
        const found = unwrapContentKey(key, transport, broken, 16)
        assert.equal(found.length, 16)
        assert.notDeepEqual(Buffer.from(found), contentKey)
      }
    })

    test(`a content key or a ciphertext of a wrong length makes ${transport} draw a new key each time`, () => {
      const long = wrapContentKey(key, transport, randomBytes(24))
      // A PKCS #1 v1.5 padding that is broken is OpenSSL's: made up of key and octets, the same each time, now and then as long.
      const short = transport === 'pkcs1' ? [] : [long.subarray(1), new Uint8Array()]
      for (const broken of [long, ...short, new Uint8Array(10_000)]) {
        const [one, two] = [0, 1].map(() => unwrapContentKey(key, transport, broken, 16))
        assert.equal(one?.length, 16)
        assert.notDeepEqual(one, two)
      }
    })

    test(`a ciphertext that is too short becomes a key of the right length in ${transport}, never an error`, () => {
      const wrapped = wrapContentKey(key, transport, randomBytes(16))
      for (const short of [wrapped.subarray(1), new Uint8Array()])
        assert.equal(unwrapContentKey(key, transport, short, 16).length, 16)
    })
  }

  test('OAEP is read with defaults, explicit defaults and an empty label', () => {
    const readable: [Uint8Array, KeyTransport][] = [
      [encodeSequence(encodeOid(OID.rsaesOaep)), 'oaep-sha1'],
      [encodeSequence(encodeOid(OID.rsaesOaep), encodeNull()), 'oaep-sha1'],
      [oaep(), 'oaep-sha1'],
      [
        oaep(encodeContext(0, encodeDigest('sha1')), mask('sha1'), label(new Uint8Array())),
        'oaep-sha1',
      ],
      [oaep(encodeContext(0, encodeDigest('sha256')), mask('sha256')), 'oaep-sha256'],
    ]
    for (const [der, transport] of readable) {
      assert.equal(readKeyTransport(parseElement(der)), transport)
    }
  })

  const unsupported: [string, Uint8Array][] = [
    ['another algorithm', encodeSequence(encodeOid('1.2.840.113549.1.9.16.3.14'))],
    ['OAEP with two hashes', oaep(encodeContext(0, encodeDigest('sha256')))],
    [
      'OAEP with MD5',
      oaep(
        encodeContext(0, encodeDigest('md5')),
        encodeContext(1, encodeSequence(encodeOid(OID.mgf1), encodeDigest('md5'))),
      ),
    ],
    ['OAEP with a label', oaep(label(Uint8Array.of(1)))],
    ['OAEP with another mask', oaep(encodeContext(1, encodeSequence(encodeOid('1.2.3'))))],
  ]
  for (const [title, der] of unsupported) {
    test(`${title} is not supported`, () => {
      assert.throws(
        () => readKeyTransport(parseElement(der)),
        (error) => error instanceof ConnectorError && error.code === 'pki/unsupported-algorithm',
      )
    })
  }
})
