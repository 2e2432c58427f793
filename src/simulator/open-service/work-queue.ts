import { createHash, randomUUID } from 'node:crypto'
import type { Clock } from '../../kernel/index.ts'
import type { Connector, Features } from './connectors.ts'

/** The four queues, with the feature that each needs. */
export const workKinds = {
  pkcs: 'pkcs',
  pkcsRecrypt: 'pkcs',
  pkcsImport: 'pkcsImport',
  revocation: 'revocation',
} as const satisfies Record<string, keyof Features>

/** One of them. */
export type WorkKind = keyof typeof workKinds

/** A result as it came, with what became of it. */
export interface KeptResult {
  readonly connectorId: string
  readonly receivedAt: string
  readonly outcome: Outcome
  readonly result: Readonly<Record<string, unknown>>
}

/** What becomes of a result. */
export type Outcome = 'recorded' | 'duplicate' | 'superseded' | 'staleLease' | 'rejected'

/** An item and all that happened to it. */
export interface WorkItem {
  readonly requestContext: string
  readonly kind: WorkKind
  /** The members of the wire, without the lease. */
  readonly body: Readonly<Record<string, unknown>>
  readonly queuedAt: Date
  readonly expiresAt: Date
  readonly state: 'queued' | 'leased' | 'succeeded' | 'failedFinal'
  readonly attempt: number
  readonly lease?: { id: string; connectorId: string; expiresAt: Date; seconds: number } | undefined
  readonly notBefore: Date
  /** Connectors that gave it back, and until when they are passed over. */
  readonly passedOver: ReadonlyMap<string, Date>
  /** Who has the key of a request that waits at a CA; the item is lent to nobody else while that one is there. */
  readonly keyHolder?: string
  /** Loans that ended because a CA had not decided: they count for no failure. */
  readonly waits: number
  readonly results: readonly KeptResult[]
  /** SHA-256 of the result that ended it. */
  readonly endedBy?: string
  /** Ended without a result: who is to say that it failed. */
  readonly failedFor?: string
}

/** What a download asks for. */
export interface OfferTerms {
  readonly maxRequests: number
  readonly leaseSeconds: number
  readonly issuerName: string | null
  /** Only these CAs; undefined: all. */
  readonly certificationAuthorities: readonly string[] | undefined
  /** Whether a connector is not there any more. */
  readonly isGone: (connectorId: string) => boolean
}

/** One result of an upload. */
export interface UploadedResult {
  readonly requestContext: string
  readonly leaseId: string
  readonly attempt: number
  readonly succeeded: boolean
  readonly isRetryable: boolean
  readonly raw: Readonly<Record<string, unknown>>
}

const maxAttempts = 8
const passOverMs = 600_000
const capacity = 100_000

/** One queue: loans with fencing, results with outcomes. */
export class WorkQueue {
  readonly kind: WorkKind
  readonly #clock: Clock
  readonly #items = new Map<string, WorkItem>()
  #arrived = Promise.withResolvers<void>()

  constructor(kind: WorkKind, clock: Clock) {
    this.kind = kind
    this.#clock = clock
  }

  /** Queues one; false when there is no room. */
  record(body: Readonly<Record<string, unknown>>, requestContext: string, validMinutes: number) {
    if (this.#items.size >= capacity) return undefined
    const now = this.#clock.now()
    const item: WorkItem = {
      requestContext,
      kind: this.kind,
      body,
      queuedAt: now,
      expiresAt: new Date(now.getTime() + validMinutes * 60_000),
      state: 'queued',
      attempt: 0,
      notBefore: now,
      passedOver: new Map(),
      waits: 0,
      results: [],
    }
    this.#items.set(requestContext, item)
    this.#wake()
    return item
  }

