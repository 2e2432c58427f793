import type { Publication, RevocationReason, RevokedEntry } from '../../src/ca/index.ts'
import { ConnectorError, equalBytes } from '../../src/kernel/index.ts'
import type {
  CertificateRecord,
  CertificateRegister,
  CertificateState,
  CrlRegister,
  IssuanceIntent,
  IssuedCertificate,
  Leases,
  NotificationRecord,
  OneTimeChallengeRecord,
  Outbox,
  OwedNotification,
  PendingRecord,
  PendingRequests,
  RefusalRecord,
  Store,
} from '../../src/store/index.ts'
import { createMemoryChallenges } from './memory-challenges.ts'
import { createMemoryWork, forgetWork, type WorkRow } from './memory-work-items.ts'

/** What a test can break. Set the members at any time. */
export interface MemoryStoreFaults {
  /** Every write fails with `store/unavailable` before anything is written. */
  failWrites: boolean
  /** Every read fails with `store/unavailable`. */
  failReads: boolean
  /** Asked before each write, with the method as in `certificates.complete`; true makes that write fail. */
  failWrite: ((method: string) => boolean) | undefined
}

/** The store in Maps, for tests of other rooms. Passes the contract suite of the store; nothing of it is durable. */
export interface MemoryStore extends Store {
  readonly faults: MemoryStoreFaults
}

type Row = {
  -readonly [Key in keyof CertificateRecord]: CertificateRecord[Key]
} & {
  liveKey: string | undefined
  notAfter: Date
  crlShard: number | undefined
  changedAfterCrl: number | undefined
}

type Notification = { -readonly [Key in keyof NotificationRecord]: NotificationRecord[Key] } & {
  holder: string | undefined
}

/** An empty store. */
export function createMemoryStore(): MemoryStore {
  const faults: MemoryStoreFaults = { failWrites: false, failReads: false, failWrite: undefined }
  const gate: Gate = {
    write(method) {
      if (faults.failWrites || faults.failWrite?.(method) === true)
        throw new ConnectorError('store/unavailable', `${method}: the store is away`, {
          isTransient: true,
        })
    },
    read(method) {
      if (faults.failReads)
        throw new ConnectorError('store/unavailable', `${method}: the store is away`, {
          isTransient: true,
        })
    },
  }
  const notifications = new Map<string, Notification>()
  const refusals: RefusalRecord[] = []
  const rows = new Map<string, Row>()
  const outdated = new Map<string, Date>()
  const crlNumbers = new Map<string, number>()
  const pending = new Map<string, Pending>()
  const challenges = new Map<string, OneTimeChallengeRecord>()
  const work = new Map<string, WorkRow>()
  return {
    faults,
    certificates: createRegister(gate, rows, notifications, refusals, outdated, crlNumbers),
    outbox: createOutbox(gate, notifications, rows),
    crls: createCrls(gate, outdated, crlNumbers),
    leases: createLeases(gate),
    pending: createPending(gate, pending),
    challenges: createMemoryChallenges(
      gate,
      challenges,
      (requestKey) =>
        [...rows.values()].some(({ liveKey }) => liveKey === requestKey) ||
        [...pending.values()].some(
          (row) => row.requestKey === requestKey && row.closedAt === undefined,
        ),
    ),
    work: createMemoryWork(gate, work),
    async check() {
      gate.write('check')
      gate.read('check')
    },
    async forget(before) {
      gate.write('forget')
      const kept = refusals.filter(({ at }) => at >= before)
      const gone = [...notifications.values()].filter(
        ({ deliveredAt }) => deliveredAt !== undefined && deliveredAt < before,
      )
      for (const { id } of gone) notifications.delete(id)
      const answered = [...pending.values()].filter(
        ({ closedAt }) => closedAt !== undefined && closedAt < before,
      )
      for (const { id } of answered) pending.delete(id)
      const expired = [...challenges.values()].filter(({ expiresAt }) => expiresAt < before)
      for (const { hashHex } of expired) challenges.delete(hashHex)
      const removed =
        refusals.length -
        kept.length +
        gone.length +
        answered.length +
        expired.length +
        forgetWork(work, before)
      refusals.splice(0, refusals.length, ...kept)
      return removed
    },
    async backup() {
      throw new ConnectorError('store/unavailable', 'a store in memory has no backup')
    },
    async close() {},
  }
}

