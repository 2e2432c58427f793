import { hash } from 'node:crypto'
import type { PayloadRecipient } from '../../management/index.ts'
import {
  type Certificate,
  findExtension,
  OID,
  parseCertificate,
  parseSubjectAltName,
  type SealingProfile,
} from '../../pki/index.ts'
import { isIssuedUnder } from './device-chain.ts'

/** Profiles from the weakest to the strongest. */
const ranks: readonly SealingProfile[] = ['msCompatTripleDes', 'msCompat', 'standard', 'strong']

/** Who may receive keys. */
export interface RecipientRules {
  /** Issuers of device certificates, each trusted for itself. None: no device is. */
  readonly deviceIssuers: readonly Certificate[]
  /** Weakest protection that is still used. */
  readonly minProfile: SealingProfile
}

/** A certificate that keys may be sealed for, and how. Or why it may not. */
export type RecipientVerdict =
  | {
      readonly kind: 'accepted'
      readonly certificate: Certificate
      readonly profile: SealingProfile
      readonly thumbprintHex: string
    }
  | { readonly kind: 'refused'; readonly reason: string }

/**
 * Judges the certificate that a service names as the receiver of a key. A stolen or misled queue must not be able to
 * redirect keys: the certificate must come from an issuer of device certificates, directly or over intermediates that came
 * with it, be valid now, and carry the id of the
 * very device that the item is for, in its subject or in a subjectAltName.
 *
 * Revocation is not asked for: the device management that issued it withdraws the item instead.
 */
export function judgeRecipient(
  recipient: PayloadRecipient,
  deviceId: string,
  rules: RecipientRules,
  now: Date,
): RecipientVerdict {
  const thumbprintHex = hash('sha1', recipient.certificateDer, 'hex')
  if (thumbprintHex !== recipient.thumbprintHex)
    return refuse('its thumbprint is that of another certificate')
  const profile = profileOf(recipient)
  if (profile === undefined) return refuse('its keyWrap and contentEncryption do not go together')
  if (ranks.indexOf(profile) < ranks.indexOf(rules.minProfile))
    return refuse(`it wants ${profile}, weaker than the configured ${rules.minProfile}`)
  let certificate: Certificate
  try {
    certificate = parseCertificate(recipient.certificateDer)
    if (!isIssuedUnder(certificate, recipient.chain, rules.deviceIssuers, now))
      return refuse('no issuer of device certificates that is trusted here signed it')
    if (!namesDevice(certificate, deviceId))
      return refuse('neither its subject nor a subjectAltName has the id of the device')
  } catch {
    return refuse('it cannot be read')
  }
  if (now < certificate.notBefore || now > certificate.notAfter)
    return refuse('it is not valid now')
  return { kind: 'accepted', certificate, profile, thumbprintHex }
}

function profileOf({ keyWrap, contentEncryption }: PayloadRecipient): SealingProfile | undefined {
  if (keyWrap === 'rsa-pkcs1')
    return contentEncryption === 'aes-256-gcm'
      ? undefined
      : contentEncryption === 'des-ede3-cbc'
        ? 'msCompatTripleDes'
        : 'msCompat'
  if (contentEncryption === 'des-ede3-cbc') return undefined
  return contentEncryption === 'aes-256-gcm' ? 'strong' : 'standard'
}

/** As a whole word, dots included: neither one id inside another nor the host name `<id>.example` is the device. */
function namesDevice(certificate: Certificate, deviceId: string): boolean {
  const extension = findExtension(certificate.extensions, OID.subjectAltName)
  const names = extension === undefined ? [] : parseSubjectAltName(extension.valueDer)
  const id = deviceId.toLowerCase()
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) return false
  return [certificate.subject, ...names.map(({ value }) => value)].some((text) =>
    text
      .toLowerCase()
      .split(/[^0-9a-z.-]/)
      .includes(id),
  )
}

function refuse(what: string): RecipientVerdict {
  return { kind: 'refused', reason: `the certificate of the device is refused: ${what}` }
}