  /** Lends what this connector may have, in its order, and says whether there is more. */
  offer(connector: Connector, terms: OfferTerms): { items: WorkItem[]; moreAvailable: boolean } {
    const now = this.#clock.now()
    this.#settle(now)
    const waiting = inOrder(
      [...this.#items.values()].filter(
        (item) =>
          item.state === 'queued' &&
          item.notBefore <= now &&
          (item.passedOver.get(connector.id) ?? now) <= now &&
          mayGoOn(item, connector, terms) &&
          isForCas(item, terms),
      ),
    )
    const items = waiting.slice(0, terms.maxRequests).map((item) =>
      this.#keep({
        ...item,
        state: 'leased',
        attempt: item.attempt + 1,
        lease: {
          id: randomUUID(),
          connectorId: connector.id,
          expiresAt: new Date(now.getTime() + terms.leaseSeconds * 1000),
          seconds: terms.leaseSeconds,
        },
      }),
    )
    return { items, moreAvailable: waiting.length > items.length }
  }

  /** Resolves when something is queued or given back, or the signal aborts. */
  async nextArrival(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const aborted = Promise.withResolvers<void>()
    const stop = (): void => aborted.resolve()
    signal.addEventListener('abort', stop, { once: true })
    await Promise.race([this.#arrived.promise, aborted.promise])
    signal.removeEventListener('abort', stop)
  }

  /** Takes one result. The first that holds the lease in force ends the item; a later one changes nothing. */
  take(connector: Connector, uploaded: UploadedResult): { outcome: Outcome; detail?: string } {
    const now = this.#clock.now()
    this.#settle(now)
    const item = this.#items.get(uploaded.requestContext)
    if (!item) return { outcome: 'rejected', detail: 'there is no such item in this queue' }
    const digest = digestOf(uploaded)
    const decided = decide(item, connector, uploaded, digest)
    const kept: KeptResult = {
      connectorId: connector.id,
      receivedAt: now.toISOString(),
      outcome: decided.outcome,
      result: uploaded.raw,
    }
    const results = [...item.results, kept].slice(-20)
    if (decided.outcome === 'recorded') this.#end({ ...item, results }, uploaded, digest, now)
    else if (decided.outcome === 'rejected' && hasEndedItself(item))
      this.#keep({ ...item, results, failedFor: connector.id })
    else this.#keep({ ...item, results })
    return decided
  }

  /** A new end for a loan; undefined when it is lost. */
  prolong(connector: Connector, requestContext: string, leaseId: string, seconds: number) {
    const now = this.#clock.now()
    this.#settle(now)
    const item = this.#items.get(requestContext)
    if (item?.state !== 'leased' || !item.lease || !isHolder(item, connector, leaseId))
      return undefined
    const expiresAt = new Date(now.getTime() + seconds * 1000)
    this.#keep({ ...item, lease: { ...item.lease, expiresAt, seconds } })
    return expiresAt
  }

  /**
   * Takes an item back. This connector is passed over for ten minutes; unless its CA has the request: then it alone gets the
   * item again, for it has the key.
   */
  takeBack(
    connector: Connector,
    requestContext: string,
    leaseId: string,
    pending: { readonly caRequestId: string; readonly retryAfterSeconds: number } | undefined,
  ): void {
    const now = this.#clock.now()
    const item = this.#items.get(requestContext)
    if (item?.state !== 'leased' || !isHolder(item, connector, leaseId)) return
    if (pending) {
      const { caRequestId, retryAfterSeconds } = pending
      const notBefore = new Date(now.getTime() + retryAfterSeconds * 1000)
      const body = { ...item.body, resume: { caRequestId } }
      const told = { body, notBefore, keyHolder: connector.id, waits: item.waits + 1 }
      this.#keep({ ...item, ...told, state: 'queued', lease: undefined })
      return
    }
    const passedOver = new Map(item.passedOver)
    passedOver.set(connector.id, new Date(now.getTime() + passOverMs))
    this.#keep({ ...item, state: 'queued', lease: undefined, passedOver })
    this.#wake()
  }

  /** Oldest first. */
  list(): readonly WorkItem[] {
    this.#settle(this.#clock.now())
    return [...this.#items.values()]
  }

  #end(item: WorkItem, { succeeded, isRetryable }: UploadedResult, digest: string, now: Date) {
    if (succeeded) this.#keep({ ...item, state: 'succeeded', endedBy: digest })
    else if (!isRetryable || item.attempt - item.waits >= maxAttempts)
      this.#keep({ ...item, state: 'failedFinal', endedBy: digest })
    else this.#keep(requeue(item, now))
  }

  /** Ends what ran out since anybody looked. */
  #settle(now: Date): void {
    for (const item of this.#items.values()) {
      if (item.state !== 'queued' && item.state !== 'leased') continue
      if (item.expiresAt <= now) this.#keep({ ...item, state: 'failedFinal', lease: undefined })
      else if (item.lease && item.lease.expiresAt <= now)
        this.#keep(
          item.attempt - item.waits >= maxAttempts
            ? { ...item, state: 'failedFinal', lease: undefined }
            : { ...item, state: 'queued', lease: undefined, notBefore: now },
        )
    }
  }

  #keep(item: WorkItem): WorkItem {
    this.#items.set(item.requestContext, item)
    return item
  }

  #wake(): void {
    this.#arrived.resolve()
    this.#arrived = Promise.withResolvers<void>()
  }
}

