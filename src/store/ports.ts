import type { DeltaBase, Publication, RevocationReason, RevokedEntry } from '../ca/index.ts'
import type { CertificateOrder } from '../pki/index.ts'
import type { WorkItems } from './work-port.ts'

/** What is about to be signed (step 5): the durable intent. */
export interface IssuanceIntent {
  /** SHA-256 in hexadecimal over profile, transactionID, CSR and signer (REQ-143). */
  readonly requestKey: string
  readonly caId: string
  readonly profile: string
  readonly transactionId: string
  /** Subject in RFC 4514 text, for lists. */
  readonly subject: string
  readonly order: CertificateOrder
  readonly reservedAt: Date
}

export type CertificateState = 'reserved' | 'issued' | 'abandoned' | 'revoked'

/** A row of the register. A serial once written is never reused, whatever became of it. */
export interface CertificateRecord extends IssuanceIntent {
  readonly state: CertificateState
  /** The instance that holds the intent, and until when; another instance may take it over afterwards. */
  readonly holder: string
  readonly leaseUntil: Date
  readonly certificateDer: Uint8Array | undefined
  readonly thumbprintHex: string | undefined
  /** Only where the CA chose another serial than the one reserved in `order`. */
  readonly issuedSerialHex?: string
  /** What the CA backend asked to remember, where it did. */
  readonly backendRef?: string
  readonly issuedAt: Date | undefined
  readonly revokedAt: Date | undefined
  readonly revocationReason: RevocationReason | undefined
}

export interface IssuedCertificate {
  readonly serialHex: string
  readonly certificateDer: Uint8Array
  /** SHA-1 over the DER, 40 upper-case digits. */
  readonly thumbprintHex: string
  readonly notAfter: Date
  readonly issuedAt: Date
  readonly backendRef?: string
  /** The shard of the CRL that the certificate names, where it names one. */
  readonly crlShard?: number
}

/** A refused request, kept so that an operator can find it. */
export interface RefusalRecord {
  readonly at: Date
  readonly requestKey: string | undefined
  readonly profile: string
  readonly transactionId: string
  readonly subject: string | undefined
  readonly code: string
  readonly reason: string
}

/**
 * Certificates that were issued or are about to be. Every method is one atomic, durable unit: it has happened when the
 * promise resolves.
 *
 * @throws ConnectorError `store/unavailable` nothing was written; transient
 */
export interface CertificateRegister {
  /**
   * The live record (reserved, issued or revoked) of a request reserved at or after `since`; undefined when there is none.
   */
  findByRequestKey(requestKey: string, since: Date): Promise<CertificateRecord | undefined>

  /**
   * Writes the intent, unless a live record of the same request (since `replaySince`) exists: then that one is returned
   * as `taken`. A `reserved` one whose lease ran out is abandoned and replaced. Two instances at once: exactly one gets
   * `reserved`.
   *
   * `compromised`: nothing was written, because a certificate with this very SubjectPublicKeyInfo was revoked for
   * keyCompromise (REQ-121).
   *
   * @throws ConnectorError `store/conflict` the serial exists already (draw another)
   */
  reserve(
    intent: IssuanceIntent,
    holder: string,
    leaseUntil: Date,
    replaySince: Date,
  ): Promise<
    | { readonly kind: 'reserved' | 'compromised' }
    | { readonly kind: 'taken'; readonly record: CertificateRecord }
  >

  /**
   * Keeps an issued certificate and, in the same transaction, what the management service is owed.
   * Repeating it with the same certificate changes nothing. An intent that is missing (replay from the spool into an
   * older database) is written again from `intent`; one that was abandoned meanwhile is issued after all; one that was
   * revoked stays revoked.
   *
   * @throws ConnectorError `store/conflict` this serial has another certificate, or belongs to another CA
   */
  complete(
    intent: IssuanceIntent,
    issued: IssuedCertificate,
    owed: OwedNotification | undefined,
  ): Promise<void>

  /**
   * Closes an intent that came to nothing; frees its request key, keeps its serial. With the failure that is owed, if
   * any. Changes nothing when the certificate was issued meanwhile: then its success is owed. Safe to repeat.
   */
  abandon(serialHex: string, reason: string, owed: OwedNotification | undefined): Promise<void>

  /** Records a refusal; with the failure that is owed, if any. Repeating it with the same `owed` changes nothing. */
  refuse(refusal: RefusalRecord, owed: OwedNotification | undefined): Promise<void>