/** Where faults strike. */
export interface Gate {
  write(method: string): void
  read(method: string): void
}

function owe(notifications: Map<string, Notification>, owed: OwedNotification | undefined): void {
  if (owed === undefined || notifications.has(owed.id)) return
  notifications.set(owed.id, {
    ...structuredClone(owed),
    state: 'due',
    attempts: 0,
    leaseUntil: undefined,
    lastError: undefined,
    deliveredAt: undefined,
    holder: undefined,
  })
}

function createRegister(
  gate: Gate,
  rows: Map<string, Row>,
  notifications: Map<string, Notification>,
  refusals: RefusalRecord[],
  outdated: Map<string, Date>,
  crlNumbers: ReadonlyMap<string, number>,
): CertificateRegister {
  const findLive = (requestKey: string): Row | undefined =>
    [...rows.values()].find((row) => row.liveKey === requestKey)

  const findCertificate = (caId: string, serialHex: string): Row | undefined =>
    [...rows.values()].find(
      (row) => row.caId === caId && (row.issuedSerialHex ?? row.order.serialHex) === serialHex,
    )

  function insert(intent: IssuanceIntent, holder: string, leaseUntil: Date): Row {
    const row: Row = {
      ...structuredClone(intent),
      state: 'reserved',
      holder,
      leaseUntil,
      certificateDer: undefined,
      thumbprintHex: undefined,
      issuedAt: undefined,
      revokedAt: undefined,
      revocationReason: undefined,
      liveKey: findLive(intent.requestKey) === undefined ? intent.requestKey : undefined,
      notAfter: intent.order.notAfter,
      crlShard: undefined,
      changedAfterCrl: undefined,
    }
    rows.set(intent.order.serialHex, row)
    return row
  }

  function keep(row: Row, issued: IssuedCertificate): void {
    if (row.state !== 'revoked') row.state = 'issued'
    row.certificateDer = structuredClone(issued.certificateDer)
    row.thumbprintHex = issued.thumbprintHex
    row.issuedAt = issued.issuedAt
    row.notAfter = issued.notAfter
    row.crlShard = issued.crlShard
    if (issued.serialHex !== row.order.serialHex) row.issuedSerialHex = issued.serialHex
    if (issued.backendRef !== undefined) row.backendRef = issued.backendRef
    if (row.liveKey === undefined && findLive(row.requestKey) === undefined)
      row.liveKey = row.requestKey
  }

  return {
    async findByRequestKey(requestKey, since) {
      gate.read('certificates.findByRequestKey')
      const row = findLive(requestKey)
      return row === undefined || row.reservedAt < since ? undefined : recordOf(row)
    },
    async reserve(intent, holder, leaseUntil, replaySince) {
      gate.write('certificates.reserve')
      const live = findLive(intent.requestKey)
      const hasRunOut = live?.state === 'reserved' && live.leaseUntil <= intent.reservedAt
      if (live !== undefined && live.reservedAt >= replaySince && !hasRunOut)
        return { kind: 'taken', record: recordOf(live) }
      refuseKnownSerial(rows, intent)
      if (isCompromised(rows, intent)) return { kind: 'compromised' }
      if (live !== undefined) live.liveKey = undefined
      if (live !== undefined && hasRunOut) live.state = 'abandoned'
      insert(intent, holder, leaseUntil)
      return { kind: 'reserved' }
    },
    async complete(intent, issued, owed) {
      gate.write('certificates.complete')
      const known = rows.get(intent.order.serialHex)
      if (known?.certificateDer !== undefined && known.caId === intent.caId) {
        if (Buffer.compare(known.certificateDer, issued.certificateDer) === 0) return
      }
      if (known !== undefined && (known.certificateDer !== undefined || known.caId !== intent.caId))
        throw new ConnectorError(
          'store/conflict',
          `serial ${intent.order.serialHex} has another certificate already`,
        )
      keep(known ?? insert(intent, '', intent.reservedAt), issued)
      owe(notifications, owed)
    },
    async abandon(serialHex, _reason, owed) {
      gate.write('certificates.abandon')
      const row = rows.get(serialHex)
      if (row?.state === 'issued' || row?.state === 'revoked') return
      if (row !== undefined) {
        row.state = 'abandoned'
        row.liveKey = undefined
      }
      owe(notifications, owed)
    },
    async refuse(refusal, owed) {
      gate.write('certificates.refuse')
      if (owed !== undefined && notifications.has(owed.id)) return
      refusals.push({ ...refusal })
      owe(notifications, owed)
    },
    async listOpenIntents(before, limit) {
      gate.read('certificates.listOpenIntents')
      return [...rows.values()]
        .filter((row) => row.state === 'reserved' && row.leaseUntil < before)
        .sort((a, b) => a.leaseUntil.getTime() - b.leaseUntil.getTime())
        .slice(0, limit)
        .map(recordOf)
    },
    async findBySerial(caId, serialHex) {
      gate.read('certificates.findBySerial')
      const row = findCertificate(caId, serialHex)
      return row === undefined ? undefined : recordOf(row)
    },
    async findByThumbprint(thumbprintHex) {
      gate.read('certificates.findByThumbprint')
      const row = [...rows.values()].find((each) => each.thumbprintHex === thumbprintHex)
      return row === undefined ? undefined : recordOf(row)
    },
    async revoke(caId, serialHex, reason: RevocationReason, at) {
      gate.write('certificates.revoke')
      const row = findCertificate(caId, serialHex)
      if (row === undefined) return false
      if (!outdated.has(caId)) outdated.set(caId, at)
      const isFinal = row.revocationReason === 1 || (row.revocationReason !== 6 && reason !== 1)
      if (row.state === 'revoked' && isFinal) return true
      row.state = 'revoked'
      row.revokedAt ??= at
      row.revocationReason = reason
      row.changedAfterCrl = crlNumbers.get(caId) ?? 0
      return true
    },
    async release(caId, serialHex, at) {
      gate.write('certificates.release')
      const row = findCertificate(caId, serialHex)
      if (row?.revocationReason !== 6 || row.certificateDer === undefined) return false
      if (!outdated.has(caId)) outdated.set(caId, at)
      row.state = 'issued'
      row.revokedAt = undefined
      row.revocationReason = undefined
      row.changedAfterCrl = crlNumbers.get(caId) ?? 0
      return true
    },
    async listRevoked(caId, asOf) {
      gate.read('certificates.listRevoked')
      return [...rows.values()]
        .filter((row) => row.caId === caId && row.notAfter >= asOf && row.revokedAt !== undefined)
        .map((row) => entryOf(row, asOf))
    },
    async listChanged(caId, sinceNumber, asOf) {
      gate.read('certificates.listChanged')
      return [...rows.values()]
        .filter((row) => row.caId === caId && row.notAfter >= asOf)
        .filter(({ changedAfterCrl = -1 }) => changedAfterCrl >= sinceNumber)
        .map((row) => entryOf(row, asOf))
    },
    async listRecent(limit) {
      gate.read('certificates.listRecent')
      return [...rows.values()].reverse().slice(0, limit).map(recordOf)
    },
    async listRefusals(limit) {
      gate.read('certificates.listRefusals')
      return [...refusals].reverse().slice(0, limit)
    },
    async count() {
      gate.read('certificates.count')
      const counts: Record<CertificateState, number> = {
        reserved: 0,
        issued: 0,
        abandoned: 0,
        revoked: 0,
      }
      for (const row of rows.values()) counts[row.state] += 1
      return counts
    },
  }
}

