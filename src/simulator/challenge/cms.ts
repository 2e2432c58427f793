import { createHash } from 'node:crypto'

/** Object identifiers of RFC 5652, RFC 3565 and RFC 8017 that a challenge uses. */
export const DATA = '1.2.840.113549.1.7.1'
export const SIGNED_DATA = '1.2.840.113549.1.7.2'
export const ENVELOPED_DATA = '1.2.840.113549.1.7.3'
export const CONTENT_TYPE = '1.2.840.113549.1.9.3'
export const MESSAGE_DIGEST = '1.2.840.113549.1.9.4'
export const SIGNING_TIME = '1.2.840.113549.1.9.5'
export const RSA_ENCRYPTION = '1.2.840.113549.1.1.1'
export const RSA_OAEP = '1.2.840.113549.1.1.7'
export const AES_256_CBC = '2.16.840.1.101.3.4.1.42'
export const SHA_256 = '2.16.840.1.101.3.4.2.1'

/** SHA-256, 32 octets. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest()
}
