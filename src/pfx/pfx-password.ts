import { type RandomBytes, Secret } from '../kernel/index.ts'

const CHARACTERS = 32

/**
 * A password for a PFX: 32 letters, digits, `-` and `_`, 192 random bits. ASCII, because devices and tools agree on no
 * other encoding; short enough for OAEP with SHA-512 and RSA-2048.
 */
export function generatePfxPassword(random: RandomBytes): Secret {
  return new Secret(Buffer.from(random((CHARACTERS * 3) / 4)).toString('base64url'))
}
