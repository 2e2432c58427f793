import type { RevocationReason } from '../port.ts'

/** A certificate that its CA took back. */
export interface RevokedEntry {
  readonly serialHex: string
  readonly at: Date
  /** `removeFromCRL` (8) only in a delta CRL: it was on hold, and is good again. */
  readonly reason: RevocationReason
  /**
   * The shard that its certificate names; undefined: it names the full CRL. `every`: revoked before its certificate was
   * on record, so that nobody knows.
   */
  readonly shard?: number | 'every'
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
  /** Marks revoked, durably; false when no such certificate was issued. Twice keeps the first date; a hold becomes final, and keyCompromise (1) takes the place of any reason. */
  revoke(caId: string, serialHex: string, reason: RevocationReason, at: Date): Promise<boolean>
  /** Revoked certificates that have not expired at `asOf`. */
  listRevoked(caId: string, asOf: Date): Promise<readonly RevokedEntry[]>
  /**
   * What a delta CRL tells: certificates that were revoked, or released from hold (as `removeFromCRL`), after this CRL
   * number was taken, and have not expired at `asOf`.
   */
  listChanged(caId: string, sinceNumber: number, asOf: Date): Promise<readonly RevokedEntry[]>
}

/** A signed CRL and what it says of itself. */
export interface SignedCrl {
  readonly der: Uint8Array
  readonly thisUpdate: Date
  readonly nextUpdate: Date
}

/** The complete CRL that delta CRLs add to. */
export interface DeltaBase {
  readonly number: number
  readonly thisUpdate: Date
}

/** The full CRL with its shards and deltas: all of one number, true of one moment. */
export interface Publication extends SignedCrl {
  readonly number: number
  /** How many shards are among the parts. */
  readonly shards: number
  /** Undefined: no delta CRLs. */
  readonly base: DeltaBase | undefined
  /** By name, see `crl-parts.ts`. */
  readonly parts: ReadonlyMap<string, SignedCrl>
}

/**
 * Where CRLs are numbered and kept; a part of the store's register.
 *
 * @throws ConnectorError `store/unavailable` nothing was written; transient
 */
export interface CrlShelf {
  /** The next number, taken durably. Never returns a number twice. */
  takeNumber(caId: string): Promise<number>
  /** What was published last. */
  status(caId: string): Promise<{
    readonly published:
      | { readonly shards: number; readonly base: DeltaBase | undefined }
      | undefined
  }>
  /** Keeps all parts of a publication, and those alone, unless one with a higher number is kept already. */
  publish(caId: string, publication: Publication): Promise<void>
}
