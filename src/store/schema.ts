import type { Generated } from 'kysely'
import type { RevocationReason } from '../ca/index.ts'
import type {
  CertificateState,
  ChallengeOrigin,
  NotificationState,
  PendingCause,
  PendingState,
} from './ports.ts'
import type { WorkState } from './work-port.ts'

/** Tables as of the last migration. Times are integer milliseconds since 1970. */
export interface Schema {
  certificate: CertificateTable
  refusal: RefusalTable
  notification: NotificationTable
  crl_number: CrlNumberTable
  crl: CrlTable
  lease: LeaseTable
  pending_request: PendingRequestTable
  one_time_challenge: OneTimeChallengeTable
  work_item: WorkItemTable
  store_check: StoreCheckTable
}

/** Intents and certificates; a row is never deleted, so a serial is never used twice. */
export interface CertificateTable {
  /** In the order of reservation. */
  id: Generated<number>
  /** As reserved, before anything was signed. Unique. */
  serial_hex: string
  request_key: string
  /** `request_key` while this row answers for it, else null. Unique. */
  live_key: string | null
  ca_id: string
  profile: string
  transaction_id: string
  subject: string
  subject_der: Uint8Array
  spki_der: Uint8Array
  not_before: number
  order_not_after: number
  /** JSON: [oid, critical, base64][]. */
  extensions: string
  state: CertificateState
  holder: string
  lease_until: number
  reserved_at: number
  /** Of the certificate; of the order until there is one. */
  not_after: number
  certificate_der: Uint8Array | null
  /** When the CA chose another than `serial_hex`. */
  issued_serial_hex: string | null
  thumbprint_hex: string | null
  backend_ref: string | null
  issued_at: number | null
  revoked_at: number | null
  revocation_reason: RevocationReason | null
  abandon_reason: string | null
  /** The shard of the CRL that the certificate names; null: the full one. */
  crl_shard: number | null
  /** The last CRL number taken before it was revoked or released; null: never was. */
  changed_after_crl: number | null
}

/** Refused requests. */
export interface RefusalTable {
  id: Generated<number>
  at: number
  request_key: string | null
  profile: string
  transaction_id: string
  subject: string | null
  code: string
  reason: string
}

/** The outbox. */
export interface NotificationTable {
  id: string
  kind: 'success' | 'failure'
  profile: string
  transaction_id: string
  request_id: string | null
  serial_hex: string
  thumbprint_hex: string
  payload: Uint8Array
  created_at: number
  due_at: number
  state: NotificationState
  attempts: number
  holder: string | null
  lease_until: number | null
  last_error: string | null
  delivered_at: number | null
}

/** The last number taken, by CA, since when a revocation waits for the next one, and what the last publication was like. */
export interface CrlNumberTable {
  ca_id: string
  number: number
  outdated_since: number | null
  shards: number | null
  /** Of the complete CRL that delta CRLs add to; null: there are none. */
  base_number: number | null
  base_at: number | null
}

/** The CRLs in force: the full one of each CA, its shards and deltas. All parts of a CA have the same number. */
export interface CrlTable {
  ca_id: string
  part: string
  number: number
  this_update: number
  next_update: number
  der: Uint8Array
}

/** Requests that wait, or have waited. */
export interface PendingRequestTable {
  id: string
  request_key: string
  profile: string
  transaction_id: string
  signer_key_hex: string
  subject: string
  alt_names: string
  cause: PendingCause
  /** 1 or 0. */
  is_validated: number
  payload: Uint8Array
  state: PendingState
  reason: string | null
  created_at: number
  expires_at: number
  decided_at: number | null
  closed_at: number | null
}

/** One-time challenges, as keyed hashes only. */
export interface OneTimeChallengeTable {
  hash_hex: string
  profile: string
  origin: ChallengeOrigin
  created_at: number
  expires_at: number
  /** The request that presented it, and when. */
  bound_key: string | null
  bound_at: number | null
}

/** Items of the work queues. */
export interface WorkItemTable {
  id: string
  queue: string
  context_hash: string
  attempt: number
  /** Gone once the item is closed. */
  payload: Uint8Array | null
  progress: Uint8Array | null
  result: Uint8Array | null
  summary: string | null
  state: WorkState
  tries: number
  last_error: string | null
  holder: string | null
  lease_until: number | null
  received_at: number
  /** When it became `received` last. */
  opened_at: number
  due_at: number
  closed_at: number | null
  /** 1 or 0. */
  is_recorded: number
}

/** Named leases. */
export interface LeaseTable {
  name: string
  holder: string
  lease_until: number
}

/** One row that the readiness check writes. */
export interface StoreCheckTable {
  id: number
  token: string
}
