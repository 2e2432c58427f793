import { type ExpressionBuilder, sql } from 'kysely'
import type { RevocationReason } from '../ca/index.ts'
import type { encodeIntent } from './certificate-rows.ts'
import type { CertificateState } from './ports.ts'
import { isCompromised, oneRow } from './predicates.ts'
import { prepareQuery } from './prepared-query.ts'
import type { Schema } from './schema.ts'
import type { SqlDialect } from './sql-dialect.ts'

/** CRLReason certificateHold: the one that can be lifted. */
const HOLD = 6

/** CRLReason keyCompromise: the one that others give way to, since it tells of the key and not of the certificate alone. */
const KEY_COMPROMISE = 1

/** Values of a new intent. */
export type IntentValues = ReturnType<typeof encodeIntent> & {
  readonly live_key: string | null
  readonly holder: string
  readonly lease_until: number
}

/** Values of a certificate that is kept. */
export interface KeepValues {
  readonly serialHex: string
  readonly caId: string
  readonly wasState: CertificateState
  readonly state: CertificateState
  readonly certificateDer: Uint8Array
  readonly issuedSerialHex: string | null
  readonly thumbprintHex: string
  readonly notAfter: number
  readonly issuedAt: number
  readonly backendRef: string | null
  readonly crlShard: number | null
}

