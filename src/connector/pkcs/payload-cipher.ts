import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  randomBytes,
} from 'node:crypto'
import { ConnectorError } from '../../kernel/index.ts'
import type { PayloadCipher } from '../ports.ts'

const NONCE_BYTES = 12
const TAG_BYTES = 16

/**
 * AES-256-GCM with a random nonce in front. What the outbox and the spool keep holds CSRs with their challenges, which
 * never reach a disk in clear text (REQ-111).
 *
 * @param dataKey 32 octets
 */
export function createPayloadCipher(dataKey: Uint8Array): PayloadCipher {
  const key = createSecretKey(dataKey)
  return {
    seal(plain) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', key, nonce)
      return new Uint8Array(
        Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]),
      )
    },
    open(sealed) {
      try {
        if (sealed.byteLength < NONCE_BYTES + TAG_BYTES) throw new RangeError('too short')
        const end = sealed.byteLength - TAG_BYTES
        const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES))
        decipher.setAuthTag(sealed.subarray(end))
        return new Uint8Array(
          Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, end)), decipher.final()]),
        )
      } catch (cause) {
        throw new ConnectorError(
          'key/unreadable',
          'a stored notification does not open with the data key: was the data key replaced, or the file changed?',
          { cause },
        )
      }
    },
  }
}

/**
 * Tells equal challenges apart from different ones in a log, and nothing else: the first 16 hexadecimal digits of an
 * HMAC-SHA-256 under the data key (REQ-111).
 */
export function createChallengeHash(dataKey: Uint8Array): (challenge: string) => string {
  const key = createSecretKey(dataKey)
  return (challenge) =>
    createHmac('sha256', key).update('challenge\0').update(challenge).digest('hex').slice(0, 16)
}
