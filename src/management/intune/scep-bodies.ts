import { ConnectorError, toBase64 } from '../../kernel/index.ts'
import { isJsonObject } from '../http/json-object.ts'
import type { ChallengeToValidate, ScepNotification } from '../ports.ts'

/** Longest errorDescription that Intune keeps. */
const MAX_DESCRIPTION = 255

/** What Intune answered to a SCEP action. */
export interface ScepResult {
  readonly code: string
  /** Absent or empty on success. Text of the other side, not cleaned. */
  readonly description: string
}

/**
 * Body of `validateRequest`. The challenge is no field: Intune takes it out of the CSR.
 *
 * @throws ConnectorError `internal/bug` an argument is blank; nothing was sent
 * @see intune-api.md, 3.2
 */
export function encodeValidateBody(challenge: ChallengeToValidate, callerInfo: string): string {
  checkArguments({ transactionId: challenge.transactionId, activityId: challenge.activityId })
  return JSON.stringify({
    request: {
      transactionId: challenge.transactionId,
      certificateRequest: encodeCsr(challenge.csrDer),
      callerInfo,
    },
  })
}

/**
 * Body of `successNotification` or `failureNotification`. Descriptions are cut, HRESULTs sent as signed 32 bits.
 *
 * @throws ConnectorError `internal/bug` an argument is blank or out of range; nothing was sent
 * @see intune-api.md, 3.3 and 3.4
 */
export function encodeNotificationBody(notification: ScepNotification, callerInfo: string): string {
  const { transactionId } = notification
  const certificateRequest = encodeCsr(notification.csrDer)
  if (notification.kind === 'failure') {
    const { errorDescription, hResult } = notification
    checkArguments({ transactionId, errorDescription })
    if (!Number.isInteger(hResult) || hResult < -(2 ** 31) || hResult >= 2 ** 32) {
      throw new ConnectorError('internal/bug', `hResult is ${hResult}: give a 32-bit integer`)
    }
    return JSON.stringify({
      notification: {
        transactionId,
        certificateRequest,
        hResult: hResult | 0,
        errorDescription: cutDescription(errorDescription),
        callerInfo,
      },
    })
  }
  const { thumbprintHex, serialHex, issuer, notAfter } = notification
  checkArguments({ transactionId, thumbprintHex, serialHex, issuer })
  if (Number.isNaN(notAfter.getTime()))
    throw new ConnectorError('internal/bug', 'notAfter is no date')
  return JSON.stringify({
    notification: {
      transactionId,
      certificateRequest,
      certificateThumbprint: thumbprintHex,
      certificateSerialNumber: serialHex,
      certificateExpirationDateUtc: notAfter.toISOString(),
      issuingCertificateAuthority: issuer,
      callerInfo,
      caConfiguration: notification.caConfiguration,
      certificateAuthority: notification.certificateAuthority,
    },
  })
}

/** Reads the answer of any SCEP action. Undefined for whatever is not a JSON object with a text `code`. */
export function parseScepResult(body: string): ScepResult | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    return undefined
  }
  if (!isJsonObject(parsed)) return undefined
  const { code, errorDescription } = parsed
  if (typeof code !== 'string' || code.trim() === '') return undefined
  return { code, description: typeof errorDescription === 'string' ? errorDescription : '' }
}

function encodeCsr(csrDer: Uint8Array): string {
  if (csrDer.byteLength === 0) throw new ConnectorError('internal/bug', 'csrDer is empty')
  return toBase64(csrDer)
}

/** Counts UTF-16 units, as .NET does, and does not leave half a character at the end. */
function cutDescription(text: string): string {
  return text.slice(0, MAX_DESCRIPTION).replace(/[\ud800-\udbff]$/, '')
}

function checkArguments(values: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(values)) {
    if (value.trim() === '') throw new ConnectorError('internal/bug', `${name} is blank`)
  }
}
