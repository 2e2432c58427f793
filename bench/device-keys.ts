import { createPrivateKey, createPublicKey, generatePrimeSync } from 'node:crypto'
import type { TestKeys } from '../test/support/scep-messages/index.ts'

const EXPONENT = 65_537n

/** Primes; every two of them make a key. */
const PRIMES = 20

/**
 * Distinct RSA-2048 keys, 190 within a second: any two of 20 primes make one. They are worthless as keys, since two
 * that share a prime break each other, and cost a server exactly what good ones cost.
 *
 * There are many because a server remembers the last public keys that it imported. In the field each request brings a
 * key of its own, so requests of the bench must not find theirs remembered from an earlier one.
 */
export function createDeviceKeys(): readonly TestKeys[] {
  const primes = Array.from({ length: PRIMES }, () => createPrime())
  return primes.flatMap((p, index) => primes.slice(index + 1).map((q) => createKeys(p, q)))
}

function createPrime(): bigint {
  for (;;) {
    // OpenSSL sets the two highest bits, so that the product of two has 2048 bits.
    const prime = generatePrimeSync(1024, { bigint: true })
    if ((prime - 1n) % EXPONENT !== 0n) return prime
  }
}

function createKeys(p: bigint, q: bigint): TestKeys {
  const d = invert(EXPONENT, (p - 1n) * (q - 1n))
  const key = {
    kty: 'RSA',
    n: encode(p * q),
    e: encode(EXPONENT),
    d: encode(d),
    p: encode(p),
    q: encode(q),
    dp: encode(d % (p - 1n)),
    dq: encode(d % (q - 1n)),
    qi: encode(invert(q, p)),
  }
  const privateKey = createPrivateKey({ key, format: 'jwk' })
  return { privateKey, publicKey: createPublicKey(privateKey) }
}

/** The inverse of `value` modulo `modulus`, by the extended Euclidean algorithm. */
function invert(value: bigint, modulus: bigint): bigint {
  let [remainder, next] = [modulus, value % modulus]
  let [factor, nextFactor] = [0n, 1n]
  while (next !== 0n) {
    const quotient = remainder / next
    ;[remainder, next] = [next, remainder - quotient * next]
    ;[factor, nextFactor] = [nextFactor, factor - quotient * nextFactor]
  }
  return ((factor % modulus) + modulus) % modulus
}

function encode(value: bigint): string {
  const hex = value.toString(16)
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('base64url')
}
