import { refusalFor } from '../../scep/index.ts'
import type { IssuedCertificate } from '../../store/index.ts'
import { revokeOrphan } from '../orphan-certificate.ts'
import { notificationIdOf } from './enrolment-notification.ts'
import { type Ending, endWithCertificate, endWithRefusal, type Work } from './enrolment-work.ts'

/** A device waits about 30 s for its answer. */
const STRICT_NOTIFY_MS = 25_000

/**
 * Strict mode: waits for the management service's yes to a notification, as long as a device waits.
 *
 * @throws ConnectorError `store/unavailable`
 */
export async function isTold(
  { ports }: Pick<Work, 'ports'>,
  notificationId: string,
): Promise<boolean> {
  return await ports.courier.deliverNow(notificationId, AbortSignal.timeout(STRICT_NOTIFY_MS))
}

/**
 * Strict mode, and no yes: the notification is withdrawn, the certificate revoked, the request refused (intune-api 3.7).
 * Where the yes came after all, the certificate is handed out; where somebody is telling it right now, it neither
 * leaves nor is revoked, and the device may come again.
 */
export async function takeBack(work: Work, issued: IssuedCertificate): Promise<Ending> {
  const fate = await work.ports.courier.withdraw(notificationIdOf(issued.serialHex))
  if (fate === 'delivered') return await endWithCertificate(work, issued.certificateDer, 'issued')
  if (fate === 'withdrawn')
    await revokeOrphan(
      work,
      issued.certificateDer,
      'strict: the success could not be told, so the certificate was not handed out',
    )
  return endWithRefusal(refusalFor('management/unavailable'), 'failed')
}
