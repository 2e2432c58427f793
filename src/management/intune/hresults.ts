import type { ErrorCode } from '../../kernel/index.ts'

/**
 * The HRESULT that a failure of ours is reported with, signed 32 bits. Exhaustive.
 *
 * @see Microsoft, "Win32 error codes" and "Common HRESULT values"; intune-api.md, 3.4
 */
export function getFailureHResult(code: ErrorCode): number {
  switch (code) {
    case 'ca/unavailable':
    case 'scep/unavailable':
    case 'management/unavailable':
      return 0x800706ba | 0 // RPC_S_SERVER_UNAVAILABLE
    case 'ca/unknown-outcome':
    case 'worker/timeout':
      return 0x800705b4 | 0 // ERROR_TIMEOUT
    case 'ca/refused':
      return 0x80094004 | 0 // CERTSRV_E_PROPERTY_EMPTY, the family of CA answers
    case 'pki/weak-key':
    case 'pki/unsupported-algorithm':
    case 'scep/unsupported-algorithm':
      return 0x80090008 | 0 // NTE_BAD_ALGID
    case 'policy/not-willing':
    case 'pki/bad-csr':
    case 'pki/malformed':
    case 'scep/bad-request':
    case 'scep/bad-time':
    case 'scep/unknown-certificate':
    case 'scep/malformed':
    case 'scep/bad-signature':
    case 'scep/not-for-us':
      return 0x80094800 | 0 // CERTSRV_E_UNSUPPORTED_CERT_TYPE, the family of policy refusals
    case 'challenge/refused':
    case 'management/unauthorized':
      return 0x80070005 | 0 // E_ACCESSDENIED
    case 'worker/overloaded':
      return 0x800700aa | 0 // ERROR_BUSY
    case 'ca/misconfigured':
    case 'config/invalid':
    case 'management/bad-response':
    case 'management/misconfigured':
    case 'internal/bug':
    case 'key/unreadable':
    case 'key/unknown':
    case 'key/conflict':
    case 'key/unsuitable':
    case 'key/decryption-failed':
    case 'pfx/unreadable':
    case 'import/refused':
    case 'spool/unavailable':
    case 'store/conflict':
    case 'store/unavailable':
    case 'worker/died':
      return 0x80004005 | 0 // E_FAIL
  }
}