  /** Open intents whose lease ended before `before`. */
  listOpenIntents(before: Date, limit: number): Promise<readonly CertificateRecord[]>

  /** By the serial of the certificate; for an open intent the one that is reserved. */
  findBySerial(caId: string, serialHex: string): Promise<CertificateRecord | undefined>

  findByThumbprint(thumbprintHex: string): Promise<CertificateRecord | undefined>

  /**
   * Marks revoked, and the CRL of its CA outdated; false when no such certificate was issued. Twice keeps the first date
   * and reason, but a hold (reason 6) takes any other reason, and every reason gives way to keyCompromise (1). Also for an
   * intent whose certificate is known to exist.
   */
  revoke(caId: string, serialHex: string, reason: RevocationReason, at: Date): Promise<boolean>

  /** Lifts a hold, and marks the CRL of its CA outdated; false when the certificate is not on hold. */
  release(caId: string, serialHex: string, at: Date): Promise<boolean>

  /** Revoked certificates that have not expired at `asOf`, for a CRL. */
  listRevoked(caId: string, asOf: Date): Promise<readonly RevokedEntry[]>

  /**
   * Certificates that were revoked or released since this CRL number was taken and have not expired at `asOf`, for a
   * delta CRL. Released ones have the reason 8, `removeFromCRL`, and `asOf` for a date.
   */
  listChanged(caId: string, sinceNumber: number, asOf: Date): Promise<readonly RevokedEntry[]>

  /** Newest first, for lists and metrics. */
  listRecent(limit: number): Promise<readonly CertificateRecord[]>
  listRefusals(limit: number): Promise<readonly RefusalRecord[]>
  count(): Promise<Readonly<Record<CertificateState, number>>>
}

/** A notification as it is written. `payload` is sealed by the connector: it holds the CSR with its challenge. */
export interface OwedNotification {
  /** GUID. */
  readonly id: string
  readonly kind: 'success' | 'failure'
  readonly profile: string
  readonly transactionId: string
  /** Of the request that brought it about, for the events; undefined in rows of before it was kept. */
  readonly requestId: string | undefined
  /** Empty for a failure. */
  readonly serialHex: string
  readonly thumbprintHex: string
  readonly payload: Uint8Array
  readonly createdAt: Date
  /** When it is due first. */
  readonly dueAt: Date
}

/** `due` waits for its time; `exhausted` has used its online attempts and is still tried, rarely; `failed` was given up. */
export type NotificationState = 'due' | 'exhausted' | 'delivered' | 'failed'

export interface NotificationRecord extends OwedNotification {
  readonly state: NotificationState
  readonly attempts: number
  readonly leaseUntil: Date | undefined
  readonly lastError: string | undefined
  readonly deliveredAt: Date | undefined
}

/**
 * Notifications owed. Every method is one atomic, durable unit.
 *
 * @throws ConnectorError `store/unavailable` nothing was written; transient
 */
export interface Outbox {
  /**
   * Leases up to `limit` rows (`due` or `exhausted`) that are due at `now`, oldest first. A row is leased by one holder
   * at a time; a row whose lease has not run out is left out, whoever holds it.
   */
  claimDue(
    holder: string,
    now: Date,
    leaseUntil: Date,
    limit: number,
  ): Promise<readonly NotificationRecord[]>
  /** Leases one row whatever its due time; undefined when it is delivered, unknown or leased by another holder. */
  claim(
    id: string,
    holder: string,
    now: Date,
    leaseUntil: Date,
  ): Promise<NotificationRecord | undefined>
  /** False when the row was no longer ours or already delivered: then somebody else records its events. */
  markDelivered(id: string, holder: string, at: Date): Promise<boolean>
  /** Counts an attempt, frees the lease and sets the next time. */
  markAttempt(
    id: string,
    holder: string,
    outcome: {
      readonly state: 'due' | 'exhausted' | 'failed'
      readonly nextDueAt: Date
      readonly error: string
    },
  ): Promise<boolean>
  /**
   * Frees every lease of a holder that has died; tells how many. Called by its next life before that claims anything,
   * so that what a crash left half delivered does not wait for its lease to run out.
   */
  releaseLeases(holder: string): Promise<number>
  find(id: string): Promise<NotificationRecord | undefined>
  /** Oldest first by `createdAt`. */
  list(states: readonly NotificationState[], limit: number): Promise<readonly NotificationRecord[]>
  /** The last one delivered first: at start their Admin events are looked for in the log. */
  listDelivered(limit: number): Promise<readonly NotificationRecord[]>
  /**
   * Makes everything undelivered (or the one named) due at once; tells how many. What was given up (`failed`) becomes
   * `exhausted`, not `due`: its Admin event is written already. Leases stay. A success that was given up and whose
   * certificate is revoked by now is left alone: strict mode took both back.
   */
  redeliver(now: Date, id: string | undefined): Promise<number>
  depth(now: Date): Promise<{
    readonly due: number
    readonly exhausted: number
    readonly failed: number
    /** Age of the oldest undelivered row in seconds; 0 when there is none. */
    readonly oldestAgeSeconds: number
  }>
}

