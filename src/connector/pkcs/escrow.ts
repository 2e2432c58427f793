import { hash } from 'node:crypto'
import type { PayloadRecipient } from '../../management/index.ts'
import {
  type Certificate,
  encodeInteger,
  encodeOctetString,
  encodeSequence,
  encodeUtf8String,
  parseCertificate,
} from '../../pki/index.ts'
import { isIssuedBy } from './device-chain.ts'

/** Of the content of escrow copies. */
export const ESCROW_VERSION = 1

/** What a copy for connectors holds. `keyDer` is in the clear: whoever has it clears it. */
export interface EscrowContent {
  /** PKCS #8 PrivateKeyInfo. */
  readonly keyDer: Uint8Array
  readonly certificateDer: Uint8Array
  readonly chain: readonly Uint8Array[]
  /** For which it was issued: a copy is sealed again for this one alone. */
  readonly deviceId: string
}

/** Connectors that a copy may be sealed for, or why one may not have it. */
export type EscrowVerdict =
  | { readonly kind: 'accepted'; readonly certificates: readonly Certificate[] }
  | { readonly kind: 'refused'; readonly reason: string }

/**
 * Judges the certificates that a service names as those of other connectors: each was issued by the fleet CA that this
 * connector is enrolled with, and is valid now. That it may be encrypted to is looked at when that is done.
 */
export function judgeEscrow(
  recipients: readonly PayloadRecipient[],
  fleetIssuer: Certificate | undefined,
  now: Date,
): EscrowVerdict {
  const certificates: Certificate[] = []
  for (const { certificateDer, thumbprintHex } of recipients) {
    const digest = thumbprintHex.length === 64 ? 'sha256' : 'sha1'
    if (hash(digest, certificateDer, 'hex') !== thumbprintHex.toLowerCase())
      return refuse('its thumbprint is that of another certificate')
    try {
      const certificate = parseCertificate(certificateDer)
      if (fleetIssuer === undefined || !isIssuedBy(certificate, fleetIssuer, now))
        return refuse('the CA of the connectors did not issue it')
      if (now < certificate.notBefore || now > certificate.notAfter)
        return refuse('it is not valid now')
      certificates.push(certificate)
    } catch {
      return refuse('it cannot be read')
    }
  }
  return { kind: 'accepted', certificates }
}

/** DER of the content of an escrow copy: version, key, certificate, chain, device (docs/open-connector-service.md). */
export function encodeEscrow(content: EscrowContent): Uint8Array {
  const { keyDer, certificateDer, chain, deviceId } = content
  return encodeSequence(
    encodeInteger(ESCROW_VERSION),
    encodeOctetString(keyDer),
    encodeOctetString(certificateDer),
    encodeSequence(...chain.map((der) => encodeOctetString(der))),
    encodeUtf8String(deviceId),
  )
}

function refuse(what: string): EscrowVerdict {
  return { kind: 'refused', reason: `the certificate of an escrow recipient is refused: ${what}` }
}
