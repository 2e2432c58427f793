import { randomUUID } from 'node:crypto'
import { deserialize, serialize } from 'node:v8'
import { events, type Journal } from '../../events/index.ts'
import { ConnectorError, describeError } from '../../kernel/index.ts'
import { refusalFor, type ScepQuery, type ScepRequest } from '../../scep/index.ts'
import type { CertificateRecord, PendingCause, PendingRecord } from '../../store/index.ts'
import { describeAltNames } from '../policy/certificate-names.ts'
import type { EnrolmentContext, EnrolmentProfile } from '../ports.ts'
import { replay } from './earlier-request.ts'
import {
  beginWork,
  type Ending,
  type EnrolmentPorts,
  endWithRefusal,
  findOverload,
  type Refused,
  type Work,
} from './enrolment-work.ts'
import { refuse } from './not-issued.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

/** How many that nobody asks for any more are closed in a round. */
const BATCH = 100

/** What an outage is: nothing was decided about the request, and it may be decided later. */
const OUTAGES: ReadonlySet<string> = new Set(['management/unavailable', 'ca/unavailable'])

/**
 * The request that a CertPoll asks about: sent before by a signer with the same key under the same transactionID, and
 * answered with PENDING since (REQ-147). It is served again as it was, under the frame of the poll.
 *
 * @throws ConnectorError `store/unavailable`; `key/unreadable` it was sealed with another data key
 */
export async function findPolled(
  { frame, signer }: ScepQuery,
  profile: EnrolmentProfile,
  ports: EnrolmentPorts,
): Promise<ScepRequest | undefined> {
  const since = new Date(ports.clock.now().getTime() - windowOf(profile))
  const record = await ports.pending.findByTransaction(
    profile.name,
    frame.transactionId,
    signer.publicKeySha256Hex,
    since,
  )
  return record === undefined ? undefined : openPayload(record, ports).request
}

/** How this request waits, if it does. */
async function findPending(work: Work): Promise<PendingRecord | undefined> {
  const since = new Date(work.ports.clock.now().getTime() - windowOf(work.profile))
  return await work.ports.pending.findByRequestKey(work.requestKey, since)
}

/**
 * Goes by what is on record of a request that waited.
 *
 * @returns the answer where it is decided: issued, denied, failed, or still without a word of the operator; undefined: go on
 */
export async function applyDecision(work: Work): Promise<Ending | undefined> {
  const record = await findPending(work)
  if (record === undefined) return undefined
  work.pending = record
  work.isValidated ||= record.isValidated
  work.urlParams = openPayload(record, work.ports).urlParams
  const isOver = work.ports.clock.now() >= record.expiresAt
  if (record.state === 'failed') return refuseAgain(record)
  const made = await findMade(record, work.profile, work.ports)
  if (made !== undefined && made.state !== 'reserved') return await replay(work, made)
  switch (record.state) {
    case 'denied':
      return await end(work, record, denied(record))
    case 'approved':
      work.isApproved = true
      return undefined
    case 'waiting':
      if (isOver) return await end(work, record, overdue(record))
      return record.cause === 'approval' ? answerPending() : undefined
    case 'issued':
      return answeredBefore()
  }
}

/**
 * What was reserved or issued for a request that waits or has waited, however long ago: what spoke for it, an approval or a
 * challenge, is not good for a second certificate. Also where a crash kept the end of its waiting from being noted.
 */
async function findMade(
  { requestKey, createdAt }: PendingRecord,
  { replayWindowMs }: EnrolmentProfile,
  { certificates }: EnrolmentPorts,
): Promise<CertificateRecord | undefined> {
  // Had there been one of before, in its replay window, the request would have been answered with it instead of waiting.
  const since = new Date(createdAt.getTime() - replayWindowMs)
  return await certificates.findByRequestKey(requestKey, since)
}

/**
 * Looks, once the intent is on record, whether a request that waited was told meanwhile that its time is over: from here on
 * `closeOverdue` leaves it alone. Where it was, the intent is given up.
 *
 * @returns the answer of then; undefined: go on
 * @throws ConnectorError `store/unavailable`
 */
export async function checkStillOpen(work: Work): Promise<Ending | undefined> {
  const { log, pending, ports, reservedSerial } = work
  const record = pending === undefined ? undefined : await ports.pending.find(pending.id)
  if (record?.state !== 'failed') return undefined
  if (reservedSerial !== undefined)
    await ports.safekeeping.keepAbandonment(reservedSerial, 'its time is over', undefined, log)
  work.isSettled = true
  return refuseAgain(record)
}

