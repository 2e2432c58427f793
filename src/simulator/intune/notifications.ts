import { createHash } from 'node:crypto'
import { BoundedMap, Ring } from '../ring.ts'

/** A notification as it was received; members of the other kind are null. The CSR is shown as its SHA-256. */
export interface ReceivedNotification {
  readonly kind: 'success' | 'failure'
  readonly tenantId: string
  readonly transactionId: string
  /** SHA-256 over the base64 text, hexadecimal: the CSR itself holds the challenge. */
  readonly certificateRequestSha256: string
  readonly certificateThumbprint: string | null
  readonly certificateSerialNumber: string | null
  readonly certificateExpirationDateUtc: string | null
  readonly issuingCertificateAuthority: string | null
  readonly caConfiguration: string | null
  readonly certificateAuthority: string | null
  readonly hResult: number | null
  readonly errorDescription: string | null
  readonly callerInfo: string
  /** Whether the same transaction with the same CSR was validated with success before. */
  readonly wasValidated: boolean
  /** What was answered. */
  readonly code: string
  readonly receivedAt: string
}

const capacity = 100_000

/** The last 100,000 notifications and which requests were validated. */
export class NotificationLog {
  readonly #received = new Ring<ReceivedNotification>(capacity)
  readonly #validated = new BoundedMap<string, true>(capacity)

  /** Keeps a notification, also one that was refused. */
  record(notification: ReceivedNotification): void {
    this.#received.record(notification)
  }

  /** Oldest first. */
  list(): readonly ReceivedNotification[] {
    return this.#received.list()
  }

  /** Remembers that a request was validated with success. */
  recordValidated(transactionId: string, certificateRequest: string): void {
    this.#validated.set(requestKey(transactionId, certificateRequest), true)
  }

  /** Whether it was. */
  wasValidated(transactionId: string, certificateRequest: string): boolean {
    return this.#validated.has(requestKey(transactionId, certificateRequest))
  }
}

/** SHA-256 over the base64 text of a CSR, hexadecimal. */
export function hashRequest(certificateRequest: string): string {
  return createHash('sha256').update(certificateRequest).digest('hex')
}

function requestKey(transactionId: string, certificateRequest: string): string {
  return hashRequest(JSON.stringify([transactionId, certificateRequest]))
}
