import { type EventFields, events, type Journal } from '../events/index.ts'
import type { Clock } from '../kernel/index.ts'
import type { CertificateRegister, NotificationRecord, Outbox } from '../store/index.ts'
import { recordAdminEvent } from './notification.ts'

const HOUR_MS = 3_600_000
const BATCH = 1000

/**
 * Closes intents that a crash left open: reserved, never completed, their lease over. Their serials stay taken. With
 * the embedded CA nothing can have left the house, since a device is answered only after the certificate is kept.
 *
 * @returns intents closed
 */
export async function closeOpenIntents(ports: {
  readonly certificates: CertificateRegister
  readonly journal: Journal
  readonly clock: Clock
}): Promise<number> {
  const { certificates, journal, clock } = ports
  const open = await certificates.listOpenIntents(clock.now(), BATCH)
  for (const intent of open) {
    await certificates.abandon(
      intent.order.serialHex,
      'the connector stopped before it was kept',
      undefined,
    )
    journal.record(events.IntentAbandoned, {
      transactionId: intent.transactionId,
      profile: intent.profile,
      caId: intent.caId,
      serialNumber: intent.order.serialHex,
      subject: intent.subject,
    })
  }
  return open.length
}

/**
 * Writes the Admin events that a crash swallowed between marking a notification and writing its line, so that each
 * request has exactly one. Looks back one hour before the start.
 *
 * @param hasAdminEvent whether the Admin log holds a line with this notificationId
 * @returns events written
 */
export async function recoverAdminEvents(ports: {
  readonly outbox: Outbox
  readonly hasAdminEvent: (notificationId: string) => Promise<boolean>
  readonly journal: Journal
  readonly clock: Clock
}): Promise<number> {
  const { outbox, hasAdminEvent, journal, clock } = ports
  const since = new Date(clock.now().getTime() - HOUR_MS)
  const settled: readonly NotificationRecord[] = [
    ...(await outbox.listDelivered(since, BATCH)),
    ...(await outbox.list(['exhausted', 'failed'], BATCH)),
  ]
  let written = 0
  for (const record of settled) {
    if (await hasAdminEvent(record.id)) continue
    const log = journal.child(describeRecord(record))
    if (record.state === 'delivered') recordAdminEvent(record, log)
    else
      log.record(events.ScepRequestUploadFailure, {
        succeeded: false,
        errorMessage: record.lastError,
      })
    written += 1
  }
  return written
}

function describeRecord(record: NotificationRecord): EventFields {
  return {
    transactionId: record.transactionId,
    notificationId: record.id,
    profile: record.profile,
    attempt: record.attempts,
    serialNumber: record.serialHex === '' ? undefined : record.serialHex,
    thumbprint: record.thumbprintHex === '' ? undefined : record.thumbprintHex,
    detail: 'written at start: the connector stopped before this line was on disk',
  }
}