/**
 * Answers PENDING, once the request is on record; the device asks again (RFC 8894, section 2.4).
 *
 * @returns undefined when it has waited long enough, or too many wait: then it is to be refused
 * @throws ConnectorError `store/unavailable`
 */
export async function wait(work: Work, cause: PendingCause): Promise<Ending | undefined> {
  const { profile, ports, request, log } = work
  const now = ports.clock.now()
  const kept =
    work.pending ??
    (await ports.pending.keep(
      {
        id: randomUUID(),
        requestKey: work.requestKey,
        profile: profile.name,
        transactionId: request.frame.transactionId,
        signerKeyHex: request.signer.publicKeySha256Hex,
        subject: request.csr.subject,
        altNames: describeAltNames(request.csr),
        cause,
        isValidated: work.isValidated,
        payload: ports.cipher.seal(
          serialize({ request, urlParams: work.urlParams } satisfies Waiting),
        ),
        createdAt: now,
        expiresAt: new Date(now.getTime() + patienceOf(profile, cause)),
      },
      new Date(now.getTime() - windowOf(profile)),
      profile.waiting.maxRequests,
    ))
  if (kept === 'full') {
    log.debug('operational', `${profile.waiting.maxRequests} requests of this profile wait already`)
    return undefined
  }
  if (now >= kept.expiresAt) return undefined
  if (work.pending === undefined)
    log.record(events.ScepRequestWaiting, {
      subject: kept.subject,
      detail: `${kept.id}: ${whyOf(cause)}, until ${kept.expiresAt.toISOString()}`,
    })
  work.pending = kept
  return answerPending()
}

/** PENDING until an operator decides, where the profile has it so (REQ-140); undefined: refuse. */
export async function waitForApproval(work: Work): Promise<Ending | undefined> {
  if (!work.profile.waiting.manualApproval) return undefined
  if (work.pending !== undefined && work.pending.cause !== 'approval') return undefined
  return await wait(work, 'approval')
}

/**
 * PENDING until the end of an outage, where the profile has it so (REQ-150). What was reserved is given up: the next try
 * reserves anew.
 *
 * @returns undefined when it is no outage, or has lasted too long, or cannot be put on record
 */
export async function waitForOutage(work: Work, error: unknown): Promise<Ending | undefined> {
  if (!isWaitedFor(error, work)) return undefined
  const { ports, log, reservedSerial } = work
  try {
    const waiting = await wait(work, 'outage')
    if (waiting === undefined) return undefined
    if (reservedSerial !== undefined)
      await ports.safekeeping.keepAbandonment(reservedSerial, 'an outage', undefined, log)
    log.debug('operational', `PENDING: ${describeError(error)}`)
    return waiting
  } catch (second) {
    log.debug('operational', `cannot wait: ${describeError(second)}`)
    return undefined
  }
}

/** Whether a failure is an outage that this profile waits for. Our own overload is none: it is HTTP 503 (REQ-190). */
function isWaitedFor(error: unknown, { profile, orphanDer, isSettled }: Work): boolean {
  return (
    profile.waiting.outageReply === 'pending' &&
    error instanceof ConnectorError &&
    error.isTransient &&
    OUTAGES.has(error.code) &&
    findOverload(error) === undefined &&
    orphanDer === undefined &&
    !isSettled
  )
}

/** Notes the final answer of a request that waited, so that later polls get it without doing anything again (REQ-149). */
export async function settlePending(work: Work, ending: Ending): Promise<void> {
  const { pending, ports } = work
  if (pending === undefined || ending.outcome === 'pending') return
  const { reply } = ending
  await ports.pending.close(pending.id, {
    state: reply.status === 'SUCCESS' ? 'issued' : 'failed',
    reason: reply.status === 'FAILURE' ? reply.refusal.text : undefined,
    at: ports.clock.now(),
  })
}

/**
 * Closes what was denied, and what waited too long, where no device asks: each gets its one Admin event. What has its
 * certificate has had it; what is being signed is left alone.
 *
 * @returns requests closed
 * @throws ConnectorError `store/unavailable`
 */
export async function closeOverdue(
  profiles: ReadonlyMap<string, EnrolmentProfile>,
  ports: EnrolmentPorts,
): Promise<number> {
  const overdueOnes = await ports.pending.listOverdue(ports.clock.now(), BATCH)
  let closed = 0
  for (const record of overdueOnes) {
    const profile = profiles.get(record.profile)
    const log = ports.journal.child({
      transactionId: record.transactionId,
      requestId: record.id,
      profile: record.profile,
    })
    const isClosed =
      profile === undefined
        ? await closeUnserved(
            record,
            `profile ${record.profile} is no longer configured`,
            ports,
            log,
          )
        : await closeOne(record, profile, ports, log)
    if (isClosed) closed += 1
  }
  return closed
}

