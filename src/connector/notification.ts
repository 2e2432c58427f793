import { randomUUID } from 'node:crypto'
import { deserialize, serialize } from 'node:v8'
import { type EventFields, events, type Journal } from '../events/index.ts'
import { type Clock, ConnectorError, describeError, pauseAfterAttempt } from '../kernel/index.ts'
import type { ScepNotification, ScepNotifier } from '../management/index.ts'
import type { NotificationRecord, Outbox, OwedNotification } from '../store/index.ts'
import type { PayloadCipher } from './ports.ts'

/** When a notification is tried again. Weighted to the front: most outages of the service end within minutes. */
export interface NotificationPauses {
  /** Pauses after the first attempts; when they are used up the Admin event is 4002. Seconds. */
  readonly onlineSeconds: readonly number[]
  /** Pauses after that; the last one repeats. Seconds. */
  readonly courierSeconds: readonly number[]
  /** After this the notification is kept as `failed` and tried only by hand. */
  readonly giveUpDays: number
}

/** What the delivery of one notification needs. */
export interface DeliveryPorts {
  readonly outbox: Outbox
  /** Undefined when the profile is gone or notifies nobody. */
  readonly notifierOf: (profile: string) => ScepNotifier | undefined
  readonly cipher: PayloadCipher
  readonly journal: Journal
  readonly clock: Clock
  readonly pauses: NotificationPauses
  /** Name of this instance, as the lease holder. */
  readonly holder: string
  /** A number in [0, 1). */
  readonly random: () => number
}

type Receipt = Awaited<ReturnType<ScepNotifier['notify']>>

/** How one attempt ended. `lost`: the row was delivered or taken over by somebody else meanwhile. */
export type DeliveryOutcome = 'delivered' | 'retry' | 'exhausted' | 'failed' | 'lost'

const DAY_MS = 86_400_000

/**
 * Writes down what the management service is owed, for the request that brought it about. Pure but for the identifier;
 * nothing is stored here.
 */
export function oweNotification(
  notification: ScepNotification,
  { profile, requestId }: Pick<OwedNotification, 'profile' | 'requestId'>,
  cipher: PayloadCipher,
  now: Date,
): OwedNotification {
  return {
    id: randomUUID(),
    kind: notification.kind,
    profile,
    transactionId: notification.transactionId,
    requestId,
    serialHex: notification.kind === 'success' ? notification.serialHex : '',
    thumbprintHex: notification.kind === 'success' ? notification.thumbprintHex : '',
    payload: cipher.seal(serialize(notification)),
    createdAt: now,
    dueAt: now,
  }
}

/** Reads a notification that `oweNotification` wrote. Authenticated by the cipher before it is parsed. */
function openNotification(record: OwedNotification, cipher: PayloadCipher): ScepNotification {
  return deserialize(cipher.open(record.payload)) as ScepNotification
}

/**
 * Makes one attempt for a leased row, records its events and writes down how it ended.
 *
 * Events: 4008 and the Admin event (4000, 4001) on success; 4009 for each failed attempt; Admin 4002 with the last
 * online attempt. The row is marked before the event is written, so that two instances never write one twice; what a
 * crash swallows in between, `recoverAdminEvents` finds.
 */
export async function deliverNotification(
  record: NotificationRecord,
  ports: DeliveryPorts,
  signal: AbortSignal,
): Promise<DeliveryOutcome> {
  const { clock } = ports
  const activityId = randomUUID()
  const attempt = record.attempts + 1
  const log = ports.journal.child({ ...describeNotification(record), activityId, attempt })
  const startedAt = clock.now().getTime()
  let receipt: Receipt
  try {
    receipt = await tell(record, ports, activityId, signal)
  } catch (error) {
    return await keepTrying(record, error, attempt, ports, log)
  }
  const now = clock.now()
  if (!(await ports.outbox.markDelivered(record.id, ports.holder, now))) return 'lost'
  log.record(events.ScepNotifySuccess, {
    serverRequestId: receipt.serverRequestId,
    durationMs: now.getTime() - startedAt,
    redelivered: record.state === 'due' ? undefined : true,
  })
  // An exhausted notification had its Admin event, 4002, when its online attempts were used up.
  if (record.state === 'due') recordAdminEvent(record, log)
  return 'delivered'
}

