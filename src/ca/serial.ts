import { type RandomBytes, toHex } from '../kernel/index.ts'

const SERIAL_OCTETS = 16

/**
 * Draws a serial number: 16 octets, the first 0x01 to 0x7F, so that it is positive and its length is always the same.
 *
 * Unpredictable, and practically never drawn twice; the register is what makes it unique.
 *
 * @returns upper-case hexadecimal, 32 digits
 * @see RFC 5280, section 4.1.2.2
 */
export function generateSerial(random: RandomBytes): string {
  const octets = Uint8Array.from(random(SERIAL_OCTETS))
  // Zero would shorten the number; a set top bit would make it negative.
  octets[0] = (octets[0] ?? 0) & 0x7f || 0x01
  return toHex(octets)
}