/** Published CRLs. */
export interface CrlRegister {
  /**
   * Takes the next number, durably, before anything is signed with it. Never returns a number twice. What was revoked or
   * released before the call no longer counts as waiting: the list must be read afterwards.
   */
  takeNumber(caId: string): Promise<number>
  /** Whether a new CRL is due, without the bytes of the one in force. */
  status(caId: string): Promise<{
    /** The last number taken; higher than the published one while a publication runs or after one was cut off. */
    readonly takenNumber: number
    /** Since when a revocation waits for a CRL that lists it. */
    readonly outdatedSince: Date | undefined
    readonly published:
      | {
          readonly number: number
          readonly thisUpdate: Date
          readonly nextUpdate: Date
          readonly shards: number
          readonly base: DeltaBase | undefined
        }
      | undefined
  }>
  /** Keeps all parts of a publication instead of those before; ignored when one with a higher number is kept already. */
  publish(caId: string, publication: Publication): Promise<void>
  /** @param part name of a shard or of a delta; left out: the full CRL */
  current(
    caId: string,
    part?: string,
  ): Promise<
    | {
        readonly number: number
        readonly der: Uint8Array
        readonly thisUpdate: Date
        readonly nextUpdate: Date
      }
    | undefined
  >
}

/**
 * Why a request waits: `approval` for an operator, `outage` for the management service or the CA, `slow` for the end of
 * work that takes longer than a device waits.
 */
export type PendingCause = 'approval' | 'outage' | 'slow'

/** `approved` and `denied` are decided and wait for the device, or for their time, to be closed. */
export type PendingState = 'waiting' | 'approved' | 'denied' | 'issued' | 'failed'

/** A request that was answered with PENDING. `payload` is sealed by the connector: it holds the CSR with its challenge. */
export interface PendingRequest {
  /** GUID. */
  readonly id: string
  readonly requestKey: string
  readonly profile: string
  readonly transactionId: string
  /** SHA-256 of the signer's public key, hexadecimal: with profile and transactionID it names the request (REQ-147). */
  readonly signerKeyHex: string
  readonly subject: string
  /** Its other names, for whoever decides about it; empty when there are none. */
  readonly altNames: string
  readonly cause: PendingCause
  /** Its challenge was accepted before the outage. */
  readonly isValidated: boolean
  readonly payload: Uint8Array
  readonly createdAt: Date
  readonly expiresAt: Date
}

export interface PendingRecord extends PendingRequest {
  readonly state: PendingState
  /** Why it was denied, or failed. */
  readonly reason: string | undefined
  readonly decidedAt: Date | undefined
  readonly closedAt: Date | undefined
}

/**
 * Requests that wait. Every method is one atomic, durable unit.
 *
 * @throws ConnectorError `store/unavailable` nothing was written; transient
 */
export interface PendingRequests {
  /**
   * Keeps a request, unless it is kept since `since` already: then that record is returned as it is. `full` when
   * `maxOpen` requests of its profile have no answer yet.
   */
  keep(request: PendingRequest, since: Date, maxOpen: number): Promise<PendingRecord | 'full'>
  findByRequestKey(requestKey: string, since: Date): Promise<PendingRecord | undefined>
  /** The youngest one. */
  findByTransaction(
    profile: string,
    transactionId: string,
    signerKeyHex: string,
    since: Date,
  ): Promise<PendingRecord | undefined>
  find(id: string): Promise<PendingRecord | undefined>
  /** Oldest first. */
  list(states: readonly PendingState[], limit: number): Promise<readonly PendingRecord[]>
  /** An operator's word; false when the request does not wait for one. */
  decide(
    id: string,
    decision: {
      readonly state: 'approved' | 'denied'
      readonly reason: string | undefined
      readonly at: Date
    },
  ): Promise<boolean>
  /** Notes the final answer. False when another had noted one: then somebody else records its events. */
  close(
    id: string,
    end: {
      readonly state: 'issued' | 'failed'
      readonly reason: string | undefined
      readonly at: Date
    },
  ): Promise<boolean>
  /** Denied ones, and open ones whose time is over at `now`. */
  listOverdue(now: Date, limit: number): Promise<readonly PendingRecord[]>
}

