/** The numbers of an RSA private key, named as RFC 7518 names them (section 6.3.2). */
export interface RsaNumbers {
  readonly n: bigint
  readonly e: bigint
  readonly d: bigint
  readonly p: bigint
  readonly q: bigint
  readonly dp: bigint
  readonly dq: bigint
  readonly qi: bigint
}

/**
 * All numbers of an RSA private key from its primes and public exponent. Not in constant time: for keys that an
 * administrator brings, never for the use of a key.
 *
 * @returns undefined when there is no such key: equal factors, or an exponent that has no inverse
 * @see RFC 8017, section 3.2
 */
export function completeRsaKey(e: bigint, p: bigint, q: bigint): RsaNumbers | undefined {
  if (p < 3n || q < 3n || e < 3n) return undefined
  const dp = findInverse(e, p - 1n)
  const dq = findInverse(e, q - 1n)
  const qi = findInverse(q, p)
  const common = lcm(p - 1n, q - 1n)
  const d = findInverse(e, common)
  if (dp === undefined || dq === undefined || qi === undefined || d === undefined) return undefined
  return { n: p * q, e, d, p, q, dp, dq, qi }
}

/** Big-endian octets of a number, as few as it takes. */
export function toOctets(number: bigint): Uint8Array {
  const hex = number.toString(16)
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
}

/** The number of big-endian octets; none are 0. */
export function toNumber(octets: Uint8Array): bigint {
  return octets.length === 0 ? 0n : BigInt(`0x${Buffer.from(octets).toString('hex')}`)
}

/** Extended Euclid. */
function findInverse(number: bigint, modulus: bigint): bigint | undefined {
  let [r, next] = [modulus, number % modulus]
  let [t, nextT] = [0n, 1n]
  while (next !== 0n) {
    const quotient = r / next
    ;[r, next] = [next, r - quotient * next]
    ;[t, nextT] = [nextT, t - quotient * nextT]
  }
  if (r !== 1n) return undefined
  return t < 0n ? t + modulus : t
}

function lcm(a: bigint, b: bigint): bigint {
  let [x, y] = [a, b]
  while (y !== 0n) [x, y] = [y, x % y]
  return (a / x) * b
}
