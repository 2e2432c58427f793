import type { EventDefinition, EventFields, Journal } from '../../events/index.ts'
import type {
  GivenBack,
  ReleaseReason,
  WorkEnd,
  WorkKind,
  WorkRequests,
} from '../../management/index.ts'

/** The events that every kind of work has; their numbers differ, and not by rule. */
export interface WorkEvents {
  readonly downloaded: EventDefinition
  readonly downloadFailed: EventDefinition
  /** Each item of a batch. */
  readonly received: EventDefinition
  readonly uploaded: EventDefinition
  readonly uploadFailed: EventDefinition
  /** Each result of an upload. */
  readonly uploadedEach: EventDefinition
  /** Admin: the item is closed. */
  readonly succeeded: EventDefinition
  readonly failed: EventDefinition
}

/** One attempt to carry out one item. */
export interface WorkTask<K extends WorkKind> {
  readonly request: WorkRequests[K]
  /** What the item is to the service: to tie a payload to it, and for nothing else. Never logged. */
  readonly requestContext: string
  /** After this one the result goes to the service, whatever it is. */
  readonly isLastAttempt: boolean
  /** What the last `keep` of this item wrote; `lost`: it does not open any more. */
  readonly progress: Uint8Array | 'lost' | undefined
  /**
   * Writes down how far the item has come, before the step that cannot be taken back.
   *
   * @throws ConnectorError `store/conflict` the item is no longer ours: stop
   * @throws ConnectorError `store/unavailable`
   */
  keep(progress: Uint8Array): Promise<void>
  /** Its records carry what the item is. */
  readonly log: Journal
  /** Aborts when the time for an attempt is over, when the item was lost, or when the connector stops. */
  readonly signal: AbortSignal
}

/** What an item leaves behind that does not end by a success of ours. */
export interface WorkSurplus<K extends WorkKind>
  extends Pick<WorkTask<K>, 'request' | 'progress' | 'log'> {
  /** Why nobody gets it, for the events. */
  readonly reason: string
}

/** How an attempt ended. */
export interface WorkVerdict<K extends WorkKind> {
  readonly end: WorkEnd<K>
  /** A failure that may be gone later: tried again here before the service hears of it. */
  readonly isPassing: boolean
  /** What the events that close the item tell besides. */
  readonly fields: EventFields
  /**
   * Given with a failure that passes: the CA has the request and lets it wait. The item goes back to the service, which offers
   * it again; where there are no leases it is tried again like any other.
   */
  readonly waitsFor?: NonNullable<GivenBack['waitsFor']>
}

/** What is done with the items of one kind. Knows nothing of queues, leases and uploads. */
export interface WorkHandler<K extends WorkKind> {
  readonly kind: K
  readonly events: WorkEvents
  /**
   * Whether we may answer for an item at all. What is not ours is neither written down nor answered.
   *
   * @throws ConnectorError `store/unavailable`
   */
  isOurs(request: WorkRequests[K]): Promise<boolean>
  /** Why what is not ours goes back where it was leased. */
  readonly notOurs: ReleaseReason
  /** Whether items may be fetched now. Absent: always. Does not throw. */
  mayFetch?(): Promise<boolean>
  /** What items share that must not get too many at once, and how many it takes. */
  laneOf(request: WorkRequests[K]): Promise<{ readonly name: string; readonly parallel: number }>
  /** What the events of an item tell of it. */
  describe(request: WorkRequests[K]): EventFields
  /** Makes one attempt and records its events. Safe to repeat: a crash may have swallowed the last one's end. */
  carryOut(task: WorkTask<K>): Promise<WorkVerdict<K>>
  /**
   * Undoes what was begun for an item that no success of ours will end: another connector has it, the service does not want
   * the result, or it failed. Absent where there is nothing to undo. Safe to repeat.
   *
   * @throws ConnectorError `store/unavailable` nothing was undone
   */
  takeBack?(surplus: WorkSurplus<K>): Promise<void>
}
