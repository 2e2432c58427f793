import { randomBytes } from 'node:crypto'
import type { Clock } from '../../kernel/index.ts'
import type { CaErrorCode } from './ca-error-codes.ts'

/** What an administrator, or Intune itself, wants revoked. */
export interface RevocationOrder {
  readonly tenantId: string
  readonly serialNumber: string
  readonly issuerName: string | null
  readonly caConfiguration: string | null
}

/** A result that a connector uploaded. */
export interface UploadedResult {
  readonly succeeded: boolean
  readonly errorCode: number
  readonly errorName: string
  readonly errorMessage: string | null
  readonly receivedAt: string
}

/** A queued revocation and what became of it. */
export interface QueuedRevocation extends RevocationOrder {
  /** Opaque to clients; it comes back with the result. */
  readonly requestContext: string
  readonly state: 'pending' | 'succeeded' | 'failed'
  readonly queuedAt: string
  /** Times it was handed out. */
  readonly offers: number
  readonly lastOfferedAt: string | null
  /** The last ten. */
  readonly results: readonly UploadedResult[]
}

/** What a download asks for. */
export interface RevocationFilter {
  readonly tenantId: string
  readonly maxRequests: number
  readonly issuerName: string | null
  readonly mode: 'bug-compatible' | 'as-documented'
}

/** After an offer a request is not offered again for this long. */
const coolDownMs = 60 * 60_000

/** Waiting and answered requests together. */
const capacity = 100_000

/** Revocation requests in the order of their arrival (protocol note, chapters 4.1 to 4.6). */
export class RevocationQueue {
  readonly #entries = new Map<string, QueuedRevocation>()
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Queues one. Answered requests leave when there is no room; undefined when all of them still wait. */
  record(order: RevocationOrder): QueuedRevocation | undefined {
    if (this.#entries.size >= capacity && !this.#dropAnswered()) return undefined
    const entry: QueuedRevocation = {
      ...order,
      requestContext: randomBytes(24).toString('base64'),
      state: 'pending',
      queuedAt: this.#clock.now().toISOString(),
      offers: 0,
      lastOfferedAt: null,
      results: [],
    }
    this.#entries.set(entry.requestContext, entry)
    return entry
  }

  /** Hands requests out and starts the cool-down of those handed out. */
  offer(filter: RevocationFilter): QueuedRevocation[] {
    const now = this.#clock.now()
    const due = [...this.#entries.values()].filter(
      (entry) => entry.tenantId === filter.tenantId && isDue(entry, now),
    )
    return select(due, filter).map((entry) => {
      const offered = { ...entry, offers: entry.offers + 1, lastOfferedAt: now.toISOString() }
      this.#entries.set(entry.requestContext, offered)
      return offered
    })
  }

  /** Takes a result. An unknown context, or one of another tenant, is ignored; a retryable failure keeps the request. */
  recordResult(
    tenantId: string,
    requestContext: string,
    result: { succeeded: boolean; code: CaErrorCode; errorMessage: string | null },
  ): void {
    const entry = this.#entries.get(requestContext)
    if (entry?.tenantId !== tenantId) return
    const { succeeded, code, errorMessage } = result
    const uploaded: UploadedResult = {
      succeeded,
      errorCode: code.value,
      errorName: code.name,
      errorMessage,
      receivedAt: this.#clock.now().toISOString(),
    }
    const results = [...entry.results, uploaded].slice(-10)
    if (entry.state !== 'pending') this.#entries.set(requestContext, { ...entry, results })
    else if (succeeded) this.#entries.set(requestContext, { ...entry, results, state: 'succeeded' })
    else if (code.isRetryable) this.#entries.set(requestContext, { ...entry, results })
    else this.#entries.set(requestContext, { ...entry, results, state: 'failed' })
  }

  /** All that is kept, oldest first. */
  list(): readonly QueuedRevocation[] {
    return [...this.#entries.values()]
  }

  #dropAnswered(): boolean {
    for (const entry of this.#entries.values()) {
      if (entry.state !== 'pending') return this.#entries.delete(entry.requestContext)
    }
    return false
  }
}

function isDue(entry: QueuedRevocation, now: Date): boolean {
  if (entry.state !== 'pending') return false
  if (entry.lastOfferedAt === null) return true
  return now.getTime() - Date.parse(entry.lastOfferedAt) >= coolDownMs
}

function select(due: readonly QueuedRevocation[], filter: RevocationFilter): QueuedRevocation[] {
  const { maxRequests, issuerName, mode } = filter
  if (!issuerName) return due.slice(0, maxRequests)
  if (mode === 'as-documented') {
    return due.filter((entry) => entry.issuerName === issuerName).slice(0, maxRequests)
  }
  return due.slice(0, maxRequests).filter((entry) => entry.caConfiguration === issuerName)
}
