import { hash } from 'node:crypto'

/** Digests that files use, with their output and block length in octets. */
const lengths = {
  sha1: { output: 20, block: 64 },
  sha224: { output: 28, block: 64 },
  sha256: { output: 32, block: 64 },
  sha384: { output: 48, block: 128 },
  sha512: { output: 64, block: 128 },
} as const
export type KdfDigest = keyof typeof lengths

/** What the octets are for: they differ for each, from the same password and salt. */
export const KDF_PURPOSE = { key: 1, iv: 2, mac: 3 } as const

/** Whether a digest may be used here. */
export function isKdfDigest(name: string): name is KdfDigest {
  return name in lengths
}

/**
 * Derives octets from a password as PKCS #12 does. Blocks for its iterations.
 *
 * @param password the text; becomes a BMPString with its end mark
 * @see RFC 7292, appendix B.2
 */
export function deriveFromPassword(
  digest: KdfDigest,
  purpose: number,
  password: string,
  salt: Uint8Array,
  iterations: number,
  length: number,
): Uint8Array {
  const { output, block } = lengths[digest]
  const input = Buffer.concat([
    repeat(salt, block),
    repeat(Buffer.from(`${password}\0`, 'utf16le').swap16(), block),
  ])
  const diversifier = Buffer.alloc(block, purpose)
  const derived = Buffer.alloc(Math.ceil(length / output) * output)
  for (let at = 0; at < derived.length; at += output) {
    let round = hash(digest, Buffer.concat([diversifier, input]), 'buffer')
    for (let count = 1; count < iterations; count++) round = hash(digest, round, 'buffer')
    derived.set(round, at)
    if (at + output < length) addToBlocks(input, repeat(round, block).subarray(0, block), block)
  }
  return derived.subarray(0, length)
}

/** As many copies as fill whole blocks; nothing of nothing. */
function repeat(octets: Uint8Array, block: number): Buffer {
  return Buffer.alloc(Math.ceil(octets.length / block) * block, octets)
}

/** Adds a number and one to each block, big-endian, without the carry out of it. */
function addToBlocks(blocks: Buffer, addend: Uint8Array, block: number): void {
  for (let start = 0; start < blocks.length; start += block) {
    let carry = 1
    for (let i = block - 1; i >= 0; i--) {
      carry += (blocks[start + i] ?? 0) + (addend[i] ?? 0)
      blocks[start + i] = carry & 0xff
      carry >>= 8
    }
  }
}