/** The queries of the certificate register, compiled once. Each looks rows up by an index; a test reads their plans. */
export function prepareCertificateQueries({ compiler: db }: SqlDialect) {
  const bySerial = (slots: { readonly caId: string; readonly serialHex: string }) =>
    db
      .selectFrom('certificate')
      .selectAll()
      .where((where) => hasSerial(where, slots.serialHex))
      .where('ca_id', '=', slots.caId)
      .limit(oneRow)

  const lastCrlNumber = (caId: string) =>
    sql<number>`coalesce(${db
      .selectFrom('crl_number')
      .select('number')
      .where('ca_id', '=', caId)}, 0)`

  return {
    insertIntent: prepareQuery((slots: IntentValues) =>
      db
        .insertInto('certificate')
        .values({
          serial_hex: slots.serial_hex,
          request_key: slots.request_key,
          live_key: slots.live_key,
          ca_id: slots.ca_id,
          profile: slots.profile,
          transaction_id: slots.transaction_id,
          subject: slots.subject,
          subject_der: slots.subject_der,
          spki_der: slots.spki_der,
          not_before: slots.not_before,
          order_not_after: slots.order_not_after,
          extensions: slots.extensions,
          state: 'reserved',
          holder: slots.holder,
          lease_until: slots.lease_until,
          reserved_at: slots.reserved_at,
          not_after: slots.not_after,
        })
        .onConflict((conflict) => conflict.doNothing()),
    ),
    findLive: prepareQuery((slots: { readonly requestKey: string; readonly since: number }) =>
      db
        .selectFrom('certificate')
        .selectAll()
        .where('live_key', '=', slots.requestKey)
        .where('reserved_at', '>=', slots.since),
    ),
    findReserved: prepareQuery((slots: { readonly serialHex: string }) =>
      db.selectFrom('certificate').selectAll().where('serial_hex', '=', slots.serialHex),
    ),
    findBySerial: prepareQuery(bySerial),
    findByThumbprint: prepareQuery((slots: { readonly thumbprintHex: string }) =>
      db
        .selectFrom('certificate')
        .selectAll()
        .where('thumbprint_hex', '=', slots.thumbprintHex)
        .limit(oneRow),
    ),
    findCompromised: prepareQuery((slots: { readonly spkiDer: Uint8Array }) =>
      db
        .selectFrom('certificate')
        .select('serial_hex')
        .where('spki_der', '=', slots.spkiDer)
        .where(isCompromised)
        .limit(oneRow),
    ),
    /** Abandons an intent whose lease ran out. */
    abandonRunOut: prepareQuery((slots: { readonly serialHex: string; readonly now: number }) =>
      db
        .updateTable('certificate')
        .set({ state: 'abandoned', live_key: null, abandon_reason: 'its lease ran out' })
        .where('serial_hex', '=', slots.serialHex)
        .where('state', '=', 'reserved')
        .where('live_key', 'is not', null)
        .where('lease_until', '<=', slots.now),
    ),
    /** Takes the request key from a record that left the replay window. */
    releaseKey: prepareQuery((slots: { readonly serialHex: string; readonly since: number }) =>
      db
        .updateTable('certificate')
        .set({ live_key: null })
        .where('serial_hex', '=', slots.serialHex)
        .where('live_key', 'is not', null)
        .where('reserved_at', '<', slots.since),
    ),
    keep: prepareQuery((slots: KeepValues) =>
      db
        .updateTable('certificate')
        .set({
          state: slots.state,
          certificate_der: slots.certificateDer,
          issued_serial_hex: slots.issuedSerialHex,
          thumbprint_hex: slots.thumbprintHex,
          not_after: slots.notAfter,
          issued_at: slots.issuedAt,
          backend_ref: slots.backendRef,
          crl_shard: slots.crlShard,
        })
        .where('serial_hex', '=', slots.serialHex)
        .where('ca_id', '=', slots.caId)
        .where('state', '=', slots.wasState)
        .where('certificate_der', 'is', null),
    ),
    /** Lets a record answer for its request again, unless another one does. */
    takeKey: prepareQuery((slots: { readonly serialHex: string; readonly requestKey: string }) =>
      db
        .updateTable('certificate')
        .set({ live_key: slots.requestKey })
        .where('serial_hex', '=', slots.serialHex)
        .where((where) =>
          where.not(
            where.exists(
              db
                .selectFrom('certificate as other')
                .select('other.id')
                .where('other.live_key', '=', slots.requestKey),
            ),
          ),
        ),
    ),
    abandon: prepareQuery((slots: { readonly serialHex: string; readonly reason: string }) =>
      db
        .updateTable('certificate')
        .set({ state: 'abandoned', live_key: null, abandon_reason: slots.reason })
        .where('serial_hex', '=', slots.serialHex)
        .where('state', '=', 'reserved'),
    ),
    revoke: prepareQuery(
      (slots: {
        readonly caId: string
        readonly serialHex: string
        readonly reason: RevocationReason
        readonly at: number
      }) =>
        db
          .updateTable('certificate')
          .set((row) => ({
            state: 'revoked',
            revoked_at: row.fn.coalesce('revoked_at', row.val(slots.at)),
            revocation_reason: slots.reason,
            changed_after_crl: lastCrlNumber(slots.caId),
          }))
          .where((where) => hasSerial(where, slots.serialHex))
          .where('ca_id', '=', slots.caId)
          .where((where) =>
            where.or([
              where('state', '!=', 'revoked'),
              where.and([
                where('revocation_reason', '=', HOLD),
                where(where.val(slots.reason), '!=', HOLD),
              ]),
              where.and([
                where('revocation_reason', '!=', KEY_COMPROMISE),
                where(where.val(slots.reason), '=', KEY_COMPROMISE),
              ]),
            ]),
          ),
    ),
    release: prepareQuery((slots: { readonly caId: string; readonly serialHex: string }) =>
      db
        .updateTable('certificate')
        .set({
          state: 'issued',
          revoked_at: null,
          revocation_reason: null,
          changed_after_crl: lastCrlNumber(slots.caId),
        })
        .where((where) => hasSerial(where, slots.serialHex))
        .where('ca_id', '=', slots.caId)
        .where('state', '=', 'revoked')
        .where('revocation_reason', '=', HOLD)
        .where('certificate_der', 'is not', null),
    ),
    /** For a serial that exists: no mark is left for a CA that nobody has. */
    markCrlOutdated: prepareQuery(
      (slots: { readonly caId: string; readonly serialHex: string; readonly at: number }) =>
        db
          .insertInto('crl_number')
          .columns(['ca_id', 'number', 'outdated_since'])
          .expression(
            db
              .selectFrom('certificate')
              .select((row) => [
                'ca_id',
                sql<number>`0`.as('number'),
                row.val(slots.at).as('outdated_since'),
              ])
              .where((where) => hasSerial(where, slots.serialHex))
              .where('ca_id', '=', slots.caId)
              .limit(oneRow),
          )
          .onConflict((conflict) =>
            conflict.column('ca_id').doUpdateSet((row) => ({
              outdated_since: row.fn.coalesce(
                'crl_number.outdated_since',
                row.ref('excluded.outdated_since'),
              ),
            })),
          ),
    ),
    listOpenIntents: prepareQuery((slots: { readonly before: number; readonly limit: number }) =>
      db
        .selectFrom('certificate')
        .selectAll()
        .where('state', '=', 'reserved')
        .where('lease_until', '<', slots.before)
        .orderBy('lease_until')
        .limit(slots.limit),
    ),
    listRevoked: prepareQuery(
      (slots: {
        readonly caId: string
        readonly asOf: number
        readonly afterId: number
        readonly limit: number
      }) =>
        db
          .selectFrom('certificate')
          .select(revocationColumns)
          .where('state', '=', 'revoked')
          .where('ca_id', '=', slots.caId)
          .where('id', '>', slots.afterId)
          .where('not_after', '>=', slots.asOf)
          .orderBy('id')
          .limit(slots.limit),
    ),
    listChanged: prepareQuery(
      (slots: {
        readonly caId: string
        readonly sinceNumber: number
        readonly asOf: number
        readonly afterId: number
        readonly limit: number
      }) =>
        db
          .selectFrom('certificate')
          .select(revocationColumns)
          .where('changed_after_crl', 'is not', null)
          .where('ca_id', '=', slots.caId)
          .where('changed_after_crl', '>=', slots.sinceNumber)
          .where('id', '>', slots.afterId)
          .where('not_after', '>=', slots.asOf)
          .orderBy('id')
          .limit(slots.limit),
    ),
    listRecent: prepareQuery((slots: { readonly limit: number }) =>
      db.selectFrom('certificate').selectAll().orderBy('id', 'desc').limit(slots.limit),
    ),
    // The issued ones are the total without the others: that counts an index instead of walking all of it.
    count: prepareQuery((_slots: Record<never, never>) => {
      const countState = (state: CertificateState) =>
        db
          .selectFrom('certificate')
          .select(({ fn }) => fn.countAll<number>().as('rows'))
          .where('state', '=', state)
      return db
        .selectNoFrom([
          db
            .selectFrom('certificate')
            .select(({ fn }) => fn.countAll<number>().as('rows'))
            .as('total'),
          countState('reserved').as('reserved'),
          countState('abandoned').as('abandoned'),
          countState('revoked').as('revoked'),
        ])
        .$narrowType<{ total: number; reserved: number; abandoned: number; revoked: number }>()
    }),
    insertRefusal: prepareQuery(
      (slots: {
        readonly at: number
        readonly requestKey: string | null
        readonly profile: string
        readonly transactionId: string
        readonly subject: string | null
        readonly code: string
        readonly reason: string
      }) =>
        db.insertInto('refusal').values({
          at: slots.at,
          request_key: slots.requestKey,
          profile: slots.profile,
          transaction_id: slots.transactionId,
          subject: slots.subject,
          code: slots.code,
          reason: slots.reason,
        }),
    ),
    listRefusals: prepareQuery((slots: { readonly limit: number }) =>
      db.selectFrom('refusal').selectAll().orderBy('id', 'desc').limit(slots.limit),
    ),
  }
}

/** What a CRL tells of a certificate, and `is_unkept` where none is on record. */
function revocationColumns(row: ExpressionBuilder<Schema, 'certificate'>) {
  return [
    'id',
    'serial_hex',
    'issued_serial_hex',
    'revoked_at',
    'revocation_reason',
    'crl_shard',
    row.eb('thumbprint_hex', 'is', null).as('is_unkept'),
  ] as const
}

/** The serial that a certificate carries: that of the intent, unless the CA chose another. */
function hasSerial(where: ExpressionBuilder<Schema, 'certificate'>, serialHex: string) {
  return where.or([
    where.and([where('serial_hex', '=', serialHex), where('issued_serial_hex', 'is', null)]),
    where('issued_serial_hex', '=', serialHex),
  ])
}
