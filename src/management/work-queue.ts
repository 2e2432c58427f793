import type { WorkRequests, WorkValues } from './work-items.ts'

/** What a management service queues for connectors. */
export type WorkKind = keyof WorkRequests

/**
 * The service gave an item to us alone, until it expires. `attempt` only grows: a result with a lower one than the
 * service has handed out since is stale.
 */
export interface WorkLease {
  readonly id: string
  readonly expires: Date
  readonly attempt: number
}

/** One item of a queue, checked for shape and size only: what it asks for is still anybody's wish. */
export interface WorkItem<K extends WorkKind> {
  /** The only identity of an item: opaque, at most 1 KiB, returned unchanged. Never logged; its hash may be. */
  readonly requestContext: string
  /** Undefined where the service has no leases: then the same item may have gone to others, and may be theirs. */
  readonly lease: WorkLease | undefined
  /** After this nobody waits for it any more. */
  readonly expires: Date | undefined
  readonly request: WorkRequests[K]
}

/** An item that has a requestContext and is otherwise not what its kind must be, or asks for what we do not know. */
export interface UnreadableItem {
  readonly requestContext: string
  readonly lease: WorkLease | undefined
  readonly errorCode: WorkErrorCode
  /** Names the member; no secret, no text of the other side that was not cleaned. */
  readonly problem: string
}

/** What a download brought. */
export interface WorkBatch<K extends WorkKind> {
  readonly items: readonly WorkItem<K>[]
  readonly unreadable: readonly UnreadableItem[]
  /** Entries that nobody can answer, since they name no requestContext. */
  readonly passedOver: number
  /** More is there already: no pause before the next download. */
  readonly moreAvailable: boolean
  /** When the service wants to be asked again; also how it says that this connector is paused. */
  readonly pollAfterMs?: number
  readonly serverRequestId?: string
}

/** One HTTP call. */
export interface WorkCall {
  /** Correlates our events with the call's `client-request-id`. */
  readonly activityId: string
  readonly signal: AbortSignal
}

/** What a download asks for. An adapter leaves out what its service does not know. */
export interface DownloadParameters extends WorkCall {
  /** 1 to the queue's `maxItems`. */
  readonly maxItems: number
  /** How long the service may hold the call until there is something; 0 where it answers at once. */
  readonly waitSeconds: number
  /** Of the leases asked for. */
  readonly leaseSeconds: number
}

/** Codes of Microsoft's CARequestErrorCode, by name, apart from None. */
export type WorkErrorCode =
  | 'NonRetryableServiceException'
  | 'DataSerializationError'
  | 'ParameterDataInvalidError'
  | 'CryptographyError'
  | 'CertificateNotFoundError'
  | 'ConflictError'
  | 'NotSupportedError'
  | 'PayloadTooLargeError'
  | 'RetryableServiceException'
  | 'ServiceUnavailableException'
  | 'ServiceTooBusyException'
  | 'AuthenticationException'

/** How an item ended. */
export type WorkEnd<K extends WorkKind> =
  | { readonly succeeded: true; readonly value: WorkValues[K] }
  | {
      readonly succeeded: false
      readonly errorCode: WorkErrorCode
      /** For the service's administrators; not empty, no secrets. An adapter cuts it. */
      readonly errorMessage: string
      /** Signed 32-bit HRESULT, where the CA gave one. */
      readonly hResult?: number
    }

/** The result of one item, as it is uploaded. Uploading it twice changes nothing. */
export interface WorkResult<K extends WorkKind> {
  readonly requestContext: string
  readonly lease: WorkLease | undefined
  readonly end: WorkEnd<K>
  readonly durationMs: number
}

/**
 * What the service made of one result. `recorded`; `duplicate`: it had the same one already; `superseded`: another
 * connector's counts; `staleLease`: our lease had run out and the item waits again; `rejected`: it cannot take this
 * result, now or ever.
 */
export interface UploadOutcome {
  readonly requestContext: string
  readonly outcome: 'recorded' | 'duplicate' | 'superseded' | 'staleLease' | 'rejected'
  /** For the operator's log; cleaned. */
  readonly detail?: string
}

/** Names a lease to the service. */
export interface LeaseRef {
  readonly requestContext: string
  readonly leaseId: string
}

/** A lease that is given back. */
export interface GivenBack extends LeaseRef {
  /** With `caPending`: by which the CA knows the request that it lets wait, and after how long it may be asked again. */
  readonly waitsFor?: { readonly caRequestId: string; readonly retryAfterMs: number }
}

/** What became of a lease that should be prolonged; `expires` undefined: it is lost. */
export interface LeaseOutcome extends LeaseRef {
  readonly expires: Date | undefined
}

/** Why items are given back before they are done. */
export type ReleaseReason = 'drain' | 'noKey' | 'caUnreachable' | 'caPending'

/**
 * One queue of a management service. An implementation repairs what a single repetition can (a refused token, an address
 * that moved) and otherwise does not retry: the work loop does. Readers ignore unknown members; what is too large or has
 * no requestContext makes the download fail, or is passed over where the rest can be used.
 *
 * @throws ConnectorError `management/unavailable` nobody answered, or 408, 429, 5xx; transient, with `retryAfterMs` where asked
 * @throws ConnectorError `management/unauthorized` our credentials or permissions do not suffice
 * @throws ConnectorError `management/bad-response` the answer is not what the contract says; of an upload: nothing is known
 *   to be recorded
 * @throws ConnectorError `management/misconfigured` the service has no such queue for us
 */
export interface WorkQueue<K extends WorkKind> {
  /** Service and kind, such as `intune/revocation`: the key of what the store keeps. Never renamed. */
  readonly name: string
  readonly kind: K
  readonly limits: {
    /** Items a download, and results an upload. */
    readonly maxItems: number
    /** Longest wait of a download; 0 where the service cannot wait. */
    readonly maxWaitSeconds: number
  }
  download(parameters: DownloadParameters): Promise<WorkBatch<K>>
  /**
   * @param results not empty, at most `limits.maxItems`
   * @returns one outcome a result, in their order
   */
  upload(results: readonly WorkResult<K>[], call: WorkCall): Promise<readonly UploadOutcome[]>
  /** Absent where the service has no leases. One outcome a lease, in their order. */
  renewLeases?(
    leases: readonly LeaseRef[],
    leaseSeconds: number,
    call: WorkCall,
  ): Promise<readonly LeaseOutcome[]>
  /** Gives items back to the queue. Absent where the service has no leases. */
  releaseLeases?(leases: readonly GivenBack[], reason: ReleaseReason, call: WorkCall): Promise<void>
}