function entryOf(row: Row, releasedAt: Date): RevokedEntry {
  const shard = row.crlShard ?? (row.thumbprintHex === undefined ? 'every' : undefined)
  return {
    serialHex: row.issuedSerialHex ?? row.order.serialHex,
    at: row.revokedAt ?? releasedAt,
    reason: row.revocationReason ?? 8,
    ...(shard === undefined ? {} : { shard }),
  }
}

function refuseKnownSerial(rows: ReadonlyMap<string, Row>, intent: IssuanceIntent): void {
  if (rows.has(intent.order.serialHex))
    throw new ConnectorError('store/conflict', `serial ${intent.order.serialHex} exists already`)
}

function isCompromised(rows: ReadonlyMap<string, Row>, { order: { spkiDer } }: IssuanceIntent) {
  return [...rows.values()].some(
    ({ revocationReason, order }) => revocationReason === 1 && equalBytes(order.spkiDer, spkiDer),
  )
}

function recordOf(row: Row): CertificateRecord {
  const {
    liveKey: _liveKey,
    notAfter: _notAfter,
    crlShard: _crlShard,
    changedAfterCrl: _changedAfterCrl,
    ...record
  } = row
  return structuredClone(record)
}

function createOutbox(
  gate: Gate,
  notifications: Map<string, Notification>,
  certificates: ReadonlyMap<string, Row>,
): Outbox {
  function ours(id: string, holder: string): Notification | undefined {
    const row = notifications.get(id)
    return row?.holder === holder && row.state !== 'delivered' ? row : undefined
  }

  const undelivered = (): Notification[] =>
    [...notifications.values()].filter((row) => row.state !== 'delivered')

  return {
    async claimDue(holder, now, leaseUntil, limit) {
      gate.write('outbox.claimDue')
      const due = undelivered()
        .filter((row) => row.state !== 'failed' && row.dueAt <= now)
        .filter((row) => row.leaseUntil === undefined || row.leaseUntil <= now)
        .sort((a, b) => a.dueAt.getTime() - b.dueAt.getTime())
        .slice(0, limit)
      for (const row of due) Object.assign(row, { holder, leaseUntil })
      return due.map(notificationOf)
    },
    async claim(id, holder, now, leaseUntil) {
      gate.write('outbox.claim')
      const row = notifications.get(id)
      if (row === undefined || row.state === 'delivered') return undefined
      if (row.holder !== holder && row.leaseUntil !== undefined && row.leaseUntil > now)
        return undefined
      Object.assign(row, { holder, leaseUntil })
      return notificationOf(row)
    },
    async markDelivered(id, holder, at) {
      gate.write('outbox.markDelivered')
      const row = ours(id, holder)
      if (row === undefined) return false
      Object.assign(row, {
        state: 'delivered',
        deliveredAt: at,
        holder: undefined,
        leaseUntil: undefined,
      })
      return true
    },
    async markAttempt(id, holder, outcome) {
      gate.write('outbox.markAttempt')
      const row = ours(id, holder)
      if (row === undefined) return false
      Object.assign(row, {
        state: outcome.state,
        dueAt: outcome.nextDueAt,
        lastError: outcome.error,
        attempts: row.attempts + 1,
        holder: undefined,
        leaseUntil: undefined,
      })
      return true
    },
    async releaseLeases(holder) {
      gate.write('outbox.releaseLeases')
      const held = undelivered().filter((row) => row.holder === holder)
      for (const row of held) Object.assign(row, { holder: undefined, leaseUntil: undefined })
      return held.length
    },
    async find(id) {
      gate.read('outbox.find')
      const row = notifications.get(id)
      return row === undefined ? undefined : notificationOf(row)
    },
    async list(states, limit) {
      gate.read('outbox.list')
      return [...notifications.values()]
        .filter((row) => states.includes(row.state))
        .sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime())
        .slice(0, limit)
        .map(notificationOf)
    },
    async listDelivered(limit) {
      gate.read('outbox.listDelivered')
      const deliveredAt = (row: Notification): number => row.deliveredAt?.getTime() ?? 0
      return [...notifications.values()]
        .filter((row) => row.deliveredAt !== undefined)
        .sort((a, b) => deliveredAt(b) - deliveredAt(a))
        .slice(0, limit)
        .map(notificationOf)
    },
    async redeliver(now, id) {
      gate.write('outbox.redeliver')
      const rows = undelivered()
        .filter((row) => id === undefined || row.id === id)
        .filter(
          (row) => row.state !== 'failed' || certificates.get(row.serialHex)?.state !== 'revoked',
        )
      for (const row of rows)
        Object.assign(row, {
          dueAt: now,
          state: row.state === 'failed' ? 'exhausted' : row.state,
        })
      return rows.length
    },
    async depth(now) {
      gate.read('outbox.depth')
      const rows = undelivered()
      const count = (state: string): number => rows.filter((row) => row.state === state).length
      const oldest = Math.min(now.getTime(), ...rows.map((row) => row.createdAt.getTime()))
      return {
        due: count('due'),
        exhausted: count('exhausted'),
        failed: count('failed'),
        oldestAgeSeconds: (now.getTime() - oldest) / 1000,
      }
    },
  }
}

