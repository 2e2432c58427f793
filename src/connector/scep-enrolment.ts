import { type EventFields, events, type Journal } from '../events/index.ts'
import { ConnectorError, describeError } from '../kernel/index.ts'
import type { CertificateOrder } from '../pki/index.ts'
import {
  HRESULT,
  type OpenOutcome,
  type Reply,
  type ReplyFrame,
  refusalFor,
  refusalForChallenge,
  type ScepRefusal,
  type ScepRequest,
} from '../scep/index.ts'
import { decideByRules } from './enrolment/certificate-decision.ts'
import { checkChallengeBinding, releaseChallenge } from './enrolment/challenge-binding.ts'
import { findEarlier, replay } from './enrolment/earlier-request.ts'
import { oweSuccess } from './enrolment/enrolment-notification.ts'
import {
  beginWork,
  type Ending,
  type EnrolmentPorts,
  endWithCertificate,
  endWithRefusal,
  fieldsOfIssued,
  fieldsOfRefused,
  findOverload,
  formatHResult,
  type Refused,
  recordTurnedAway,
  type Work,
} from './enrolment/enrolment-work.ts'
import { describeIssued, reserve, sign } from './enrolment/issuance.ts'
import { endAfter, endUnkept, refuse, refuseChallenge } from './enrolment/not-issued.ts'
import {
  applyDecision,
  checkStillOpen,
  settlePending,
  wait,
  waitForApproval,
  waitForOutage,
} from './enrolment/pending.ts'
import { checkCertificateOnlyRenewal, checkRenewalSigner } from './enrolment/renewal.ts'
import { answerScepQuery } from './enrolment/scep-query.ts'
import { isTold, takeBack } from './enrolment/strict-notification.ts'
import type { PolicyVerdict } from './policy/certificate-policy.ts'
import type { EnrolmentAnswer, EnrolmentContext, EnrolmentProfile, ScepEnrolment } from './ports.ts'
import { createTurns } from './turns.ts'

/** RFC 8894, section 3.2.1.4 leaves the length open; REQ-178 bounds it. */
const MAX_FAIL_INFO_TEXT = 255

/** Clocks of devices are off by seconds; this is more. */
const NOTEWORTHY_SKEW_SECONDS = 600

/**
 * Answers the PKIOperations of one profile. Reads top to bottom as docs/enrolment.md, steps 1 to 9; nothing else
 * decides the order of things.
 */
