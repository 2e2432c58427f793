import { toHex } from '../kernel/index.ts'
import { checkedTag, getChild, parseElement, TAG } from './der-reader.ts'
import { parseBitOctets } from './der-values.ts'

/** Odd primes up to 167: those of the smallest product that the flawed library used, so that every key size shows. */
const PRIMES: readonly number[] = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101,
  103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
]

/** What 65537 generates modulo a prime. */
function generate(prime: number): ReadonlySet<number> {
  const powers = new Set<number>()
  for (let power = 1; !powers.has(power); power = (power * 65_537) % prime) powers.add(power)
  return powers
}

const GROUP_SIZE = 7

/** Seven primes at a time: one division of the long modulus serves them all, and its rest is a safe integer. */
const GROUPS = Array.from({ length: Math.ceil(PRIMES.length / GROUP_SIZE) }, (_, index) => {
  const primes = PRIMES.slice(index * GROUP_SIZE, (index + 1) * GROUP_SIZE)
  return {
    product: primes.reduce((product, prime) => product * BigInt(prime), 1n),
    primes: primes.map((prime) => ({ prime, generated: generate(prime) })),
  }
})

/**
 * Whether an RSA modulus shows that its private key is easy to find: it has a small factor, or the fingerprint of the
 * flawed generator of Infineon chips, whose primes are powers of 65537 modulo a product of small primes (ROCA,
 * CVE-2017-15361). One sound key in some hundred million has the fingerprint by chance.
 *
 * @param spkiDer of an RSA key
 * @returns for people; undefined: nothing was found, which proves little
 * @throws ConnectorError `pki/malformed`
 * @see Nemec, Sys, Svenda, Klinec, Matyas, "The Return of Coppersmith's Attack", 2017, section 2; REQ-121
 */
export function findRsaWeakness(spkiDer: Uint8Array): string | undefined {
  const octets = parseBitOctets(
    getChild(parseElement(spkiDer), 1, TAG.bitString, 'subjectPublicKey'),
    'subjectPublicKey',
  )
  const key = checkedTag(parseElement(octets), TAG.sequence, 'RSA public key')
  const modulus = BigInt(`0x${toHex(getChild(key, 0, TAG.integer, 'RSA modulus').value)}`)
  if (modulus % 2n === 0n) return 'the RSA modulus is even'
  let isFingerprint = true
  for (const { product, primes } of GROUPS) {
    const rest = Number(modulus % product)
    for (const { prime, generated } of primes) {
      if (rest % prime === 0) return `the RSA modulus is divisible by ${prime}`
      isFingerprint &&= generated.has(rest % prime)
    }
  }
  return isFingerprint ? 'the RSA key is of the kind of CVE-2017-15361 (ROCA)' : undefined
}
