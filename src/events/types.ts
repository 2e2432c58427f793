/** Microsoft's two channels: one event a request, and the steps on the way. */
export type Channel = 'admin' | 'operational'

export type EventLevel = 'information' | 'warning' | 'error'

export type TaskCategory =
  | 'Connector'
  | 'PKCS'
  | 'PKCS Import'
  | 'Revocation'
  | 'SCEP'
  | 'Connector health'

/** An entry of the catalogue. ID and name never change their meaning. */
export interface EventDefinition {
  readonly id: number
  /** As Microsoft publishes it, irregularities included. */
  readonly name: string
  readonly channel: Channel
  readonly taskCategory: TaskCategory
  readonly level: EventLevel
  /** One sentence for people. */
  readonly message: string
}

/**
 * What an event may carry. Names are the schema of docs/events.md. Nothing here may hold a challenge, password, token or
 * key.
 */
export interface EventFields {
  readonly transactionId?: string | undefined
  /** One HTTP call: the `client-request-id` we sent. */
  readonly activityId?: string | undefined
  /** The `request-id` the service answered. */
  readonly serverRequestId?: string | undefined
  /** Correlates the events of one request of a device. */
  readonly requestId?: string | undefined
  readonly batchId?: string | undefined
  readonly leaseId?: string | undefined
  /** First 16 hexadecimal digits of a SHA-256; never the context itself. */
  readonly requestContextHash?: string | undefined
  readonly notificationId?: string | undefined
  readonly attempt?: number | undefined
  readonly profile?: string | undefined
  readonly messageType?: string | undefined
  readonly remoteAddress?: string | undefined
  readonly deviceId?: string | undefined
  readonly userId?: string | undefined
  readonly userPrincipalName?: string | undefined
  readonly profileId?: string | undefined
  readonly platform?: string | undefined
  readonly certificateType?: string | undefined
  readonly caProvider?: string | undefined
  readonly caId?: string | undefined
  readonly caName?: string | undefined
  readonly caConfiguration?: string | undefined
  readonly templateName?: string | undefined
  readonly caRequestId?: string | undefined
  readonly disposition?: string | undefined
  readonly subject?: string | undefined
  readonly serialNumber?: string | undefined
  readonly thumbprint?: string | undefined
  readonly thumbprintSha256?: string | undefined
  readonly notBefore?: Date | undefined
  readonly notAfter?: Date | undefined
  readonly keySize?: number | undefined
  readonly keyAlgorithm?: string | undefined
  readonly sidExtension?: boolean | undefined
  readonly providerName?: string | undefined
  readonly keyName?: string | undefined
  readonly paddingScheme?: string | undefined
  readonly intendedPurpose?: string | undefined
  readonly deviceKeyThumbprint?: string | undefined
  readonly succeeded?: boolean | undefined
  readonly errorCode?: string | undefined
  /** `0x%08X`. */
  readonly hresult?: string | undefined
  readonly errorMessage?: string | undefined
  readonly retryable?: boolean | undefined
  readonly nextAttemptAt?: Date | undefined
  readonly durationMs?: number | undefined
  readonly httpStatus?: number | undefined
  readonly count?: number | undefined
  readonly challengeLength?: number | undefined
  /** First 16 hexadecimal digits of a keyed hash: tells equal challenges apart from different ones, nothing else. */
  readonly challengeHash?: string | undefined
  readonly redelivered?: boolean | undefined
  readonly replayed?: boolean | undefined
  readonly detail?: string | undefined
}

/** One line of a log. */
export interface EventRecord extends EventFields {
  readonly eventId: number
  readonly eventName: string
  readonly channel: Channel
  readonly taskCategory: TaskCategory
  /** `debug` only for the free text of `Journal.debug`. */
  readonly level: EventLevel | 'debug'
  readonly timestamp: Date
  readonly message: string
  readonly connectorId: string
  readonly connectorName: string
  readonly connectorVersion: string
  readonly machineName: string
  readonly tenantId?: string | undefined
  /** Rises by one with each event of an instance. */
  readonly instanceSeq: number
  /** Names of fields that were refused because they are not in the schema: a mistake in the program. */
  readonly refusedFields?: string | undefined
}

/** Who writes: carried by every record. */
export interface JournalIdentity {
  readonly connectorId: string
  readonly connectorName: string
  readonly connectorVersion: string
  readonly machineName: string
  readonly tenantId?: string | undefined
}

/** Whether a sink can write right now, as its last attempt saw it. */
export interface SinkHealth {
  readonly ok: boolean
  /** For people; no paths of keys, no secrets. */
  readonly detail: string
  /** Lines lost since the sink was opened. */
  readonly droppedLines: number
}

/** A sink works again after it had to throw lines away. */
export interface SinkRecovery {
  /** What lost them, for people: a channel, or `console`. */
  readonly sink: string
  readonly droppedLines: number
}

/** Where events go. `write` does not wait for the disk and does not throw; a sink that fails says so through its health. */
export interface EventSink {
  write(record: EventRecord): void
  /** Resolves when all that was written before is with the operating system. */
  flush(): Promise<void>
  close(): Promise<void>
  health?(): SinkHealth
  /** Asks to be told of recoveries, so that the journal can put the gap on record. */
  onRecovery?(listener: (recovery: SinkRecovery) => void): void
}

/** Records what operators see. */
export interface Journal {
  record(event: EventDefinition, fields?: EventFields): void
  /** Free text below level information; written only while the channel's debug switch is on. Same rules: no secrets. */
  debug(channel: Channel, message: string, fields?: EventFields): void
  /** The same journal with fields that every record of it carries. */
  child(fields: EventFields): Journal
}

/** The journal that `createJournal` gives to the composition; its children have no switches. */
export interface RootJournal extends Journal {
  /** Turns free-text debug lines of a channel on or off, for all children at once. */
  setDebug(channel: Channel, isOn: boolean): void
  isDebug(channel: Channel): boolean
  /** Resolves when every sink has flushed. Does not throw. */
  flush(): Promise<void>
  /** Flushes and closes every sink. Records that come later are ignored. */
  close(): Promise<void>
  health(): readonly SinkHealth[]
}