export function createScepEnrolment(
  profile: EnrolmentProfile,
  ports: EnrolmentPorts,
): ScepEnrolment {
  const { codec, safekeeping, courier, clock } = ports
  const turns = createTurns()

  return async function enrol(messageDer, context) {
    // 1. Open: outer signature, envelope, CSR and its proof of possession. Bytes without a transactionID are thrown.
    const startedAt = clock.now()
    const opened = await codec.open(messageDer, profile.scep)
    const log = recordReceived(opened, startedAt, context)
    if (opened.kind === 'refused')
      return await answer(opened.frame, endUnopened(opened, log), context, log)
    if (opened.kind === 'opened')
      return await serve(opened.request, opened.request.frame, context, log)

    // A CertPoll is the earlier request once more; other queries change nothing.
    const { query } = opened
    const found = await answerScepQuery(query, profile, ports, log)
    return 'polled' in found
      ? await serve(found.polled, query.frame, context, log)
      : await answer(query.frame, found, context, log)
  }

  async function serve(
    request: ScepRequest,
    frame: ReplyFrame,
    context: EnrolmentContext,
    log: Journal,
  ): Promise<EnrolmentAnswer> {
    const work = beginWork(profile, ports, request, context, log)

    // Twice the same at once: the second waits here for the first, and finds its certificate in step 2.
    const done = turns.take(work.requestKey, async () => {
      const ending = await decideAndIssue(work, context)
      await settlePending(work, ending)
      await releaseChallenge(work, ending)
      return ending
    })
    return await answer(frame, await answerInTime(work, done), context, log)
  }

  /** Steps 2 to 8. */
  async function decideAndIssue(work: Work, context: EnrolmentContext): Promise<Ending> {
    const { log } = work
    try {
      // 2. Same request again? Same certificate, fresh reply: a device retries, an attacker gains nothing.
      const earlier = await findEarlier(work)
      if (earlier !== undefined) return await replay(work, earlier)
      const decided = await applyDecision(work)
      if (decided !== undefined) return decided

      // 3. Validate the challenge. Anything but a clear yes refuses, or waits for an operator where the profile has one.
      const unwelcome = await validate(work, context)
      if (unwelcome !== undefined)
        return (await waitForApproval(work)) ?? (await refuseChallenge(work, unwelcome))
      work.isValidated = true

      // 4. Policy: who signs a renewal; key, names, lifetime, extensions.
      const decision = await decide(work, context)
      if (decision.kind === 'refused') return await refuse(work, decision.refused)

      // 5. Intent: what is about to be signed is written down. A crash leaves a record, and a serial that stays taken.
      const reserved = await reserve(work, decision.order)
      if (reserved.kind === 'taken') return await replay(work, reserved.record)
      if (reserved.kind === 'compromised') return await refuse(work, refusedByPolicy(compromised))
      const { intent } = reserved
      work.reservedSerial = intent.order.serialHex
      const lost = await checkChallengeBinding(work)
      if (lost !== undefined) return await refuse(work, lost)
      const over = await checkStillOpen(work)
      if (over !== undefined) return over

      // 6. Sign, and look at what came back before anybody else sees it.
      const certificate = await sign(work, intent)

      // 7. Keep the certificate and, in the same transaction, what the management service is owed.
      const issued = describeIssued(intent, certificate, clock.now())
      const owed = await oweSuccess(work, issued)
      const keptIn = await safekeeping.keepCompletion(intent, issued, owed, log)
      if (keptIn === 'nowhere') return endUnkept(work, issued)
      work.isSettled = true

      // 8. Notify: strict waits for the management service's yes; otherwise the courier sees to it.
      if (owed === undefined) recordUnowed(work, fieldsOfIssued(issued))
      else if (profile.notifyMode === 'deferred') courier.wake()
      else if (!(await isTold(work, owed.id))) return await takeBack(work, issued)

      return await endWithCertificate(work, certificate.der, 'issued')
    } catch (error) {
      return (await waitForOutage(work, error)) ?? (await endAfter(work, error))
    }
  }

  /** What takes longer than a device waits goes on without it: PENDING now, and the poll finds what came of it (REQ-146). */
  async function answerInTime(work: Work, done: Promise<Ending>): Promise<Ending> {
    const { promise: late, resolve } = Promise.withResolvers<'late'>()
    const timer = setTimeout(() => resolve('late'), profile.waiting.syncTimeoutMs)
    timer.unref()
    try {
      const first = await Promise.race([done, late])
      if (first !== 'late') return first
    } finally {
      clearTimeout(timer)
    }
    const waiting = await wait(work, 'slow').catch(() => undefined)
    if (waiting === undefined) return await done
    // Nobody waits for its failure here any more; whoever polls meets it again.
    ports.background(done.then((ending) => settlePending(work, ending)).catch(() => undefined))
    return waiting
  }

  function recordReceived(
    opened: OpenOutcome,
    startedAt: Date,
    context: EnrolmentContext,
  ): Journal {
    const frame = frameOf(opened)
    const log = ports.journal.child({
      transactionId: frame.transactionId,
      requestId: context.requestId,
      profile: profile.name,
    })
    log.record(events.ScepRequestReceived, {
      remoteAddress: context.remoteAddress,
      durationMs: clock.now().getTime() - startedAt.getTime(),
      ...(opened.kind === 'opened' ? fieldsOfRequest(opened.request, ports) : {}),
      ...(opened.kind === 'asked' ? { messageType: opened.query.asked.messageType } : {}),
    })
    if (opened.kind === 'opened') recordOddities(opened.request, startedAt, log)
    return log
  }

  async function answer(
    frame: ReplyFrame,
    { reply, outcome }: Ending,
    context: EnrolmentContext,
    log: Journal,
  ): Promise<EnrolmentAnswer> {
    // 9. Answer the device, in the algorithms that it used.
    try {
      const told = correlate(reply, context.requestId)
      const raFingerprintHex = frame.raFingerprintHex ?? profile.issuers.raFingerprint()
      const replyDer = await codec.seal({ ...frame, raFingerprintHex }, told, profile.scep)
      return { replyDer, outcome }
    } catch (error) {
      const overload = findOverload(error)
      if (overload !== undefined) recordTurnedAway(log, overload)
      if (overload !== undefined || reply.status !== 'SUCCESS') throw overload ?? error
      return await answer(frame, endUnsealed(error, log), context, log)
    }
  }
}