function notificationOf(row: Notification): NotificationRecord {
  const { holder: _holder, ...record } = row
  return structuredClone(record)
}

function createCrls(
  gate: Gate,
  outdated: Map<string, Date>,
  numbers: Map<string, number>,
): CrlRegister {
  const published = new Map<string, Publication>()
  return {
    async takeNumber(caId) {
      gate.write('crls.takeNumber')
      const number = (numbers.get(caId) ?? 0) + 1
      numbers.set(caId, number)
      outdated.delete(caId)
      return number
    },
    async status(caId) {
      gate.read('crls.status')
      const kept = published.get(caId)
      if (kept === undefined)
        return {
          takenNumber: numbers.get(caId) ?? 0,
          outdatedSince: outdated.get(caId),
          published: undefined,
        }
      const { base, nextUpdate, number, shards, thisUpdate } = kept
      return {
        takenNumber: numbers.get(caId) ?? 0,
        outdatedSince: outdated.get(caId),
        published: { number, thisUpdate, nextUpdate, shards, base },
      }
    },
    async publish(caId, crl) {
      gate.write('crls.publish')
      const kept = published.get(caId)
      if (kept === undefined || kept.number < crl.number) published.set(caId, structuredClone(crl))
    },
    async current(caId, part = 'full') {
      gate.read('crls.current')
      const kept = published.get(caId)
      const found = part === 'full' ? kept : kept?.parts.get(part)
      if (kept === undefined || found === undefined) return undefined
      const { der, nextUpdate, thisUpdate } = found
      return structuredClone({ number: kept.number, der, thisUpdate, nextUpdate })
    },
  }
}

