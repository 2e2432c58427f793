import type { RevocationReason } from '../port.ts'

/** A certificate that its CA took back. */
export interface RevokedEntry {
  readonly serialHex: string
  readonly at: Date
  readonly reason: RevocationReason
}

/** What a register tells of one certificate. */
export interface RegisteredCertificate {
  readonly requestKey: string
  /** Undefined while it is only reserved. */
  readonly certificateDer: Uint8Array | undefined
  readonly revokedAt: Date | undefined
  readonly revocationReason: RevocationReason | undefined
}

/**
 * What the embedded CA needs to remember of its certificates; a part of the store's register.
 *
 * @throws ConnectorError `store/unavailable` nothing was written; transient
 */
export interface IssuedRegister {
  findBySerial(caId: string, serialHex: string): Promise<RegisteredCertificate | undefined>
  /** Marks revoked, durably; false when no such certificate was issued. Twice keeps the first date; a hold becomes final. */
  revoke(caId: string, serialHex: string, reason: RevocationReason, at: Date): Promise<boolean>
  /** Revoked certificates that have not expired at `asOf`. */
  listRevoked(caId: string, asOf: Date): Promise<readonly RevokedEntry[]>
}

/** A signed CRL and what it says of itself. */
export interface PublishedCrl {
  readonly number: number
  readonly der: Uint8Array
  readonly thisUpdate: Date
  readonly nextUpdate: Date
}

/**
 * Where CRLs are numbered and kept; a part of the store's register.
 *
 * @throws ConnectorError `store/unavailable` nothing was written; transient
 */
export interface CrlShelf {
  /** The next number, taken durably. Never returns a number twice. */
  takeNumber(caId: string): Promise<number>
  /** Keeps a CRL unless one with a higher number is kept already. */
  publish(caId: string, crl: PublishedCrl): Promise<void>
}