function frameOf(opened: OpenOutcome): ReplyFrame {
  switch (opened.kind) {
    case 'opened':
      return opened.request.frame
    case 'asked':
      return opened.query.frame
    case 'refused':
      return opened.frame
  }
}

/** The text of a FAILURE ends with the requestId that its events carry, for whoever asks support about it (REQ-178). */
function correlate(reply: Reply, requestId: string): Reply {
  if (reply.status !== 'FAILURE') return reply
  const suffix = ` [request ${requestId}]`
  const text = `${reply.refusal.text.slice(0, MAX_FAIL_INFO_TEXT - suffix.length).toWellFormed()}${suffix}`
  return { ...reply, refusal: { ...reply.refusal, text } }
}

/** Accepted by default, but worth a line when somebody looks for the reason of something (REQ-84, REQ-92). */
function recordOddities(request: ScepRequest, now: Date, log: Journal): void {
  if (request.signer.isSelfSigned && !request.signer.hasCsrKey)
    log.debug('operational', 'the self-signed signer has another key than the CSR')
  const { signingTime } = request
  if (signingTime === undefined) return
  const skewSeconds = Math.round((signingTime.getTime() - now.getTime()) / 1000)
  if (Math.abs(skewSeconds) > NOTEWORTHY_SKEW_SECONDS)
    log.debug('operational', `signingTime is ${skewSeconds} seconds off`)
}

/** What a request says about itself, without what would let anybody use it. */
function fieldsOfRequest(
  { messageType, csr }: ScepRequest,
  { challengeHash }: EnrolmentPorts,
): EventFields {
  const { challengePassword, publicKey, subject } = csr
  return {
    messageType,
    subject,
    keyAlgorithm: publicKey.algorithm,
    keySize: publicKey.bits,
    ...(challengePassword === undefined
      ? {}
      : {
          challengeLength: challengePassword.length,
          challengeHash: challengeHash(challengePassword),
        }),
  }
}

/** A message with a transactionID that could not be opened. */
function endUnopened(
  { refusal, frame }: { readonly refusal: ScepRefusal; readonly frame: ReplyFrame },
  log: Journal,
): Ending {
  log.record(events.ScepRequestIssuedFailure, {
    succeeded: false,
    errorMessage: refusal.text,
    hresult: formatHResult(refusal.hResult),
  })
  // What was encrypted by another password is a guess at the challenge, and counts as one.
  return endWithRefusal(refusal, frame.isByPassword ? 'challenge-refused' : 'refused')
}

/** A certificate that is on record and told, but cannot be encrypted to the device. */
function endUnsealed(error: unknown, log: Journal): Ending {
  const code = error instanceof ConnectorError ? error.code : 'internal/bug'
  const refusal = refusalFor(code)
  log.record(events.ScepIssuedFailure, {
    ...fieldsOfRefused({ code, reason: describeError(error), refusal }),
    detail: 'on record, but its reply could not be made',
  })
  return endWithRefusal(refusal, 'failed')
}