type Pending = { -readonly [Key in keyof PendingRecord]: PendingRecord[Key] }

function createPending(gate: Gate, rows: Map<string, Pending>): PendingRequests {
  const isOpen = ({ state }: PendingRecord) =>
    state === 'waiting' || state === 'approved' || state === 'denied'
  const all = () =>
    [...rows.values()].toSorted((a, b) => a.createdAt.getTime() - b.createdAt.getTime())
  return {
    async keep(request, since, maxOpen) {
      gate.write('pending.keep')
      const kept = all().find((row) => row.requestKey === request.requestKey)
      if (kept !== undefined && kept.createdAt >= since) return structuredClone(kept)
      const open = all().filter((row) => row.profile === request.profile && isOpen(row))
      if (open.length >= maxOpen) return 'full'
      if (kept !== undefined) rows.delete(kept.id)
      rows.set(request.id, {
        ...structuredClone(request),
        state: 'waiting',
        reason: undefined,
        decidedAt: undefined,
        closedAt: undefined,
      })
      return structuredClone(rows.get(request.id) ?? 'full')
    },
    async findByRequestKey(requestKey, since) {
      gate.read('pending.findByRequestKey')
      return structuredClone(
        all().find((row) => row.requestKey === requestKey && row.createdAt >= since),
      )
    },
    async findByTransaction(profile, transactionId, signerKeyHex, since) {
      gate.read('pending.findByTransaction')
      return structuredClone(
        all().findLast(
          (row) =>
            row.profile === profile &&
            row.transactionId === transactionId &&
            row.signerKeyHex === signerKeyHex &&
            row.createdAt >= since,
        ),
      )
    },
    async find(id) {
      gate.read('pending.find')
      return structuredClone(rows.get(id))
    },
    async list(states, limit) {
      gate.read('pending.list')
      return structuredClone(
        all()
          .filter(({ state }) => states.includes(state))
          .slice(0, limit),
      )
    },
    async decide(id, { state, reason, at }) {
      gate.write('pending.decide')
      const row = rows.get(id)
      if (row?.state !== 'waiting' || row.cause !== 'approval') return false
      Object.assign(row, { state, reason, decidedAt: at })
      return true
    },
    async close(id, { state, reason, at }) {
      gate.write('pending.close')
      const row = rows.get(id)
      if (row === undefined || !isOpen(row)) return false
      Object.assign(row, { state, reason, closedAt: at })
      return true
    },
    async listOverdue(now, limit) {
      gate.read('pending.listOverdue')
      return structuredClone(
        all()
          .filter((row) => isOpen(row) && (row.state === 'denied' || row.expiresAt <= now))
          .slice(0, limit),
      )
    },
  }
}

function createLeases(gate: Gate): Leases {
  const held = new Map<string, { readonly holder: string; readonly until: Date }>()
  return {
    async acquire(name, holder, now, until) {
      gate.write('leases.acquire')
      const lease = held.get(name)
      if (lease !== undefined && lease.holder !== holder && lease.until > now) return false
      held.set(name, { holder, until })
      return true
    },
    async release(name, holder) {
      gate.write('leases.release')
      if (held.get(name)?.holder === holder) held.delete(name)
    },
  }
}
