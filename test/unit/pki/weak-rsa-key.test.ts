import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { findRsaWeakness } from '../../../src/pki/index.ts'

/** The product that the flawed library used for keys of 512 bits: the primes up to 167. */
const M = [...Array(168).keys()]
  .filter((n) => n > 1 && Array.from({ length: n }, (_, at) => at).every((d) => d < 2 || n % d))
  .reduce((product, prime) => product * BigInt(prime), 1n)

function spkiOf(modulus: bigint): Uint8Array {
  const hex = modulus.toString(16)
  const n = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex')
  const key = { kty: 'RSA', n: n.toString('base64url'), e: 'AQAB' }
  return new Uint8Array(
    createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'der' }),
  )
}

function random(bits: number): bigint {
  return BigInt(`0x${randomBytes(bits / 8).toString('hex')}`) | (1n << BigInt(bits - 1)) | 1n
}

describe('REQ-121: RSA keys that are known to be weak', () => {
  test('the fingerprint of ROCA: a power of 65537 modulo the primes up to 167', () => {
    for (const exponent of [0n, 1n, 77n, 12_345n]) {
      let power = 1n
      for (let i = 0n; i < exponent; i += 1n) power = (power * 65_537n) % M
      const modulus = (random(2048) / M) * M + power
      assert.match(findRsaWeakness(spkiOf(modulus)) ?? '', /ROCA/)
    }
  })

  test('an even modulus, and one with a small factor', () => {
    assert.match(findRsaWeakness(spkiOf(random(2048) - 1n)) ?? '', /even/)
    const odd = random(2040)
    assert.match(findRsaWeakness(spkiOf(odd * 167n)) ?? '', /divisible by/)
  })

  test('keys of OpenSSL have neither', () => {
    for (let i = 0; i < 3; i += 1) {
      const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
      const spki = publicKey.export({ type: 'spki', format: 'der' })
      assert.equal(findRsaWeakness(new Uint8Array(spki)), undefined)
    }
  })

  test('what is no RSA key is malformed', () => {
    assert.throws(() => findRsaWeakness(Uint8Array.of(0x30, 0)), { code: 'pki/malformed' })
  })
})
