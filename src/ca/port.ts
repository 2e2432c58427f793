import type { CertificateOrder } from '../pki/index.ts'

/** CRLReason of RFC 5280, section 5.3.1. 7 is not used. */
export type RevocationReason = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 8 | 9 | 10

/** One accepted request, on its way to a CA. */
export interface EnrolOrder {
  /** SHA-256 in hexadecimal over profile, transaction, CSR and signer: the same on all instances and retries. */
  readonly requestKey: string
  /** As signed by the device; an adapter never alters it. Holds the challenge: never logged. */
  readonly csrDer: Uint8Array
  /** What policy decided. A CA that decides for itself gets it as an expectation. */
  readonly certificate: CertificateOrder
  /** Names that only the backend understands (template, role, …), from configuration. */
  readonly parameters: Readonly<Record<string, string>>
  /** 1 for the first try. */
  readonly attempt: number
}

export type EnrolResult =
  | {
      readonly status: 'issued'
      readonly certificateDer: Uint8Array
      /** Opaque, at most 2 KiB; enough for another instance to find this request at the CA. */
      readonly backendRef?: string
    }
  | {
      readonly status: 'pending'
      readonly backendRef: string
      readonly pollAfterMs: number
      readonly expiresAt?: Date
    }
  | {
      readonly status: 'denied'
      readonly code: string
      readonly message: string
      readonly backendRef?: string
    }

export interface RevokeOrder {
  readonly serialHex: string
  readonly reason: RevocationReason
  readonly at: Date
  readonly certificateDer?: Uint8Array
  readonly backendRef?: string
}

export type RevokeResult =
  | { readonly status: 'revoked' | 'alreadyRevoked'; readonly at: Date }
  | { readonly status: 'notFound' | 'notSupported'; readonly message: string }

/** Whether a certificate may be relied on. */
export type CertificateStatus = 'good' | 'revoked' | 'unknown'

/** Whether a backend can work right now, as its last check saw it. */
export interface CaHealth {
  readonly status: 'up' | 'degraded' | 'down'
  readonly cause?: 'network' | 'auth' | 'config' | 'backend'
  readonly detail: string
  readonly checkedAt: Date
  readonly expiring: readonly { readonly what: string; readonly at: Date }[]
}

/** What a backend can do; the host asks before it tries. */
export interface CaCapabilities {
  readonly pending: boolean
  readonly revoke: boolean
  readonly reasons: ReadonlySet<RevocationReason>
  /** How a call with an unknown outcome is repeated safely. `serial`: the reserved serial makes it so. */
  readonly idempotent: 'serial' | 'key' | 'search' | 'none'
  readonly maxParallel: number
}

/**
 * Signs certificates and takes them back. One instance serves all requests of a process, concurrently.
 *
 * Decisions about a request are return values; everything else is thrown. An implementation does not retry on its own
 * and stops when `signal` aborts. The caller verifies what comes back (key, signature, names, dates) for every backend.
 *
 * @throws ConnectorError `ca/unavailable` nothing was decided; transient
 * @throws ConnectorError `ca/misconfigured` no request can succeed until an administrator acts
 * @throws ConnectorError `ca/unknown-outcome` the request may have reached the CA; `find` tells
 */
export interface CaBackend {
  /** Stable identifier, short ASCII; part of URLs and of what Intune is told. */
  readonly id: string
  readonly kind: string
  readonly capabilities: CaCapabilities

  /** Issues one certificate. Again with the same `serialHex` and `requestKey`: the same certificate, never a second one. */
  enrol(order: EnrolOrder, signal: AbortSignal): Promise<EnrolResult>

  /**
   * Asks again about a pending request; any instance may.
   *
   * @param order undefined: whoever asks has lost it, and wants to know what is to be revoked
   */
  poll(backendRef: string, order: EnrolOrder | undefined, signal: AbortSignal): Promise<EnrolResult>

  /** Revokes. Twice is success (`alreadyRevoked`). */
  revoke(order: RevokeOrder, signal: AbortSignal): Promise<RevokeResult>

  /**
   * What the CA says of a certificate now; one on hold is revoked. `unknown`: it has not issued it, or issued it elsewhere, or
   * cannot tell.
   */
  findStatus(serialHex: string, signal: AbortSignal): Promise<CertificateStatus>

  /** Looks a request up after an unknown outcome; undefined: the CA does not know it. */
  find(order: EnrolOrder, signal: AbortSignal): Promise<EnrolResult | undefined>

  /** DER certificates, issuing CA first, root last. */
  chain(): Promise<readonly Uint8Array[]>

  /** Checks without issuing anything. */
  health(signal: AbortSignal): Promise<CaHealth>

  close(): Promise<void>
}
