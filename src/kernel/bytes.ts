import { timingSafeEqual } from 'node:crypto'

/** As many random octets as asked for, fit for keys; `randomBytes` of node:crypto outside tests. */
export type RandomBytes = (length: number) => Uint8Array

/** Upper-case hexadecimal without separators, two digits an octet. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex').toUpperCase()
}

/** Reads what `toHex` writes, in either case. The caller has checked the alphabet. */
export function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'))
}

/** Standard base64 with padding, one line. */
export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

/** Puts pieces together. */
export function concatBytes(...pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pieces))
}

/** Same length and same octets, in a time that depends on the length only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && timingSafeEqual(a, b)
}
