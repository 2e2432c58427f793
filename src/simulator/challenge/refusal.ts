/** A challenge was not accepted. `code` is one of chapter 3.5 of the protocol note, plus BadTenantIdInChallenge. */
export interface Refusal {
  readonly code: RefusalCode
  readonly errorDescription: string
}

/** Codes with a cause of their own; each is produced by the check that bears its name. */
export type RefusalCode =
  | 'CertificateRequestDecodingFailed'
  | 'ChallengePasswordMissing'
  | 'ChallengeDecodingError'
  | 'SignatureValidationFailed'
  | 'ChallengeDecryptionError'
  | 'ChallengeDeserializationError'
  | 'BadTenantIdInChallenge'
  | 'BadCertificateRequestIdInChallenge'
  | 'BadDeviceIdInChallenge'
  | 'BadUserIdInChallenge'
  | 'ChallengeInvalidTimestamp'
  | 'ChallengeExpired'
  | 'ScepProfileNoLongerTargetedToTheClient'
  | 'SubjectNameMissing'
  | 'SubjectNameMismatch'
  | 'SubjectAltNameMissing'
  | 'SubjectAltNameMismatch'
  | 'KeyLengthMismatch'
  | 'KeyUsageMismatch'
  | 'EnhancedKeyUsageMissing'
  | 'EnhancedKeyUsageMismatch'
  | 'AadKeyIdentifierListMissing'
  | 'RegisteredKeyMismatch'
  | 'SigningCertThumbprintMismatch'

/** Short form for the checks. */
export function refusal(code: RefusalCode, errorDescription: string): Refusal {
  return { code, errorDescription }
}
