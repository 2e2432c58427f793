import assert from 'node:assert/strict'
import {
  type EventDefinition,
  type EventRecord,
  events,
  readEvents,
} from '../../src/events/index.ts'

/** The events of one kind of work that say where an item stands. */
interface ItemEvents {
  readonly received: EventDefinition
  /** The service has taken its result. */
  readonly uploadedEach: EventDefinition
  readonly succeeded: EventDefinition
  readonly failed: EventDefinition
}

const kinds: readonly ItemEvents[] = [
  {
    received: events.PkcsDownloadedRequest,
    uploadedEach: events.PkcsUploadedRequest,
    succeeded: events.PkcsRequestSuccess,
    failed: events.PkcsRequestFailure,
  },
  {
    received: events.PkcsRecryptDownloadedRequest,
    uploadedEach: events.PkcsRecryptUploadedRequest,
    succeeded: events.PkcsRecryptRequestSuccess,
    failed: events.PkcsRecryptRequestFailure,
  },
  {
    received: events.PkcsImportDownloadedRequest,
    uploadedEach: events.PkcsImportUploadedRequest,
    succeeded: events.PkcsImportRequestSuccess,
    failed: events.PkcsImportRequestFailure,
  },
  {
    received: events.RevokeDownloadedRequest,
    uploadedEach: events.RevokeUploadedRequest,
    succeeded: events.RevokeRequestSuccess,
    failed: events.RevokeRequestFailure,
  },
]

/** Failures that a service offers again (intune-api 4.5): what became of the item, later events say. */
const OFFERED_AGAIN = [
  'RetryableServiceException',
  'ServiceUnavailableException',
  'ServiceTooBusyException',
  'AuthenticationException',
]

/**
 * The logs of a connector that has stopped hold one Admin event for each item of a queue and for each request of a device.
 *
 * @throws AssertionError naming each item and request that has none or more
 */
export async function assertAdminOnce(logsDir: string): Promise<void> {
  assert.deepEqual(listAdminProblems(await readEvents(logsDir, { limit: 1_000_000 })), [])
}

/**
 * What is wrong with the Admin events among these, which may be of several connectors: an item or a request that has more
 * than one; one that ended without; one that says something else than the result did, or of which nobody ever heard. What
 * is still under way may have none.
 */
export function listAdminProblems(records: readonly EventRecord[]): readonly string[] {
  const items = Map.groupBy(
    records.filter(({ requestContextHash }) => requestContextHash !== undefined),
    ({ requestContextHash }) => requestContextHash ?? '',
  )
  return [
    ...[...items].flatMap(([item, own]) =>
      kinds.flatMap((kind) => listItemProblems(kind, own).map((one) => `item ${item}: ${one}`)),
    ),
    ...listStrays(records),
    ...listRequestProblems(records),
  ]
}

function listItemProblems(kind: ItemEvents, own: readonly EventRecord[]): readonly string[] {
  const listOf = ({ id }: EventDefinition) => own.filter(({ eventId }) => eventId === id)
  const admin = [...listOf(kind.succeeded), ...listOf(kind.failed)].map(({ eventId }) => eventId)
  const ends = listOf(kind.uploadedEach).filter(
    ({ errorCode = '' }) => !OFFERED_AGAIN.includes(errorCode),
  )
  const wanted = new Set(
    ends.map(({ succeeded }) => (succeeded ? kind.succeeded.id : kind.failed.id)),
  )
  const [only] = admin
  if (admin.length > 1) return [`Admin events ${admin.join(', ')}`]
  if (only === undefined)
    return ends.length === 0 ? [] : [`no Admin event after ${kind.uploadedEach.id}`]
  return [
    ...(listOf(kind.received).length > 0 ? [] : [`${only} without ${kind.received.id}`]),
    // A result that came too late may differ from the first.
    ...(wanted.size === 0 || wanted.has(only) ? [] : [`${only}, and its result says otherwise`]),
  ]
}

/** Admin events of work that name no item. */
function listStrays(records: readonly EventRecord[]): readonly string[] {
  const closing = new Set(kinds.flatMap(({ succeeded, failed }) => [succeeded.id, failed.id]))
  return records
    .filter(({ eventId, requestContextHash }) => closing.has(eventId) && !requestContextHash)
    .map(({ eventId, transactionId }) => `item ${transactionId}: ${eventId} names no item`)
}

/** A device may come again under the same transactionID after it was refused: that is another request. */
function listRequestProblems(records: readonly EventRecord[]): readonly string[] {
  const admin = records.filter(({ eventId, channel }) => channel === 'admin' && isScep(eventId))
  const received = new Set(
    records
      .filter(({ eventId }) => eventId === events.ScepRequestReceived.id)
      .map(({ transactionId }) => transactionId),
  )
  const closed = new Set(admin.map(({ notificationId }) => notificationId))
  const told = records.filter(({ eventId }) => eventId === events.ScepNotifySuccess.id)
  return [
    ...[...Map.groupBy(admin, keyOf)]
      .filter(([, same]) => same.length > 1)
      .map(
        ([key, same]) => `${key}: Admin events ${same.map(({ eventId }) => eventId).join(', ')}`,
      ),
    ...admin
      .filter(({ transactionId }) => !received.has(transactionId))
      .map((one) => `${keyOf(one)}: ${one.eventId} without ${events.ScepRequestReceived.id}`),
    ...told
      .filter(({ notificationId }) => !closed.has(notificationId))
      .map((one) => `${keyOf(one)}: no Admin event after ${one.eventId}`),
  ]
}

function isScep(eventId: number): boolean {
  return eventId >= 4000 && eventId < 5000
}

function keyOf({ transactionId, requestId, serialNumber }: EventRecord): string {
  return `request ${transactionId}, ${serialNumber ?? requestId}`
}
