import { ConnectorError, type ErrorCode } from '../kernel/index.ts'
import type { FailInfo, ScepRefusal } from './types.ts'

/** HRESULT values of Windows, as signed 32-bit numbers (REQ-162). */
export const HRESULT = {
  E_INVALIDARG: -2147024809,
  E_ACCESSDENIED: -2147024891,
  NTE_BAD_DATA: -2146893819,
  NTE_BAD_SIGNATURE: -2146893818,
  NTE_BAD_ALGID: -2146893816,
  CERTSRV_E_BAD_REQUESTSUBJECT: -2146877439,
  CERTSRV_E_TEMPLATE_DENIED: -2146877422,
  CERTSRV_E_ADMIN_DENIED_REQUEST: -2146877420,
  CERTSRV_E_KEY_LENGTH: -2146875375,
} as const

/** Digit of each failInfo on the wire (RFC 8894, section 3.2.1.4). */
export const FAIL_INFO_DIGITS: Readonly<Record<FailInfo, string>> = {
  badAlg: '0',
  badMessageCheck: '1',
  badRequest: '2',
  badTime: '3',
  badCertId: '4',
}

const maxTextLength = 255

/**
 * What a device is told of a failure. Total; whatever is not about the request itself becomes one unspecific badRequest.
 *
 * @param told what may leave the house (`ConnectorError.told`); a fixed sentence otherwise. Cut to 255 characters
 * @see RFC 8894, section 3.2.1.4; REQ-162, chapter 17
 */
export function refusalFor(code: ErrorCode, told?: string): ScepRefusal {
  const { failInfo, text, hResult } = standardRefusal(code)
  return { failInfo, text: limitText(told ?? text), hResult }
}

/**
 * What a device is told when its challenge was refused: always badRequest, with the published name of the reason.
 *
 * @param code as the management service named it; a name of unexpected shape is not passed on
 * @see REQ-139, REQ-187
 */
export function refusalForChallenge(code: string): ScepRefusal {
  const name = /^[A-Za-z][A-Za-z0-9]{0,63}$/.test(code) ? code : 'Unknown'
  return {
    failInfo: 'badRequest',
    text: `challenge refused: ${name}`,
    hResult: HRESULT.E_ACCESSDENIED,
  }
}

/** At most 255 characters, without half a surrogate pair at the end. */
function limitText(text: string): string {
  return text.length <= maxTextLength ? text : text.slice(0, maxTextLength).toWellFormed()
}

function standardRefusal(code: ErrorCode): ScepRefusal {
  switch (code) {
    case 'pki/unsupported-algorithm':
    case 'scep/unsupported-algorithm':
      return refusal('badAlg', 'algorithm not allowed or not known', HRESULT.NTE_BAD_ALGID)
    case 'scep/bad-signature':
      return refusal('badMessageCheck', 'signature does not hold', HRESULT.NTE_BAD_SIGNATURE)
    case 'pki/bad-csr':
      return refusal(
        'badMessageCheck',
        'certification request is not signed by its key',
        HRESULT.NTE_BAD_SIGNATURE,
      )
    case 'scep/not-for-us':
      return refusal('badMessageCheck', 'request cannot be decrypted', HRESULT.NTE_BAD_DATA)
    case 'scep/bad-time':
      return refusal('badTime', 'signingTime is too far off', HRESULT.E_INVALIDARG)
    case 'scep/unknown-certificate':
      return refusal('badCertId', 'no such certificate', HRESULT.E_INVALIDARG)
    case 'pki/weak-key':
      return refusal('badRequest', 'key is not strong enough', HRESULT.CERTSRV_E_KEY_LENGTH)
    case 'policy/not-willing':
      return refusal('badRequest', 'not allowed by policy', HRESULT.CERTSRV_E_TEMPLATE_DENIED)
    case 'challenge/refused':
      return refusal('badRequest', 'challenge refused', HRESULT.E_ACCESSDENIED)
    case 'ca/refused':
      return refusal('badRequest', 'refused by the CA', HRESULT.CERTSRV_E_ADMIN_DENIED_REQUEST)
    case 'pki/malformed':
    case 'scep/malformed':
    case 'scep/bad-request':
      return refusal('badRequest', 'request is malformed', HRESULT.E_INVALIDARG)
    case 'scep/unavailable':
    case 'management/unauthorized':
    case 'management/unavailable':
    case 'management/bad-response':
    case 'management/misconfigured':
    case 'ca/unavailable':
    case 'ca/misconfigured':
    case 'ca/unknown-outcome':
    case 'store/conflict':
    case 'store/unavailable':
    case 'spool/unavailable':
    case 'worker/overloaded':
    case 'worker/timeout':
    case 'worker/died':
    case 'key/unreadable':
    case 'key/unknown':
    case 'key/conflict':
    case 'key/unsuitable':
    case 'key/decryption-failed':
    case 'pfx/unreadable':
    case 'import/refused':
    case 'config/invalid':
    case 'internal/bug':
      return refusal('badRequest', 'request cannot be served now', HRESULT.E_INVALIDARG)
  }
}

function refusal(failInfo: FailInfo, text: string, hResult: number): ScepRefusal {
  return { failInfo, text, hResult }
}

/** A failure of a message whose reason may be told to its sender: it is about what the sender wrote. */
export function tellable(code: ErrorCode, text: string, cause?: unknown): ConnectorError {
  return new ConnectorError(
    code,
    text,
    cause === undefined ? { told: text } : { cause, told: text },
  )
}
