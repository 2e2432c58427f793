import { checkRequest } from './compare.ts'
import { type ChallengeContent, contentSchema } from './content.ts'
import { type CsrFacts, parseCsr } from './csr.ts'
import type { ChallengeKeys } from './keys.ts'
import { isSignatureGood, openEnvelope, parseSignedChallenge } from './open.ts'
import { type Refusal, refusal } from './refusal.ts'
import type { Targeting } from './targeting.ts'

/** What the checks need to know beside the request. */
export interface CheckContext {
  readonly keys: ChallengeKeys
  readonly targeting: Targeting
  /** Tenant of the caller's token. */
  readonly tenantId: string
  readonly now: Date
}

/**
 * Decides whether a challenge belongs to its CSR, in the check order of chapter 5.5 of the protocol note.
 *
 * | code | produced by |
 * | --- | --- |
 * | CertificateRequestDecodingFailed | a `certificateRequest` that is not base64 or no PKCS #10 |
 * | ChallengePasswordMissing | a CSR without the attribute |
 * | ChallengeDecodingError | an attribute such as `abc`; `POST /control/challenges` `{defect: "encoding"}` |
 * | SignatureValidationFailed | `{defect: "signature"}`, or any flipped bit under the signature |
 * | ChallengeDecryptionError | `{defect: "recipient"}`: encrypted to the key of another service |
 * | ChallengeDeserializationError | `{defect: "content"}`: another JSON inside |
 * | BadTenantIdInChallenge | `{tenantId}` other than the token's |
 * | BadCertificateRequestIdInChallenge, BadDeviceIdInChallenge, BadUserIdInChallenge | `{certificateRequestId}`, `{deviceId}`, `{userId}` that is no GUID |
 * | ChallengeInvalidTimestamp | `{createdUtc}` in the future, `{createdUtc: null}`, `{expiresUtc}` before creation |
 * | ChallengeExpired | `POST /control/clock` past `validMinutes` |
 * | ScepProfileNoLongerTargetedToTheClient | `PUT /control/targeting` `{profileId or deviceId, targeted: false}` |
 * | SubjectName…, SubjectAltName…, KeyLength…, KeyUsage…, EnhancedKeyUsage… | `{subject}`, `{sans}`, `{keyLength}`, `{keyUsage}`, `{ekus}` that the CSR does not fulfil |
 * | AadKeyIdentifierListMissing | `{requiresRegisteredKey: true}` for a user without a list |
 * | RegisteredKeyMismatch | the same, with a list by `PUT /control/registered-keys` that lacks the CSR's key |
 * | SigningCertThumbprintMismatch | `{defect: "signer"}`: soundly signed, but by a certificate of somebody else |
 *
 * Any other code, `Unknown` among them, comes from `POST /control/verdicts`.
 *
 * @param certificateRequest base64 of the PKCS #10, as the caller sent it
 * @returns the first refusal, or undefined for success
 */
export function checkChallenge(
  certificateRequest: string,
  context: CheckContext,
): Refusal | undefined {
  const csr = parseCsr(certificateRequest)
  if (!csr) {
    return refusal('CertificateRequestDecodingFailed', 'This is not a base64 PKCS #10.')
  }
  if (csr.challengePassword === undefined) {
    return refusal('ChallengePasswordMissing', 'The request has no challengePassword attribute.')
  }
  const signed = parseSignedChallenge(csr.challengePassword)
  if (!signed) return refusal('ChallengeDecodingError', 'The challenge is not base64 CMS.')
  if (!isSignatureGood(signed)) {
    return refusal('SignatureValidationFailed', 'The signature of the challenge is not valid.')
  }
  const opened = openEnvelope(signed.contentDer, context.keys.recipient)
  if (!opened) return refusal('ChallengeDecryptionError', 'The challenge cannot be decrypted.')
  const content = parseContent(opened)
  if (!content) {
    return refusal('ChallengeDeserializationError', 'The challenge has an unknown structure.')
  }
  return (
    checkIds(content, context.tenantId) ??
    checkTimes(content, context.now) ??
    checkTargeting(content, context.targeting) ??
    checkRequest(csr, content.expected) ??
    checkRegisteredKey(content, csr, context.targeting) ??
    checkSigner(signed.signerDer, context.keys)
  )
}

function parseContent(octets: Uint8Array): ChallengeContent | undefined {
  try {
    return contentSchema.safeParse(JSON.parse(Buffer.from(octets).toString('utf8'))).data
  } catch {
    // Not JSON at all is the same answer as another structure.
    return undefined
  }
}

function checkIds(content: ChallengeContent, tenantId: string): Refusal | undefined {
  if (content.tenantId.toLowerCase() !== tenantId.toLowerCase()) {
    return refusal(
      'BadTenantIdInChallenge',
      `The challenge is of tenant ${content.tenantId}, the caller of tenant ${tenantId}.`,
    )
  }
  if (!isGuid(content.certificateRequestId)) {
    return refusal('BadCertificateRequestIdInChallenge', 'The certificate request id is no GUID.')
  }
  if (!isGuid(content.deviceId)) {
    return refusal('BadDeviceIdInChallenge', 'The device id is no GUID.')
  }
  if (!isGuid(content.userId)) return refusal('BadUserIdInChallenge', 'The user id is no GUID.')
  return undefined
}

function checkTimes(content: ChallengeContent, now: Date): Refusal | undefined {
  const { createdUtc, expiresUtc, intervalMinutes } = content
  const created = Date.parse(createdUtc ?? '')
  const expires = Date.parse(expiresUtc ?? '')
  // A comparison with NaN is false, so a time that is missing or unreadable does not make sense either.
  if (!(created <= now.getTime() && created < expires && intervalMinutes !== undefined)) {
    return refusal(
      'ChallengeInvalidTimestamp',
      `challengeExpiration=${expiresUtc}, challengeCreation=${createdUtc} make no sense at ${now.toISOString()}.`,
    )
  }
  if (now.getTime() < expires) return undefined
  return refusal(
    'ChallengeExpired',
    `Challenge has expired: challengeExpInterval=${intervalMinutes}, challengeExpiration=${expiresUtc}, challengeCreation=${createdUtc}.`,
  )
}

function checkTargeting(content: ChallengeContent, targeting: Targeting): Refusal | undefined {
  if (targeting.isTargeted(content.profileId, content.deviceId)) return undefined
  return refusal(
    'ScepProfileNoLongerTargetedToTheClient',
    `Profile ${content.profileId} is not targeted to device ${content.deviceId}.`,
  )
}

function checkRegisteredKey(
  content: ChallengeContent,
  csr: CsrFacts,
  targeting: Targeting,
): Refusal | undefined {
  if (!content.requiresRegisteredKey) return undefined
  const keys = targeting.findRegisteredKeys(content.userId)
  if (!keys) {
    return refusal('AadKeyIdentifierListMissing', `User ${content.userId} has no registered keys.`)
  }
  if (keys.has(csr.keyId)) return undefined
  return refusal('RegisteredKeyMismatch', `The key is not registered for user ${content.userId}.`)
}

function checkSigner(signerDer: Uint8Array, keys: ChallengeKeys): Refusal | undefined {
  if (Buffer.compare(signerDer, keys.signer.certificateDer) === 0) return undefined
  return refusal('SigningCertThumbprintMismatch', 'The challenge was signed by an unknown party.')
}

function isGuid(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)
}
