/** What Intune said with a `code`, and how it may be passed on. */
export interface ResultCode {
  /** The published spelling, or the text as it came when it is none of ours. */
  readonly code: string
  readonly outcome: 'success' | 'refused'
  /** Who can do something about it: the device (a new check-in), us (a bug), or the administrator. */
  readonly concerns: 'nobody' | 'device' | 'connector' | 'administrator'
  /** RFC 8894, section 3.2.1.4.2: 1 badMessageCheck, 2 badRequest, 3 badTime. */
  readonly failInfo: 1 | 2 | 3
  /** Signed 32-bit HRESULT for reports; 0 for success. */
  readonly hResult: number
}

const CERT_INVALID_REQUEST = 0x80094800 | 0
const CHALLENGE_INVALID = 0x80070005 | 0
const CHALLENGE_EXPIRED = 0x800b0101 | 0
const REQUEST_UNREADABLE = 0x80090008 | 0

const refused = (
  code: string,
  concerns: 'device' | 'connector' | 'administrator',
  hResult: number,
  failInfo: 1 | 2 | 3 = 2,
): ResultCode => ({ code, outcome: 'refused', concerns, failInfo, hResult })

/**
 * The codes of the SCEP actions, in the order of Microsoft's enumeration, and one that the service also sends.
 *
 * @see intune-api.md, 3.5; failInfo and hResult are ours
 */
export const RESULT_CODES: readonly ResultCode[] = [
  refused('Unknown', 'administrator', CERT_INVALID_REQUEST),
  { code: 'Success', outcome: 'success', concerns: 'nobody', failInfo: 2, hResult: 0 },
  refused('CertificateRequestDecodingFailed', 'connector', REQUEST_UNREADABLE, 1),
  refused('ChallengePasswordMissing', 'device', CHALLENGE_INVALID),
  refused('ChallengeDeserializationError', 'device', CHALLENGE_INVALID),
  refused('ChallengeDecryptionError', 'device', CHALLENGE_INVALID),
  refused('ChallengeDecodingError', 'device', CHALLENGE_INVALID),
  refused('ChallengeInvalidTimestamp', 'device', CHALLENGE_EXPIRED, 3),
  refused('ChallengeExpired', 'device', CHALLENGE_EXPIRED, 3),
  refused('SubjectNameMissing', 'device', CERT_INVALID_REQUEST),
  refused('SubjectNameMismatch', 'device', CERT_INVALID_REQUEST),
  refused('SubjectAltNameMissing', 'device', CERT_INVALID_REQUEST),
  refused('SubjectAltNameMismatch', 'device', CERT_INVALID_REQUEST),
  refused('KeyUsageMismatch', 'device', CERT_INVALID_REQUEST),
  refused('KeyLengthMismatch', 'device', CERT_INVALID_REQUEST),
  refused('EnhancedKeyUsageMissing', 'device', CERT_INVALID_REQUEST),
  refused('EnhancedKeyUsageMismatch', 'device', CERT_INVALID_REQUEST),
  refused('AadKeyIdentifierListMissing', 'administrator', CERT_INVALID_REQUEST),
  refused('RegisteredKeyMismatch', 'device', CERT_INVALID_REQUEST),
  refused('SigningCertThumbprintMismatch', 'device', CERT_INVALID_REQUEST),
  refused('ScepProfileNoLongerTargetedToTheClient', 'administrator', CHALLENGE_INVALID),
  refused('SignatureValidationFailed', 'device', CHALLENGE_INVALID, 1),
  refused('BadCertificateRequestIdInChallenge', 'device', CHALLENGE_INVALID),
  refused('BadDeviceIdInChallenge', 'device', CHALLENGE_INVALID),
  refused('BadUserIdInChallenge', 'device', CHALLENGE_INVALID),
  refused('BadTenantIdInChallenge', 'administrator', CHALLENGE_INVALID),
]

const byName: ReadonlyMap<string, ResultCode> = new Map(
  RESULT_CODES.map((entry) => [entry.code.toLowerCase(), entry]),
)

/** Looks a code up, in any case. Total: a code that we do not know is a refusal that keeps its text. */
export function getResultCode(code: string): ResultCode {
  return byName.get(code.toLowerCase()) ?? refused(code, 'administrator', CERT_INVALID_REQUEST)
}
