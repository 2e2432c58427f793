import type { Selectable } from 'kysely'
import type { RevokedEntry } from '../ca/index.ts'
import { ConnectorError } from '../kernel/index.ts'
import type { Extension } from '../pki/index.ts'
import type { CertificateRecord, IssuanceIntent } from './ports.ts'
import type { CertificateTable } from './schema.ts'

/** CRLReason of a certificate that is on hold no longer. */
const REMOVE_FROM_CRL = 8

/** A row as it is read. */
export type CertificateRow = Selectable<CertificateTable>

/** Columns that an intent fills. Structured fields are bytes or JSON. */
export function encodeIntent(intent: IssuanceIntent) {
  const { order } = intent
  return {
    serial_hex: order.serialHex,
    request_key: intent.requestKey,
    ca_id: intent.caId,
    profile: intent.profile,
    transaction_id: intent.transactionId,
    subject: intent.subject,
    subject_der: order.subjectDer,
    spki_der: order.spkiDer,
    not_before: order.notBefore.getTime(),
    order_not_after: order.notAfter.getTime(),
    extensions: encodeExtensions(order.extensions),
    reserved_at: intent.reservedAt.getTime(),
    not_after: order.notAfter.getTime(),
  }
}

/** Reads what `encodeIntent` and the statements of the register wrote. */
export function parseCertificateRow(row: CertificateRow): CertificateRecord {
  return {
    requestKey: row.request_key,
    caId: row.ca_id,
    profile: row.profile,
    transactionId: row.transaction_id,
    subject: row.subject,
    order: {
      serialHex: row.serial_hex,
      subjectDer: row.subject_der,
      spkiDer: row.spki_der,
      notBefore: new Date(row.not_before),
      notAfter: new Date(row.order_not_after),
      extensions: parseExtensions(row.extensions),
    },
    reservedAt: new Date(row.reserved_at),
    state: row.state,
    holder: row.holder,
    leaseUntil: new Date(row.lease_until),
    certificateDer: row.certificate_der ?? undefined,
    thumbprintHex: row.thumbprint_hex ?? undefined,
    ...(row.issued_serial_hex === null ? {} : { issuedSerialHex: row.issued_serial_hex }),
    ...(row.backend_ref === null ? {} : { backendRef: row.backend_ref }),
    issuedAt: toDate(row.issued_at),
    revokedAt: toDate(row.revoked_at),
    revocationReason: row.revocation_reason ?? undefined,
  }
}

/** What is read of a row for a CRL. */
export interface RevocationRow
  extends Pick<
    CertificateRow,
    'id' | 'serial_hex' | 'issued_serial_hex' | 'revoked_at' | 'revocation_reason' | 'crl_shard'
  > {
  /** Whether its certificate is not on record. SQLite has numbers for it. */
  readonly is_unkept: number | boolean
}

/**
 * The entry of a row.
 *
 * @param releasedAt date of one that is not revoked; undefined: it has no entry
 */
export function parseRevocation(
  row: RevocationRow,
  releasedAt: Date | undefined,
): RevokedEntry | undefined {
  const { revoked_at: at, revocation_reason: reason } = row
  const isRevoked = at !== null && reason !== null
  if (!isRevoked && releasedAt === undefined) return undefined
  const shard = row.crl_shard ?? (row.is_unkept ? 'every' : undefined)
  return {
    serialHex: row.issued_serial_hex ?? row.serial_hex,
    at: isRevoked ? new Date(at) : (releasedAt ?? new Date(0)),
    reason: isRevoked ? reason : REMOVE_FROM_CRL,
    ...(shard === undefined ? {} : { shard }),
  }
}

/** Milliseconds or null, as nullable columns hold a time. */
export function toDate(milliseconds: number | null): Date | undefined {
  return milliseconds === null ? undefined : new Date(milliseconds)
}

function encodeExtensions(extensions: readonly Extension[]): string {
  return JSON.stringify(
    extensions.map(({ oid, critical, valueDer }) => [
      oid,
      critical,
      Buffer.from(valueDer).toString('base64'),
    ]),
  )
}

function parseExtensions(json: string): readonly Extension[] {
  const list: unknown = JSON.parse(json)
  if (!Array.isArray(list)) throw malformed()
  return list.map((entry: unknown) => {
    if (!Array.isArray(entry)) throw malformed()
    const [oid, critical, value]: readonly unknown[] = entry
    if (typeof oid !== 'string' || typeof critical !== 'boolean' || typeof value !== 'string')
      throw malformed()
    return { oid, critical, valueDer: new Uint8Array(Buffer.from(value, 'base64')) }
  })
}

function malformed(): ConnectorError {
  return new ConnectorError(
    'store/unavailable',
    'a row of the certificate register is not what this program wrote (column extensions); restore the database from a backup',
  )
}