async function validate(work: Work, context: EnrolmentContext): Promise<Refused | undefined> {
  const { request, log, profile, ports } = work
  if (work.isApproved || work.isValidated) return undefined
  if (profile.renewal.allowCertificateOnly && request.csr.challengePassword === undefined)
    return await validateByCertificate(work)
  const startedAt = ports.clock.now().getTime()
  const verdict = await profile.validator.validate(
    {
      profile: profile.name,
      requestKey: work.requestKey,
      transactionId: request.frame.transactionId,
      csrDer: request.csr.der,
      challenge: request.csr.challengePassword,
      activityId: context.requestId,
    },
    context.signal,
  )
  const fields: EventFields = {
    activityId: context.requestId,
    serverRequestId: verdict.serverRequestId,
    durationMs: ports.clock.now().getTime() - startedAt,
  }
  if (verdict.kind === 'accepted') {
    log.record(events.ScepVerifySuccess, fields)
    return undefined
  }
  const { code, reason } = verdict
  log.record(events.ScepVerifyFailure, { ...fields, errorCode: code, errorMessage: reason })
  return { code, reason, refusal: refusalForChallenge(code) }
}

/** The old certificate instead of a challenge, where the profile has it so (REQ-137). */
async function validateByCertificate({
  request,
  log,
  profile,
  ports,
}: Work): Promise<Refused | undefined> {
  const { issuers, name, renewal } = profile
  const problem = await checkCertificateOnlyRenewal(
    request,
    issuers.list(),
    ports.certificates,
    { ...renewal, profile: name },
    ports.clock.now(),
  )
  if (problem === undefined) {
    log.record(events.ScepVerifySuccess, {
      detail: 'the certificate to renew speaks for the request',
    })
    return undefined
  }
  const code = 'policy/not-willing'
  log.record(events.ScepVerifyFailure, { errorCode: code, errorMessage: problem })
  return { code, reason: problem, refusal: refusalFor(code, problem) }
}

async function decide(
  work: Work,
  context: EnrolmentContext,
): Promise<
  | { readonly kind: 'accepted'; readonly order: Omit<CertificateOrder, 'serialHex'> }
  | { readonly kind: 'refused'; readonly refused: Refused }
> {
  const { request, log, profile, ports } = work
  const now = ports.clock.now()
  const problem = await checkRenewalSigner(
    request,
    profile.issuers.list(),
    ports.certificates,
    now,
    profile.renewal.graceDays,
  )
  const verdict =
    problem === undefined
      ? await decideByRules(work, context)
      : ({ kind: 'refused', reason: problem } as const)
  if (verdict.kind === 'refused') return { kind: 'refused', refused: refusedByPolicy(verdict) }
  if (verdict.leftOut.length > 0)
    log.debug('operational', `left out by policy: ${verdict.leftOut.join('; ')}`)
  return { kind: 'accepted', order: verdict.order }
}

/** The register would reserve nothing for the key (REQ-121). */
const compromised = {
  kind: 'refused',
  reason: 'a certificate for this key was revoked because the key was compromised',
  about: 'key',
} as const

/** With the code that Windows has for what it is about (REQ-162). */
function refusedByPolicy({
  reason,
  about,
}: Extract<PolicyVerdict, { readonly kind: 'refused' }>): Refused {
  if (about === 'key')
    return { code: 'pki/weak-key', reason, refusal: refusalFor('pki/weak-key', reason) }
  const code = 'policy/not-willing'
  const refusal = refusalFor(code, reason)
  if (about !== 'names') return { code, reason, refusal }
  return { code, reason, refusal: { ...refusal, hResult: HRESULT.CERTSRV_E_BAD_REQUESTSUBJECT } }
}

/** Nobody is to be told, so the request is closed here. */
function recordUnowed({ log }: Work, issued: EventFields): void {
  log.record(events.ScrepRequestSuccess, { ...issued, succeeded: true })
}