/** @returns false: it is being signed */
async function closeOne(
  record: PendingRecord,
  profile: EnrolmentProfile,
  ports: EnrolmentPorts,
  log: Journal,
): Promise<boolean> {
  const at = ports.clock.now()
  const made = await findMade(record, profile, ports)
  if (made?.state === 'reserved' && made.leaseUntil > at) return false
  if (made !== undefined && made.state !== 'reserved') {
    await ports.pending.close(record.id, { state: 'issued', reason: undefined, at })
    return true
  }
  const waiting = findPayload(record, ports)
  if (waiting === undefined)
    return await closeUnserved(record, 'it was sealed with another data key', ports, log)
  const { request, urlParams } = waiting
  const work = beginWork(profile, ports, request, { requestId: record.id, urlParams }, log)
  work.isValidated = record.isValidated
  work.pending = record
  await end(work, record, record.state === 'denied' ? denied(record) : overdue(record))
  return true
}

/** Undefined where it does not open: those behind it must not wait for that. */
function findPayload(record: PendingRecord, ports: EnrolmentPorts): Waiting | undefined {
  try {
    return openPayload(record, ports)
  } catch (error) {
    if (error instanceof ConnectorError && error.code === 'key/unreadable') return undefined
    throw error
  }
}

async function closeUnserved(
  record: PendingRecord,
  reason: string,
  { pending, clock }: EnrolmentPorts,
  log: Journal,
): Promise<true> {
  if (await pending.close(record.id, { state: 'failed', reason, at: clock.now() }))
    log.record(events.ScepRequestIssuedFailure, {
      succeeded: false,
      subject: record.subject,
      errorMessage: reason,
    })
  return true
}

/** Whoever notes the end writes its events; another instance, or a later poll, repeats the answer alone. */
async function end(work: Work, record: PendingRecord, refused: Refused): Promise<Ending> {
  const { pending, clock } = work.ports
  const reason = refused.refusal.text
  if (!(await pending.close(record.id, { state: 'failed', reason, at: clock.now() })))
    return endWithRefusal(refused.refusal, 'refused')
  return await refuse(work, refused)
}

function answeredBefore(): Ending {
  const told = 'this request was answered already'
  return endWithRefusal(refusalFor('policy/not-willing', told), 'refused')
}

function refuseAgain({ reason }: PendingRecord): Ending {
  return endWithRefusal(refusalFor('policy/not-willing', reason), 'refused')
}

function denied({ reason }: PendingRecord): Refused {
  const told = reason === undefined ? 'denied by an administrator' : `denied: ${reason}`
  return {
    code: 'policy/not-willing',
    reason: told,
    refusal: refusalFor('policy/not-willing', told),
  }
}

function overdue({ cause }: PendingRecord): Refused {
  if (cause !== 'approval') {
    const reason = 'the outage lasted longer than outagePendingMinutes'
    return { code: 'management/unavailable', reason, refusal: refusalFor('management/unavailable') }
  }
  const told = 'nobody approved this request in time'
  return {
    code: 'policy/not-willing',
    reason: told,
    refusal: refusalFor('policy/not-willing', told),
  }
}

function answerPending(): Ending {
  return { reply: { status: 'PENDING' }, outcome: 'pending' }
}

/** What is kept of a request that waits: all that its certificate is decided by. */
interface Waiting {
  readonly request: ScepRequest
  readonly urlParams: EnrolmentContext['urlParams']
}

/** Sealed and opened under our own key: it is what `wait` wrote. */
function openPayload({ payload }: PendingRecord, { cipher }: EnrolmentPorts): Waiting {
  return deserialize(cipher.open(payload)) as Waiting
}

function patienceOf({ waiting }: EnrolmentProfile, cause: PendingCause): number {
  return cause === 'approval' ? waiting.approvalDays * DAY_MS : waiting.outageMinutes * MINUTE_MS
}

/** A request is remembered at least as long as it may wait, and answered again as long as any other. */
function windowOf(profile: EnrolmentProfile): number {
  return profile.replayWindowMs + patienceOf(profile, 'approval')
}

function whyOf(cause: PendingCause): string {
  switch (cause) {
    case 'approval':
      return 'waits for certconnector approve or deny'
    case 'outage':
      return 'waits for the end of an outage'
    case 'slow':
      return 'is still at work'
  }
}
