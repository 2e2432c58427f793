import { events } from '../../events/index.ts'
import { ConnectorError, describeError } from '../../kernel/index.ts'
import { refusalFor } from '../../scep/index.ts'
import type { OwedNotification, RefusalRecord } from '../../store/index.ts'
import { oweNotification } from '../notification.ts'
import { revokeOrphan } from '../orphan-certificate.ts'
import type { KeptIn } from '../safekeeping.ts'
import { failureOf } from './enrolment-notification.ts'
import {
  type Ending,
  endWithRefusal,
  fieldsOfIssued,
  fieldsOfRefused,
  findOverload,
  type Refused,
  recordTurnedAway,
  type Work,
} from './enrolment-work.ts'

/** Ends a request whose challenge was refused. The management service said so itself: it is told nothing. */
export async function refuseChallenge(work: Work, refused: Refused): Promise<Ending> {
  await work.ports.safekeeping.keepRefusal(refusalRecord(work, refused), undefined, work.log)
  recordNotIssued(work, refused)
  return endWithRefusal(refused.refusal, 'challenge-refused')
}

/**
 * Ends a request that we do not serve: kept, told to the device and, when its challenge had been accepted, owed to the
 * management service. When the validation itself failed nothing is owed (intune-api 3.4).
 */
export async function refuse(work: Work, refused: Refused): Promise<Ending> {
  const { log, ports, isValidated } = work
  log.record(isValidated ? events.ScepIssuedFailure : events.ScepVerifyFailure, {
    caId: work.ca.id,
    ...fieldsOfRefused(refused),
  })
  const owed = oweFailure(work, refused)
  const keptIn = await keepFailure(work, refused, owed)
  // Somebody must close the request with its one Admin event: the courier where it has something to deliver.
  if (owed === undefined) recordNotIssued(work, refused)
  else if (keptIn === 'nowhere') recordUntold(work, refused)
  else ports.courier.wake()
  work.isSettled = true
  return endWithRefusal(refused.refusal, 'failed')
}

/**
 * Ends a request after a failure that no step expected.
 *
 * @throws ConnectorError `worker/…` the device is to come again; what was reserved is given up
 */
export async function endAfter(work: Work, error: unknown): Promise<Ending> {
  const overload = findOverload(error)
  if (overload !== undefined) {
    await turnAway(work, overload)
    throw overload
  }
  const failure =
    error instanceof ConnectorError
      ? error
      : new ConnectorError('internal/bug', 'unexpected failure of an enrolment', { cause: error })
  const refused: Refused = {
    code: failure.code,
    reason: describeError(failure),
    refusal: refusalFor(failure.code, failure.told),
  }
  const ending = work.isSettled ? endSettled(work, refused) : await refuse(work, refused)
  if (work.orphanDer !== undefined)
    await revokeOrphan(work, work.orphanDer, 'the CA issued something else than was ordered')
  return ending
}

async function turnAway(work: Work, overload: ConnectorError): Promise<void> {
  const { log, ports, reservedSerial, isSettled } = work
  if (reservedSerial !== undefined && !isSettled)
    await ports.safekeeping.keepAbandonment(reservedSerial, overload.code, undefined, log)
  recordTurnedAway(log, overload)
}

/** What was issued stays issued; this answer fails, and the same request sent again gets it. */
function endSettled(work: Work, refused: Refused): Ending {
  work.log.record(events.ScepIssuedFailure, {
    ...fieldsOfRefused(refused),
    detail: 'on record, but not handed out: the device may send the same request again',
  })
  return endWithRefusal(refused.refusal, 'failed')
}

/** Neither the store nor the disk took the certificate: what is not on record does not leave the house. */
export function endUnkept(work: Work, issued: Parameters<typeof fieldsOfIssued>[0]): Ending {
  work.isSettled = true
  work.log.record(events.ScepRequestUploadFailure, {
    succeeded: false,
    ...fieldsOfIssued(issued),
    errorCode: 'spool/unavailable',
    errorMessage: 'the certificate could not be kept and was not handed out',
  })
  return endWithRefusal(refusalFor('spool/unavailable'), 'failed')
}

function oweFailure(work: Work, refused: Refused): OwedNotification | undefined {
  const { profile, ports, request, requestId, isValidated } = work
  if (!isValidated || profile.notifier === undefined) return undefined
  const notification = failureOf(request, refused.refusal)
  const origin = { profile: profile.name, requestId }
  return oweNotification(notification, origin, ports.cipher, ports.clock.now())
}

async function keepFailure(
  work: Work,
  refused: Refused,
  owed: OwedNotification | undefined,
): Promise<KeptIn> {
  const { safekeeping } = work.ports
  return work.reservedSerial === undefined
    ? await safekeeping.keepRefusal(refusalRecord(work, refused), owed, work.log)
    : await safekeeping.keepAbandonment(work.reservedSerial, refused.reason, owed, work.log)
}

/** The Admin event of a request without a certificate of which nobody is to be told, or nobody but the device. */
function recordNotIssued(work: Work, refused: Refused): void {
  work.isSettled = true
  work.log.record(events.ScepRequestIssuedFailure, {
    succeeded: false,
    subject: work.request.csr.subject,
    ...fieldsOfRefused(refused),
  })
}

/** The Admin event of a failure that the management service will never hear of. */
function recordUntold(work: Work, refused: Refused): void {
  work.isSettled = true
  work.log.record(events.ScepRequestUploadFailure, {
    succeeded: false,
    subject: work.request.csr.subject,
    ...fieldsOfRefused(refused),
  })
}

function refusalRecord(work: Work, { code, reason }: Refused): RefusalRecord {
  return {
    at: work.ports.clock.now(),
    requestKey: work.requestKey,
    profile: work.profile.name,
    transactionId: work.request.frame.transactionId,
    subject: work.request.csr.subject,
    code,
    reason,
  }
}
