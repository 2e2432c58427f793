import { createHash } from 'node:crypto'
import { deserialize, serialize } from 'node:v8'
import { type EventFields, events, type Journal } from '../../events/index.ts'
import { describeError } from '../../kernel/index.ts'
import type { UnreadableItem, WorkEnd, WorkItem, WorkKind } from '../../management/index.ts'
import type { WorkRecord } from '../../store/index.ts'
import type { PayloadCipher } from '../ports.ts'
import type { WorkPorts } from './work-ports.ts'

/** What the journal holds of an item: the item, or what is wrong with it. */
export type KeptItem<K extends WorkKind> =
  | ({ readonly kind: 'readable' } & WorkItem<K>)
  | ({ readonly kind: 'unreadable' } & UnreadableItem)

/** What the journal holds of a result. */
export interface KeptResult<K extends WorkKind> {
  readonly end: WorkEnd<K>
  readonly durationMs: number
}

/** How an item ended, in words for the log; `elsewhere`: another connector has ended it, and has its Admin event. */
export interface WorkSummary {
  readonly outcome: 'succeeded' | 'failed' | 'elsewhere'
  readonly fields: EventFields
}

/** What an item is, in the store: the context itself is no key and in no log. */
export function hashContext(requestContext: string): string {
  return createHash('sha256').update(requestContext).digest('hex')
}

/** For the journal. Authenticated by the cipher before it is read again. */
export function sealKept(
  kept: KeptItem<WorkKind> | KeptResult<WorkKind>,
  cipher: PayloadCipher,
): Uint8Array {
  return cipher.seal(serialize(kept))
}

/** @throws ConnectorError `key/unreadable` */
export function openItem<K extends WorkKind>(
  { payload }: WorkRecord,
  { cipher }: WorkPorts<K>,
): KeptItem<K> {
  return deserialize(cipher.open(payload ?? new Uint8Array())) as KeptItem<K>
}

/** @throws ConnectorError `key/unreadable` */
export function openResult<K extends WorkKind>(
  { result }: WorkRecord,
  { cipher }: WorkPorts<K>,
): KeptResult<K> {
  return deserialize(cipher.open(result ?? new Uint8Array())) as KeptResult<K>
}

/** How far an item has come; `lost`: it was sealed with another data key, which is recorded. */
export function openProgress<K extends WorkKind>(
  progress: WorkRecord['progress'],
  { cipher, queue }: WorkPorts<K>,
  log: Journal,
): Uint8Array | 'lost' | undefined {
  if (progress === undefined) return undefined
  try {
    return cipher.open(progress)
  } catch (error) {
    log.record(events.UnhandledError, {
      errorMessage: describeError(error),
      detail: `what was begun of an item of ${queue.name} does not open`,
    })
    return 'lost'
  }
}

/** For the column that outlives the secrets. */
export function encodeSummary(summary: WorkSummary): string {
  return JSON.stringify(summary)
}

/** What `encodeSummary` wrote; undefined where an item came to no result of ours. */
export function parseSummary({ summary }: WorkRecord): WorkSummary | undefined {
  return summary === undefined ? undefined : (JSON.parse(summary) as WorkSummary)
}

/** The journal of one item: its id is the transaction of all its events. */
export function logOf<K extends WorkKind>(
  { id, contextHash }: { readonly id: string; readonly contextHash: string },
  { journal }: WorkPorts<K>,
  fields: EventFields = {},
): Journal {
  return journal.child({
    transactionId: id,
    requestContextHash: contextHash.slice(0, 16),
    ...fields,
  })
}
