import { events } from '../../events/index.ts'
import { ConnectorError } from '../../kernel/index.ts'
import { refusalFor } from '../../scep/index.ts'
import type { CertificateRecord } from '../../store/index.ts'
import { notificationIdOf } from './enrolment-notification.ts'
import {
  type Ending,
  endWithCertificate,
  endWithRefusal,
  fieldsOfRefused,
  replaySince,
  type Work,
} from './enrolment-work.ts'
import { isTold } from './strict-notification.ts'

/** Another instance is waited for as long as a device waits: 100 looks, a fifth of a second apart. */
const OTHER_INSTANCE_LOOKS = 100
const OTHER_INSTANCE_PAUSE_MS = 200

/**
 * Looks for the same request in the replay window. Waits while another instance works on it.
 *
 * @returns what was issued then, be it revoked by now; undefined when this instance has to do it
 * @throws ConnectorError `worker/timeout` another instance is still at it: the device should come again
 * @throws ConnectorError `store/unavailable`, `spool/unavailable` nobody can tell
 */
export async function findEarlier(work: Work): Promise<CertificateRecord | undefined> {
  const record = await findLive(work)
  if (record?.state !== 'reserved') return record
  return record.holder === work.ports.holder ? await takeUpOwn(work) : await waitForOther(work)
}

/** An intent of ours that nobody works on, since this request holds the turn: a crash or the spool left it behind. */
async function takeUpOwn(work: Work): Promise<CertificateRecord | undefined> {
  const { certificates, safekeeping } = work.ports
  await safekeeping.replay()
  const record = await findLive(work)
  if (record?.state !== 'reserved') return record
  await certificates.abandon(record.order.serialHex, 'left open by a crash', undefined)
  work.log.debug('operational', 'took up an intent that a crash left open', {
    serialNumber: record.order.serialHex,
  })
  return undefined
}

/**
 * Waits until another instance has issued or given up, or its lease is over.
 *
 * @throws ConnectorError `worker/timeout`
 */
export async function waitForOther(work: Work): Promise<CertificateRecord | undefined> {
  for (let look = 0; look < OTHER_INSTANCE_LOOKS; look += 1) {
    const record = await findLive(work)
    if (record?.state !== 'reserved') return record
    if (record.leaseUntil <= work.ports.clock.now()) return undefined
    await new Promise((resolve) => setTimeout(resolve, OTHER_INSTANCE_PAUSE_MS))
  }
  throw new ConnectorError(
    'worker/timeout',
    'another instance is still working on this request; the device should send it again',
    { isTransient: true, retryAfterMs: 5000 },
  )
}

async function findLive(work: Work): Promise<CertificateRecord | undefined> {
  return await work.ports.certificates.findByRequestKey(work.requestKey, replaySince(work))
}

/**
 * Answers a request that was served before: the same certificate, unless it was revoked or, in a strict profile, its
 * success is still to be told. The Admin event of the request was written or is owed since then; no other is written.
 */
export async function replay(work: Work, record: CertificateRecord): Promise<Ending> {
  work.isSettled = true
  const { serialHex } = record.order
  if (record.state === 'revoked' || record.certificateDer === undefined)
    return refuseAgain(
      work,
      serialHex,
      new ConnectorError('policy/not-willing', 'the certificate of this request is revoked', {
        told: 'the certificate of this request is revoked',
      }),
    )
  const isStrict = work.profile.notifier !== undefined && work.profile.notifyMode === 'strict'
  if (isStrict && !(await isTold(work, notificationIdOf(serialHex))))
    return refuseAgain(
      work,
      serialHex,
      new ConnectorError(
        'management/unavailable',
        'the success of this request is still to be told, and the profile is strict',
      ),
    )
  work.log.debug('operational', 'answered with the certificate issued before', {
    serialNumber: serialHex,
    replayed: true,
  })
  // Around a roll-over it may be of another generation than the one that would sign now.
  const ca = work.profile.issuers.list().find(({ id }) => id === record.caId) ?? work.ca
  return await endWithCertificate({ profile: work.profile, ca }, record.certificateDer, 'replayed')
}

function refuseAgain(work: Work, serialNumber: string, failure: ConnectorError): Ending {
  const refusal = refusalFor(failure.code, failure.told)
  work.log.record(events.ScepIssuedFailure, {
    ...fieldsOfRefused({ code: failure.code, reason: failure.message, refusal }),
    serialNumber,
    replayed: true,
  })
  return endWithRefusal(refusal, 'refused')
}