async function tell(
  record: NotificationRecord,
  ports: DeliveryPorts,
  activityId: string,
  signal: AbortSignal,
): Promise<Receipt> {
  const notifier = ports.notifierOf(record.profile)
  if (notifier === undefined)
    throw new ConnectorError(
      'config/invalid',
      `profile ${record.profile} is no longer configured with a management service; add it again to deliver this notification`,
    )
  return await notifier.notify(openNotification(record, ports.cipher), activityId, signal)
}

/**
 * Ends a leased notification that must not be delivered any more, since its certificate is not handed out. Records the
 * Admin event, 4002, unless its attempts did.
 *
 * @returns false when the row was delivered or taken over by somebody else meanwhile
 */
export async function withdrawNotification(
  record: NotificationRecord,
  { outbox, clock, holder, journal }: DeliveryPorts,
): Promise<boolean> {
  const error = 'withdrawn: the certificate was not handed out'
  const now = clock.now()
  if (!(await outbox.markAttempt(record.id, holder, { state: 'failed', nextDueAt: now, error })))
    return false
  if (record.state === 'due')
    journal
      .child(describeNotification(record))
      .record(events.ScepRequestUploadFailure, { succeeded: false, errorMessage: error })
  return true
}

/** What events tell of a notification. */
export function describeNotification(record: NotificationRecord): EventFields {
  return {
    transactionId: record.transactionId,
    requestId: record.requestId,
    notificationId: record.id,
    profile: record.profile,
    serialNumber: record.serialHex === '' ? undefined : record.serialHex,
    thumbprint: record.thumbprintHex === '' ? undefined : record.thumbprintHex,
  }
}

/** The Admin event that closes a request whose notification was delivered. */
export function recordAdminEvent(record: NotificationRecord, log: Journal): void {
  if (record.kind === 'success') log.record(events.ScrepRequestSuccess, { succeeded: true })
  else log.record(events.ScepRequestIssuedFailure, { succeeded: false })
}

async function keepTrying(
  record: NotificationRecord,
  error: unknown,
  attempt: number,
  ports: DeliveryPorts,
  log: Journal,
): Promise<DeliveryOutcome> {
  const { pauses, clock, outbox, holder } = ports
  const now = clock.now()
  const { state, pauseMs } = decideNext(record, attempt, error, ports, now)
  const nextDueAt = new Date(now.getTime() + pauseMs)
  const told = describeError(error)
  if (!(await outbox.markAttempt(record.id, holder, { state, nextDueAt, error: told })))
    return 'lost'
  const failure = error instanceof ConnectorError ? error : undefined
  log.record(events.ScepNotifyAttemptFailed, {
    errorCode: failure?.code ?? 'internal/bug',
    errorMessage: told,
    httpStatus: failure?.httpStatus,
    retryable: state !== 'failed',
    nextAttemptAt: state === 'failed' ? undefined : nextDueAt,
  })
  if (record.state === 'due' && state !== 'due')
    log.record(events.ScepRequestUploadFailure, {
      succeeded: false,
      errorCode: failure?.code ?? 'internal/bug',
      errorMessage: `${attempt} attempts failed; ${state === 'failed' ? 'given up' : `tried on for ${pauses.giveUpDays} days`}`,
    })
  if (state === 'failed') log.record(events.NotificationGivenUp, { errorMessage: told })
  return state === 'due' ? 'retry' : state
}

function decideNext(
  record: NotificationRecord,
  attempt: number,
  error: unknown,
  ports: DeliveryPorts,
  now: Date,
): { readonly state: 'due' | 'exhausted' | 'failed'; readonly pauseMs: number } {
  const { onlineSeconds, courierSeconds, giveUpDays } = ports.pauses
  const asked = error instanceof ConnectorError ? (error.retryAfterMs ?? 0) : 0
  const spread = ports.random()
  if (record.state === 'due' && attempt <= onlineSeconds.length)
    return {
      state: 'due',
      pauseMs: Math.max(asked, pauseAfterAttempt(onlineSeconds, attempt, spread)),
    }
  if (now.getTime() - record.createdAt.getTime() >= giveUpDays * DAY_MS)
    return { state: 'failed', pauseMs: 0 }
  const later = Math.max(1, attempt - onlineSeconds.length)
  return {
    state: 'exhausted',
    pauseMs: Math.max(asked, pauseAfterAttempt(courierSeconds, later, spread)),
  }
}