/** Who asked for a one-time challenge: a page that people and scrapers read, or the API. Each has a limit of its own. */
export type ChallengeOrigin = 'page' | 'api'

/** A one-time challenge as it is written: never the challenge itself. */
export interface NewOneTimeChallenge {
  /** A hash of profile and challenge under a key that is not in the store. */
  readonly hashHex: string
  readonly profile: string
  readonly origin: ChallengeOrigin
  readonly createdAt: Date
  readonly expiresAt: Date
}

export interface OneTimeChallengeRecord extends NewOneTimeChallenge {
  /** The request that presented it (`IssuanceIntent.requestKey`). */
  readonly boundKey: string | undefined
  readonly boundAt: Date | undefined
}

/**
 * Challenges that one request may use. Binding is the only thing that is written when one is used: as long as the register
 * has an intent or a certificate of the bound request, or it waits, nobody else gets the challenge; so an issuance consumes
 * it in the very unit that keeps the certificate, wherever the process dies. Every method is one atomic, durable unit.
 *
 * @throws ConnectorError `store/unavailable` nothing was written; transient
 */
export interface OneTimeChallenges {
  /** False, and nothing kept, when `maxUnused` of this profile and origin are unused and in force at `createdAt`. */
  keep(challenge: NewOneTimeChallenge, maxUnused: number): Promise<boolean>
  find(hashHex: string): Promise<OneTimeChallengeRecord | undefined>
  /**
   * Binds a challenge in force to a request: one that is free, or bound to this request, or bound before `staleBefore` to
   * one that came to nothing. Two requests at once: exactly one gets true.
   */
  bind(hashHex: string, requestKey: string, now: Date, staleBefore: Date): Promise<boolean>
  /**
   * Whether a challenge is bound to this request. Asked after the intent of the request is written, a yes stays true as
   * long as that intent lives.
   */
  isBound(requestKey: string): Promise<boolean>
  /** Frees what is bound to a request that has no certificate, no live intent and does not wait. Safe to repeat. */
  release(requestKey: string): Promise<void>
}

/** Named leases, for work that one instance does at a time. */
export interface Leases {
  /** Takes or prolongs; false when another holder has it. */
  acquire(name: string, holder: string, now: Date, until: Date): Promise<boolean>
  release(name: string, holder: string): Promise<void>
}

export interface Store {
  readonly certificates: CertificateRegister
  readonly outbox: Outbox
  readonly crls: CrlRegister
  readonly leases: Leases
  readonly pending: PendingRequests
  readonly challenges: OneTimeChallenges
  readonly work: WorkItems
  /** A durable write and a read, for readiness. */
  check(): Promise<void>
  /**
   * Removes refusals of before this time, all but the youngest 100,000 of them, notifications delivered before it,
   * requests that waited and got their answer before it, one-time challenges that expired before it, and work items
   * closed before it whose Admin event is recorded.
   * Certificates and undelivered notifications stay for ever.
   *
   * @returns rows removed
   */
  forget(before: Date): Promise<number>
  /**
   * Online copy into a new file, consistent as of one moment; SQLite only. The file appears whole or not at all.
   *
   * @throws ConnectorError `store/conflict` the path exists: nothing is overwritten
   */
  backup(path: string): Promise<{ readonly bytes: number }>
  close(): Promise<void>
}

/** One entry of the spool: what could not be written to the store. `payload` is sealed by the connector. */
export interface SpoolEntry {
  /** Also the file name; `[A-Za-z0-9-]+`. */
  readonly id: string
  readonly savedAt: Date
  readonly payload: Uint8Array
}

/**
 * Files that hold completions while the store is away: one file an entry, temporary name, fsync, rename, mode 0600.
 *
 * @throws ConnectorError `spool/unavailable` the disk refuses as well
 */
export interface Spool {
  save(entry: SpoolEntry): Promise<void>
  /**
   * Oldest first, at most 500 at once. A file that cannot be read is moved aside to `<name>.bad` and reported, never
   * deleted.
   */
  list(): Promise<{
    readonly entries: readonly SpoolEntry[]
    readonly unreadable: readonly string[]
  }>
  remove(id: string): Promise<void>
}