function mayGoOn({ keyHolder }: WorkItem, { id }: Connector, { isGone }: OfferTerms): boolean {
  return keyHolder === undefined || keyHolder === id || isGone(keyHolder)
}

function requeue(item: WorkItem, now: Date): WorkItem {
  const pauseSeconds = Math.min(30 * 2 ** (item.attempt - item.waits), 3600)
  const notBefore = new Date(now.getTime() + pauseSeconds * 1000)
  return { ...item, state: 'queued', lease: undefined, notBefore }
}

function isHolder({ lease }: WorkItem, connector: Connector, leaseId: string): boolean {
  return lease?.id === leaseId && lease.connectorId === connector.id
}

function decide(
  item: WorkItem,
  connector: Connector,
  uploaded: UploadedResult,
  digest: string,
): { outcome: Outcome; detail?: string } {
  if (item.endedBy === digest) return { outcome: 'duplicate' }
  if (hasEndedItself(item) && (item.failedFor ?? connector.id) === connector.id)
    return { outcome: 'rejected', detail: 'its time was over, or nobody kept its lease' }
  if (item.state === 'succeeded' || item.state === 'failedFinal')
    return { outcome: 'superseded', detail: 'it has ended by another result' }
  if (item.state === 'leased' && isHolder(item, connector, uploaded.leaseId))
    return item.attempt === uploaded.attempt
      ? { outcome: 'recorded' }
      : { outcome: 'rejected', detail: 'attempt is not that of the lease' }
  return { outcome: 'staleLease', detail: `the item is at attempt ${item.attempt}` }
}

/** Without a result that counts: one connector, and no second one, is to report the failure. */
function hasEndedItself({ state, endedBy }: WorkItem): boolean {
  return state === 'failedFinal' && endedBy === undefined
}

/** Of everything but the time it took: the same result uploaded twice is one. */
function digestOf({ raw }: UploadedResult): string {
  const { durationMs: _, ...said } = raw
  const members = Object.entries(said).sort(([a], [b]) => (a < b ? -1 : 1))
  return createHash('sha256').update(JSON.stringify(members)).digest('hex')
}

/** New requests before renewals, users in turn, the oldest first. */
function inOrder(items: readonly WorkItem[]): WorkItem[] {
  const counts = new Map<string, number>()
  const ranked = items.map((item) => {
    const user = textOf(item.body['userId']) ?? textOf(item.body['deviceId']) ?? item.requestContext
    const rank = counts.get(user) ?? 0
    counts.set(user, rank + 1)
    return { item, rank, isRenewal: item.body['requestType'] === 'renew' ? 1 : 0 }
  })
  ranked.sort((a, b) => a.isRenewal - b.isRenewal || a.rank - b.rank)
  return ranked.map(({ item }) => item)
}

function isForCas(
  { body }: WorkItem,
  { certificationAuthorities, issuerName }: OfferTerms,
): boolean {
  if (issuerName !== null && body['issuerName'] !== issuerName) return false
  if (certificationAuthorities === undefined) return true
  const host = textOf(body['certificationAuthority'])
  const named =
    host === undefined ? undefined : `${host}\\${textOf(body['certificationAuthorityName']) ?? ''}`
  const ca = textOf(body['caConfiguration']) ?? named
  if (ca === undefined) return true
  return certificationAuthorities.some((one) => one.toLowerCase() === ca.toLowerCase())
}

/** Bodies may be anything: an order can replace every member. */
function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
