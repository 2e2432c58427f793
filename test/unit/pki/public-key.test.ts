import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ConnectorError } from '../../../src/kernel/index.ts'
import {
  encodeBitString,
  encodeInteger,
  encodeNull,
  encodeOid,
  encodeSequence,
  importPublicKey,
  OID,
  parsePublicKey,
} from '../../../src/pki/index.ts'
import { makeIdentity } from '../scep/message-builder.ts'

const { spkiDer } = makeIdentity('device')

function rsaKey(modulus: Uint8Array, exponent: bigint): Uint8Array {
  return encodeSequence(
    encodeSequence(encodeOid(OID.rsaEncryption), encodeNull()),
    encodeBitString(encodeSequence(encodeInteger(modulus), encodeInteger(exponent))),
  )
}

suite('public keys', () => {
  test('the size of an RSA key is that of its modulus, without leading zeros', () => {
    assert.equal(parsePublicKey(rsaKey(Uint8Array.of(0, 1, 0), 3n)).bits, 9)
    assert.equal(parsePublicKey(rsaKey(new Uint8Array(256).fill(0xff), 3n)).bits, 2048)
    assert.equal(parsePublicKey(rsaKey(Uint8Array.of(0), 3n)).bits, 0)
  })

  test('an exponent that is no safe integer is reported as 0', () => {
    const modulus = Uint8Array.of(0xff)
    assert.equal(parsePublicKey(rsaKey(modulus, 65_537n)).exponent, 65_537)
    assert.equal(parsePublicKey(rsaKey(modulus, 2n ** 53n - 1n)).exponent, 2 ** 53 - 1)
    assert.equal(parsePublicKey(rsaKey(modulus, 2n ** 53n)).exponent, 0)
    assert.equal(parsePublicKey(rsaKey(modulus, 2n ** 4000n)).exponent, 0)
  })

  test('other kinds of keys are named other', () => {
    const key = (algorithmDer: Uint8Array) =>
      parsePublicKey(encodeSequence(algorithmDer, encodeBitString(new Uint8Array(32))))
    const other = { algorithm: 'other', bits: 0 }
    assert.deepEqual(key(encodeSequence(encodeOid('1.3.101.110'))), other)
    assert.deepEqual(key(encodeSequence(encodeOid(OID.ecPublicKey), encodeSequence())), other)
  })

  test('a key is imported once for the same bytes', () => {
    assert.equal(importPublicKey(spkiDer), importPublicKey(spkiDer.slice()))
  })

  test('a key that was pushed out by others is imported again', () => {
    const first = importPublicKey(spkiDer)
    for (let i = 1; i <= 64; i++) {
      importPublicKey(rsaKey(new Uint8Array(128).fill(0xff), BigInt(2 * i + 1)))
    }
    const again = importPublicKey(spkiDer)
    assert.notEqual(again, first)
    assert.ok(again.equals(first))
  })

  test('RSA-8192, the largest there is, is imported whole', () => {
    const der = rsaKey(new Uint8Array(1024).fill(0xff), 65_537n)
    assert.deepEqual(
      new Uint8Array(importPublicKey(der).export({ type: 'spki', format: 'der' })),
      der,
    )
  })

  const unusable: [string, Uint8Array][] = [
    ['that is larger than RSA-8192', rsaKey(new Uint8Array(1_100).fill(0xff), 3n)],
    [
      'of an unknown kind',
      encodeSequence(encodeSequence(encodeOid('1.2.3')), encodeBitString(new Uint8Array(9))),
    ],
    ['that is none', encodeNull()],
  ]
  for (const [title, der] of unusable) {
    test(`a key ${title} cannot be used`, () => {
      assert.throws(
        () => importPublicKey(der),
        (error) => error instanceof ConnectorError && error.code === 'pki/unsupported-algorithm',
      )
    })
  }
})
