import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { encodeCngBlob, parseCngBlob } from '../../../src/keys/index.ts'
import { createFolder, openssl } from '../ca/ca-fixtures.ts'

/** The numbers of a key as the openssl command prints them: big-endian, without leading zeros. */
function readPrinted(text: string): Record<string, Buffer> {
  const printed = [...text.matchAll(/^(\w+):\n((?: {4}[0-9a-f:]+\n)+)/gm)].map(
    ([, name = '', hex = '']): [string, Buffer] => [
      name,
      Buffer.from(hex.replaceAll(/[\s:]/g, '').replace(/^(?:00)+/, ''), 'hex'),
    ],
  )
  return { ...Object.fromEntries(printed), publicExponent: Buffer.from('010001', 'hex') }
}

/** A blob put together by hand, from the description and not by our writer. */
function assemble(magic: string, bits: number, parts: readonly (Buffer | undefined)[]): Buffer {
  const [e, n, p, q] = parts
  const header = Buffer.alloc(24)
  header.write(magic)
  for (const [index, number] of [bits, e, n, p, q].entries())
    header.writeUInt32LE(typeof number === 'number' ? number : (number?.length ?? 0), 4 + index * 4)
  return Buffer.concat([header, ...parts.map((part) => part ?? Buffer.alloc(0))])
}

describe('CNG blobs', () => {
  using folder = createFolder()
  openssl(folder.path, 'genrsa', '-out', 'key.pem', '2048')
  const pem = readFileSync(join(folder.path, 'key.pem'))
  const key = createPrivateKey(pem)
  const numbers = readPrinted(openssl(folder.path, 'rsa', '-in', 'key.pem', '-noout', '-text'))
  const { publicExponent: e, modulus: n, prime1: p, prime2: q } = numbers
  const pad = (name: string, length: number): Buffer =>
    Buffer.concat([
      Buffer.alloc(length - (numbers[name]?.length ?? 0)),
      numbers[name] ?? Buffer.of(),
    ])
  const rsa1 = assemble('RSA1', 2048, [e, n])
  const rsa2 = assemble('RSA2', 2048, [e, n, p, q])
  const rsa3 = assemble('RSA3', 2048, [
    e,
    n,
    p,
    q,
    pad('exponent1', 128),
    pad('exponent2', 128),
    pad('coefficient', 128),
    pad('privateExponent', 256),
  ])

  test('have the sizes and the beginning that Microsoft’s have', () => {
    assert.equal(rsa1.length, 283)
    assert.equal(rsa3.length, 1179)
    const begin = Buffer.from(encodeCngBlob(key, 'fullPrivate')).subarray(0, 27).toString('hex')
    assert.equal(begin, '525341330008000003000000000100008000000080000000010001')
  })

  test('RSA1, RSA2 and RSA3 with the numbers that openssl prints are that key', () => {
    const parsed = parseCngBlob(rsa1)
    assert.equal(parsed.kind, 'public')
    assert.ok(parsed.key.equals(createPublicKey(key)))
    for (const [kind, blob] of [
      ['private', rsa2],
      ['fullPrivate', rsa3],
    ] as const) {
      const { kind: found, key: back } = parseCngBlob(blob)
      assert.equal(found, kind)
      assert.deepEqual(back.export({ format: 'jwk' }).p, key.export({ format: 'jwk' }).p)
      assert.ok(createPublicKey(back).equals(createPublicKey(key)))
    }
  })

  test('are written as those numbers, whatever form is asked for', () => {
    assert.deepEqual(Buffer.from(encodeCngBlob(key, 'public')), rsa1)
    assert.deepEqual(Buffer.from(encodeCngBlob(createPublicKey(key), 'public')), rsa1)
    assert.deepEqual(Buffer.from(encodeCngBlob(key, 'private')), rsa2)
    assert.deepEqual(Buffer.from(encodeCngBlob(key, 'fullPrivate')), rsa3)
  })

  test('a private exponent reduced by the product instead of the least common multiple is taken', () => {
    const value = (name: string): bigint => BigInt(`0x${numbers[name]?.toString('hex')}`)
    const [p1, q1] = [value('prime1') - 1n, value('prime2') - 1n]
    // Any multiple of both p-1 and q-1 may be added; (p-1)(q-1) is even, so half of it is one.
    const other = value('privateExponent') + (p1 * q1) / 2n
    const reduced = (other % (p1 * q1)).toString(16).padStart(512, '0')
    const changed = Buffer.concat([rsa3.subarray(0, -256), Buffer.from(reduced, 'hex')])
    assert.notDeepEqual(changed, rsa3)
    assert.ok(createPublicKey(parseCngBlob(changed).key).equals(createPublicKey(key)))
  })

  const at = { bits: 4, e: 24, n: 27, p: 283, dp: 283 + 256, d: 1179 - 256 }
  const flip = (blob: Buffer, offset: number): Buffer => {
    const copy = Buffer.from(blob)
    copy[offset] = (copy[offset] ?? 0) ^ 1
    return copy
  }
  for (const [title, blob, pattern] of [
    ['other magic', Buffer.concat([Buffer.from('ECS2'), rsa3.subarray(4)]), /begin with RSA1/],
    ['only a header in part', rsa3.subarray(0, 20), /begin with RSA1/],
    ['cut off', rsa3.subarray(0, -1), /1178 octets, not 1179/],
    ['followed by more', Buffer.concat([rsa1, Buffer.of(0)]), /284 octets, not 283/],
    ['another number of bits', flip(rsa1, at.bits), /tells 2049 bits and a modulus of 256/],
    ['a prime that does not fit', flip(rsa2, at.p + 127), /primes do not make/],
    ['a CRT exponent that does not fit', flip(rsa3, at.dp), /do not belong together/],
    ['a private exponent that does not fit', flip(rsa3, at.d + 255), /do not belong together/],
    ['an exponent of no octets', assemble('RSA1', 2048, [Buffer.of(), n]), /exponent of 0 octets/],
    ['a public blob with a prime', assemble('RSA1', 2048, [e, n, p]), /primes of 128 and 0/],
    ['a modulus with a zero in front', assemble('RSA1', 2048, [e, Buffer.alloc(256)]), /2048 bits/],
    ['16384 bits', assemble('RSA1', 16_384, [e, Buffer.alloc(2048, 1)]), /tells 16384 bits/],
  ] as const)
    test(`${title}: refused with the reason`, () => {
      assert.throws(() => parseCngBlob(blob), { code: 'key/unreadable', message: pattern })
    })

  test('a key that is not RSA is not written', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    assert.throws(() => encodeCngBlob(privateKey, 'public'), TypeError)
    assert.throws(() => encodeCngBlob(createPublicKey(key), 'fullPrivate'), TypeError)
  })
})
