/**
 * `received`: to be carried out. `finished`: the result is owed to the service. `returned`: the service was told to offer
 * it again later. `closed`: the service has the result, or nobody waits for one.
 */
export type WorkState = 'received' | 'finished' | 'returned' | 'closed'

/** An item as it is journaled. `payload` is sealed by the connector. */
export interface ReceivedWork {
  /** GUID; kept when the same item comes again. */
  readonly id: string
  /** Name of the work queue. */
  readonly queue: string
  /** SHA-256 of the requestContext, hexadecimal: with the queue, what the item is. */
  readonly contextHash: string
  /** Of the service's lease; 1 where it has none. */
  readonly attempt: number
  readonly payload: Uint8Array
  readonly receivedAt: Date
}

/** A row. */
export interface WorkRecord extends Omit<ReceivedWork, 'payload'> {
  readonly state: WorkState
  /** Undefined once the item is closed: secrets do not outlive their use. */
  readonly payload: Uint8Array | undefined
  /** How far carrying out has come, sealed. */
  readonly progress: Uint8Array | undefined
  /** Sealed. */
  readonly result: Uint8Array | undefined
  /** What the events of the result tell, as JSON. */
  readonly summary: string | undefined
  /** Attempts in this state that failed. */
  readonly tries: number
  readonly lastError: string | undefined
  /** When it became `received` last. */
  readonly openedAt: Date
  readonly dueAt: Date
  readonly closedAt: Date | undefined
  /** Its Admin event is in the log. */
  readonly isRecorded: boolean
}

/** What journaling an item did: it is new, waits again after it had an end, or was known and goes on as it was. */
export interface Receipt {
  readonly id: string
  readonly contextHash: string
  readonly kind: 'new' | 'again' | 'known'
}

/**
 * The journal of the work queues. Every method is one atomic, durable unit.
 *
 * @throws ConnectorError `store/unavailable` nothing was written; transient
 */
export interface WorkItems {
  /**
   * Keeps a batch, all of it or nothing. A known item gets the payload and the attempt of this batch, unless it has a
   * higher attempt already; one that was returned or closed is `received` again.
   *
   * @returns in the order of the items; an item that is older than what is known has no receipt
   */
  receive(items: readonly ReceivedWork[]): Promise<readonly Receipt[]>
  /** Leases up to `limit` items of a queue and state that are due at `now` and free, oldest first. */
  claim(
    queue: string,
    state: 'received' | 'finished' | 'returned',
    lease: { readonly holder: string; readonly now: Date; readonly until: Date },
    limit: number,
  ): Promise<readonly WorkRecord[]>
  /** Prolongs leases; tells whose are still ours. */
  prolong(ids: readonly string[], holder: string, until: Date): Promise<readonly string[]>
  /** Notes how far an item has come. False when it is no longer ours. */
  advance(id: string, holder: string, progress: Uint8Array): Promise<boolean>
  /** Keeps the result, due for upload at once, and frees the lease. False when it is no longer ours. */
  finish(
    id: string,
    holder: string,
    result: { readonly result: Uint8Array; readonly summary: string; readonly at: Date },
  ): Promise<boolean>
  /** Counts a failed attempt, sets the next time and frees the lease. Those that are no longer ours stay as they are. */
  postpone(
    ids: readonly string[],
    holder: string,
    next: { readonly dueAt: Date; readonly error: string },
  ): Promise<void>
  /** Frees leases without counting an attempt. */
  free(ids: readonly string[], holder: string): Promise<void>
  /**
   * Ends items: `closed` wipes payload, progress and result; `returned` keeps waiting until `dueAt` for the item to come
   * again; one that did so meanwhile, with a higher attempt than `attempt`, is `received`. `summary` replaces the one there is.
   *
   * @returns those that were ours
   */
  settle(
    ids: readonly string[],
    holder: string,
    end:
      | { readonly state: 'closed'; readonly at: Date; readonly summary?: string }
      | {
          readonly state: 'returned'
          readonly dueAt: Date
          readonly summary?: string
          readonly attempt?: number
        },
  ): Promise<readonly string[]>
  /** Items that this holder closed and whose Admin event may be missing, oldest first. */
  listUnrecorded(queue: string, holder: string, limit: number): Promise<readonly WorkRecord[]>
  markRecorded(ids: readonly string[]): Promise<void>
  /** Frees every lease of a holder that has died, in one queue; tells how many. */
  releaseLeases(queue: string, holder: string): Promise<number>
  find(queue: string, contextHash: string): Promise<WorkRecord | undefined>
  /** What is open of a queue. */
  depth(queue: string): Promise<{
    readonly received: number
    readonly finished: number
    readonly returned: number
    /** When the oldest item that is received or finished became so; undefined when there is none. */
    readonly oldestAt: Date | undefined
  }>
}
