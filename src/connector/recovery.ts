import { events, type Journal, type RecordedNotifications } from '../events/index.ts'
import type { Clock } from '../kernel/index.ts'
import type { CertificateRegister, NotificationRecord, Outbox } from '../store/index.ts'
import { describeNotification, recordAdminEvent } from './notification.ts'
import { WORK_PROFILE } from './pkcs/issued-for-work.ts'
import type { Safekeeping } from './safekeeping.ts'

const BATCH = 1000

/** Of Intune's challenges (intune-api 5.4): afterwards the same request cannot succeed any more. */
const CHALLENGE_LIFETIME_MS = 3_600_000

/** Deliveries that are looked at in the worst case, when the log lost thousands of lines. */
const MAX_LOOK_BACK = 16_000

/** The Admin events of which each notified request has exactly one. */
const CLOSING_EVENTS = [
  events.ScrepRequestSuccess.id,
  events.ScepRequestIssuedFailure.id,
  events.ScepRequestUploadFailure.id,
]

/**
 * Closes intents that a crash left open: reserved, never completed, and their device has not come back while its
 * challenge was good. Until then the device's next try takes the intent up itself; a completion that lies in the spool
 * of this instance finds it first, however long the store was away. Their serials stay taken. Nothing can have left the house, since a device is answered only after its
 * certificate is kept. Each gets the Admin event, 4001, that its request lacks.
 *
 * @param isClosed whether the Admin log has an event of this transaction, of `since` or later
 * @returns intents closed
 * @throws ConnectorError `store/unavailable`, `spool/unavailable` nobody can tell which are open
 */
export async function closeOpenIntents(ports: {
  readonly certificates: CertificateRegister
  readonly safekeeping: Pick<Safekeeping, 'replay'>
  readonly isClosed: (transactionId: string, since: Date) => Promise<boolean>
  readonly journal: Journal
  readonly clock: Clock
}): Promise<number> {
  const { certificates, safekeeping, journal, clock } = ports
  // One replay takes as many as a list holds.
  while ((await safekeeping.replay()) > 0);
  const before = new Date(clock.now().getTime() - CHALLENGE_LIFETIME_MS)
  const open = await certificates.listOpenIntents(before, BATCH)
  for (const intent of open) {
    const { transactionId, reservedAt, order } = intent
    const reason = 'the connector stopped before the certificate was kept'
    await certificates.abandon(order.serialHex, reason, undefined)
    const log = journal.child({
      transactionId,
      profile: intent.profile,
      caId: intent.caId,
      serialNumber: order.serialHex,
      subject: intent.subject,
    })
    log.record(events.IntentAbandoned)
    // A work item has its own Admin event, when it is closed; it may still be resumed.
    if (intent.profile === WORK_PROFILE) continue
    if (await ports.isClosed(transactionId, reservedAt)) continue
    log.record(events.ScepRequestIssuedFailure, { succeeded: false, errorMessage: reason })
  }
  return open.length
}

/**
 * Writes the Admin events that a crash swallowed between marking a notification and writing its line, so that each
 * request has exactly one. Looks back from the last delivery until it meets a stretch that is all in the log: however
 * long the connector was down, and however much it had to do before. What is older than the log cannot be judged and
 * is left alone.
 *
 * @param loadRecorded which notifications, of `since` or later, have one of these events in the Admin log
 * @returns events written
 */
export async function recoverAdminEvents(ports: {
  readonly outbox: Outbox
  readonly loadRecorded: (
    eventIds: readonly number[],
    since: Date,
  ) => Promise<RecordedNotifications>
  readonly journal: Journal
}): Promise<number> {
  const { outbox, journal } = ports
  const unsettled = await outbox.list(['exhausted', 'failed'], MAX_LOOK_BACK)
  const swallowed = [
    ...(await findSwallowed(unsettled, ports.loadRecorded)),
    ...(await findSwallowedDeliveries(ports)),
  ]
  for (const record of swallowed) {
    const log = journal.child({
      ...describeNotification(record),
      attempt: record.attempts,
      detail: 'written at start: the connector stopped before this line was on disk',
    })
    if (record.state === 'delivered') recordAdminEvent(record, log)
    else
      log.record(events.ScepRequestUploadFailure, {
        succeeded: false,
        errorMessage: record.lastError,
      })
  }
  return swallowed.length
}

type LoadRecorded = Parameters<typeof recoverAdminEvents>[0]['loadRecorded']

/** Oldest first: should this start die as well, the ones still missing are the last ones again. */
async function findSwallowedDeliveries(ports: {
  readonly outbox: Outbox
  readonly loadRecorded: LoadRecorded
}): Promise<readonly NotificationRecord[]> {
  for (let limit = BATCH; ; limit *= 4) {
    const delivered = await ports.outbox.listDelivered(limit)
    const swallowed = new Set(await findSwallowed(delivered, ports.loadRecorded))
    const oldest = delivered.slice(-BATCH / 2)
    const isFarEnough = !oldest.some((record) => swallowed.has(record))
    if (isFarEnough || delivered.length < limit || limit >= MAX_LOOK_BACK)
      return [...swallowed].reverse()
  }
}

async function findSwallowed(
  records: readonly NotificationRecord[],
  loadRecorded: LoadRecorded,
): Promise<readonly NotificationRecord[]> {
  if (records.length === 0) return []
  const since = new Date(Math.min(...records.map(({ createdAt }) => createdAt.getTime())))
  const { ids, keptSince } = await loadRecorded(CLOSING_EVENTS, since)
  return records.filter(
    (record) =>
      !ids.has(record.id) && (keptSince === undefined || earliestEventOf(record) >= keptSince),
  )
}

/** Its Admin event is not older than this: the one of a failed attempt may have come long before the delivery. */
function earliestEventOf({ attempts, createdAt, deliveredAt }: NotificationRecord): Date {
  return attempts === 0 && deliveredAt !== undefined ? deliveredAt : createdAt
}
