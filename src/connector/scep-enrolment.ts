import { createHash } from 'node:crypto'
import { type EnrolOrder, type EnrolResult, generateSerial, verifyIssued } from '../ca/index.ts'
import { type EventFields, events, type Journal } from '../events/index.ts'
import { type Clock, ConnectorError, describeError, toHex } from '../kernel/index.ts'
import type { CertificateOrder } from '../pki/index.ts'
import { parseCertificate } from '../pki/index.ts'
import {
  type OpenOutcome,
  type ReplyFrame,
  refusalFor,
  refusalForChallenge,
  type ScepCodec,
  type ScepRefusal,
  type ScepRequest,
} from '../scep/index.ts'
import type {
  CertificateRecord,
  CertificateRegister,
  IssuanceIntent,
  IssuedCertificate,
  OwedNotification,
} from '../store/index.ts'
import { checkCertificatePolicy } from './certificate-policy.ts'
import type { Courier } from './courier.ts'
import { failureOf, notificationIdOf, successOf } from './enrolment-notification.ts'
import { oweNotification } from './notification.ts'
import type {
  EnrolmentAnswer,
  EnrolmentContext,
  EnrolmentProfile,
  PayloadCipher,
  ScepEnrolment,
} from './ports.ts'
import { checkRenewalSigner } from './renewal.ts'
import type { Safekeeping } from './safekeeping.ts'
import { createTurns } from './turns.ts'

/** What the enrolment works with; one instance of each serves all profiles. */
export interface EnrolmentPorts {
  readonly codec: ScepCodec
  readonly certificates: CertificateRegister
  readonly safekeeping: Safekeeping
  readonly courier: Courier
  readonly cipher: PayloadCipher
  readonly challengeHash: (challenge: string) => string
  readonly journal: Journal
  readonly clock: Clock
  readonly randomBytes: (length: number) => Uint8Array
  /** Name of this instance: holder of its intents. */
  readonly holder: string
}

/** One request on its way through the steps. */
interface Work {
  readonly request: ScepRequest
  readonly requestKey: string
  readonly log: Journal
  /** From here on a failure is owed to the management service. */
  isValidated: boolean
  /** The serial that an unfinished intent holds. */
  reservedSerial: string | undefined
  /** The certificate and what is owed are written down: whatever fails now, the courier closes the request. */
  isKept: boolean
}

/** Why a request is not served: for the operator, for the register, for the device. */
interface Refused {
  readonly code: string
  readonly reason: string
  readonly refusal: ScepRefusal
}

const INTENT_LEASE_MS = 60_000
const CA_TIMEOUT_MS = 25_000
const STRICT_NOTIFY_MS = 25_000
const OTHER_INSTANCE_WAIT_MS = 20_000
const OTHER_INSTANCE_PAUSE_MS = 200

/**
 * Answers the PKIOperations of one profile. Reads top to bottom as docs/enrolment.md, steps 1 to 9; nothing else
 * decides the order of things.
 */
export function createScepEnrolment(
  profile: EnrolmentProfile,
  ports: EnrolmentPorts,
): ScepEnrolment {
  const { codec, certificates, safekeeping, courier, clock } = ports
  const turns = createTurns()

  return async function enrol(messageDer, context) {
    // 1. Open: outer signature, envelope, CSR and its proof of possession. Bytes without a transactionID are thrown.
    const startedAt = clock.now()
    const opened = await codec.open(messageDer, profile.scep)
    const log = recordReceived(opened, startedAt, context)
    if (opened.kind === 'refused') return await refuseUnopened(opened.frame, opened.refusal, log)
    const { request } = opened
    const requestKey = requestKeyOf(profile.name, request)

    // Twice the same at once: the second waits here for the first, and finds its certificate in step 2.
    return await turns.take(requestKey, async () => {
      const work: Work = {
        request,
        requestKey,
        log,
        isValidated: false,
        reservedSerial: undefined,
        isKept: false,
      }
      try {
        // 2. Same request again? Same certificate, fresh reply: a device retries, an attacker gains nothing.
        const earlier = await findEarlier(work)
        if (earlier !== undefined) return await replay(work, earlier)

        // 3. Validate the challenge. Anything but a clear yes refuses.
        const unwelcome = await validate(work, context)
        if (unwelcome !== undefined) return await refuseChallenge(work, unwelcome)
        work.isValidated = true

        // 4. Would we sign it? Who signs a renewal; key, names, lifetime, extensions.
        const decision = await decide(work)
        if (decision.kind === 'refused') return await refuse(work, decision.refused)

        // 5. Write down what is about to be signed: a crash leaves a record, and a serial that stays taken.
        const reserved = await reserve(work, decision.order)
        if (reserved.kind === 'taken') return await replay(work, reserved.record)
        const { intent } = reserved
        work.reservedSerial = intent.order.serialHex

        // 6. Sign, and look at what came back before anybody else sees it.
        const certificateDer = await sign(work, intent)

        // 7. Keep the certificate and, in the same transaction, what the management service is owed.
        const issued = describeIssued(intent, certificateDer, clock.now())
        const owed = await oweSuccess(work, issued)
        const keptIn = await safekeeping.keepCompletion(intent, issued, owed, log)
        if (keptIn === 'nowhere') return await failUnkept(work)
        work.isKept = true

        // 8. Tell the management service: strict waits for its yes; otherwise the courier sees to it.
        if (owed !== undefined && profile.notifyMode === 'strict') {
          if (!(await isTold(owed.id))) return await takeBack(work, issued, owed.id)
        } else if (owed !== undefined) courier.wake()
        else log.record(events.ScrepRequestSuccess, { ...fieldsOf(issued), succeeded: true })

        // 9. Answer the device.
        return await succeed(request.frame, certificateDer, 'issued')
      } catch (error) {
        return await fail(work, error)
      }
    })
  }

  // Step 1

  function recordReceived(
    opened: OpenOutcome,
    startedAt: Date,
    context: EnrolmentContext,
  ): Journal {
    const frame = opened.kind === 'opened' ? opened.request.frame : opened.frame
    const log = ports.journal.child({
      transactionId: frame.transactionId,
      requestId: context.requestId,
      profile: profile.name,
    })
    log.record(events.ScepRequestReceived, {
      remoteAddress: context.remoteAddress,
      durationMs: clock.now().getTime() - startedAt.getTime(),
      ...(opened.kind === 'opened' ? fieldsOfRequest(opened.request) : {}),
    })
    return log
  }

  function fieldsOfRequest(request: ScepRequest): EventFields {
    const { challengePassword, publicKey, subject } = request.csr
    return {
      messageType: request.messageType,
      subject,
      keyAlgorithm: publicKey.algorithm,
      keySize: publicKey.bits,
      ...(challengePassword === undefined
        ? {}
        : {
            challengeLength: challengePassword.length,
            challengeHash: ports.challengeHash(challengePassword),
          }),
    }
  }

  async function refuseUnopened(
    frame: ReplyFrame,
    refusal: ScepRefusal,
    log: Journal,
  ): Promise<EnrolmentAnswer> {
    log.record(events.ScepRequestIssuedFailure, {
      succeeded: false,
      errorMessage: refusal.text,
      hresult: formatHResult(refusal.hResult),
    })
    return await answerRefusal(frame, refusal, 'refused')
  }

  // Step 2

  async function findEarlier(work: Work): Promise<CertificateRecord | undefined> {
    const record = await certificates.findByRequestKey(work.requestKey, replaySince())
    if (record?.state !== 'reserved' || record.holder !== ports.holder) return record
    // We hold the turn, so an intent of ours is what a crash or the spool left behind.
    await safekeeping.replay()
    const settled = await certificates.findByRequestKey(work.requestKey, replaySince())
    if (settled?.state !== 'reserved') return settled
    await certificates.abandon(settled.order.serialHex, 'left open by a crash', undefined)
    return undefined
  }

  async function replay(work: Work, found: CertificateRecord): Promise<EnrolmentAnswer> {
    const record = await settle(work, found)
    if (record.state === 'revoked' || record.certificateDer === undefined)
      throw new ConnectorError('policy/not-willing', 'the certificate of this request is revoked', {
        told: 'the certificate of this request is revoked',
      })
    if (
      profile.notifier !== undefined &&
      profile.notifyMode === 'strict' &&
      !(await isTold(notificationIdOf(record.order.serialHex)))
    )
      throw new ConnectorError(
        'intune/unavailable',
        'the success of this request could not be notified yet, and the profile is strict',
      )
    work.log.debug('operational', 'answered with the certificate issued before', {
      serialNumber: record.order.serialHex,
      replayed: true,
    })
    return await succeed(work.request.frame, record.certificateDer, 'replayed')
  }

  /** Another instance is at it: wait for it, as long as a device waits. */
  async function settle(work: Work, found: CertificateRecord): Promise<CertificateRecord> {
    const deadline = clock.now().getTime() + OTHER_INSTANCE_WAIT_MS
    for (let record = found; ; ) {
      if (record.state !== 'reserved') return record
      if (clock.now().getTime() > deadline)
        throw new ConnectorError(
          'store/conflict',
          'another instance is still working on this request',
          {
            isTransient: true,
          },
        )
      await new Promise((resolve) => setTimeout(resolve, OTHER_INSTANCE_PAUSE_MS))
      const next = await certificates.findByRequestKey(work.requestKey, replaySince())
      if (next === undefined)
        throw new ConnectorError('store/conflict', 'another instance gave this request up', {
          isTransient: true,
        })
      record = next
    }
  }

  // Step 3

  async function validate(work: Work, context: EnrolmentContext): Promise<Refused | undefined> {
    const startedAt = clock.now().getTime()
    const { request, log } = work
    const verdict = await profile.validator.validate(
      {
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
      durationMs: clock.now().getTime() - startedAt,
    }
    if (verdict.kind === 'accepted') {
      log.record(events.ScepVerifySuccess, fields)
      return undefined
    }
    log.record(events.ScepVerifyFailure, {
      ...fields,
      errorCode: verdict.code,
      errorMessage: verdict.reason,
    })
    return {
      code: verdict.code,
      reason: verdict.reason,
      refusal: refusalForChallenge(verdict.code),
    }
  }

  async function refuseChallenge(work: Work, refused: Refused): Promise<EnrolmentAnswer> {
    await safekeeping.keepRefusal(refusalRecord(work, refused), undefined, work.log)
    recordNotIssued(work, refused)
    return await answerRefusal(work.request.frame, refused.refusal, 'challenge-refused')
  }

  // Step 4

  async function decide(
    work: Work,
  ): Promise<
    | { readonly kind: 'accepted'; readonly order: Omit<CertificateOrder, 'serialHex'> }
    | { readonly kind: 'refused'; readonly refused: Refused }
  > {
    const { request, log } = work
    const now = clock.now()
    const problem = await checkRenewalSigner(request, profile.ca, certificates, now)
    const verdict =
      problem === undefined
        ? checkCertificatePolicy(request.csr, profile.certificate, now)
        : ({ kind: 'refused', reason: problem } as const)
    if (verdict.kind === 'refused')
      return {
        kind: 'refused',
        refused: {
          code: 'policy/not-willing',
          reason: verdict.reason,
          refusal: refusalFor('policy/not-willing', verdict.reason),
        },
      }
    if (verdict.leftOut.length > 0)
      log.debug('operational', `left out by policy: ${verdict.leftOut.join('; ')}`)
    return { kind: 'accepted', order: verdict.order }
  }

  // Step 5

  async function reserve(work: Work, order: Omit<CertificateOrder, 'serialHex'>) {
    const { request, requestKey } = work
    const now = clock.now()
    const intent: IssuanceIntent = {
      requestKey,
      caId: profile.ca.id,
      profile: profile.name,
      transactionId: request.frame.transactionId,
      subject: request.csr.subject,
      order: { ...order, serialHex: generateSerial(ports.randomBytes) },
      reservedAt: now,
    }
    const leaseUntil = new Date(now.getTime() + INTENT_LEASE_MS)
    const result = await certificates.reserve(intent, ports.holder, leaseUntil, replaySince())
    return result.kind === 'taken' ? result : ({ kind: 'reserved', intent } as const)
  }

  // Step 6

  async function sign(work: Work, intent: IssuanceIntent): Promise<Uint8Array> {
    const startedAt = clock.now().getTime()
    const result = await enrolAtCa({
      requestKey: work.requestKey,
      csrDer: work.request.csr.der,
      certificate: intent.order,
      parameters: profile.caParameters,
      attempt: 1,
    })
    if (result.status === 'denied')
      throw new ConnectorError('ca/refused', `the CA refuses: ${result.code} ${result.message}`)
    if (result.status === 'pending')
      throw new ConnectorError(
        'ca/refused',
        'the CA keeps the request pending, which is not supported',
      )
    verifyIssued(result.certificateDer, intent.order, await profile.ca.chain())
    work.log.record(events.ScepIssuedSuccess, {
      caId: profile.ca.id,
      subject: intent.subject,
      serialNumber: intent.order.serialHex,
      durationMs: clock.now().getTime() - startedAt,
    })
    return result.certificateDer
  }

  async function enrolAtCa(order: EnrolOrder): Promise<EnrolResult> {
    try {
      return await profile.ca.enrol(order, AbortSignal.timeout(CA_TIMEOUT_MS))
    } catch (error) {
      if (!(error instanceof ConnectorError) || error.code !== 'ca/unknown-outcome') throw error
      const found = await profile.ca.find(order, AbortSignal.timeout(CA_TIMEOUT_MS))
      if (found === undefined) throw error
      return found
    }
  }

  // Step 7

  async function oweSuccess(
    work: Work,
    issued: IssuedCertificate,
  ): Promise<OwedNotification | undefined> {
    if (profile.notifier === undefined) return undefined
    const notification = await successOf(work.request, issued, profile.ca)
    return {
      ...oweNotification(notification, profile.name, ports.cipher, clock.now()),
      id: notificationIdOf(issued.serialHex),
    }
  }

  /** Neither the store nor the disk took the certificate: what is not on record does not leave the house. */
  async function failUnkept(work: Work): Promise<EnrolmentAnswer> {
    work.log.record(events.ScepRequestUploadFailure, {
      succeeded: false,
      errorCode: 'spool/unavailable',
      errorMessage: 'the certificate could not be kept and was not handed out',
    })
    return await answerRefusal(work.request.frame, refusalFor('spool/unavailable'), 'failed')
  }

  // Step 8

  async function isTold(notificationId: string): Promise<boolean> {
    return await courier.deliverNow(notificationId, AbortSignal.timeout(STRICT_NOTIFY_MS))
  }

  async function takeBack(
    work: Work,
    issued: IssuedCertificate,
    notificationId: string,
  ): Promise<EnrolmentAnswer> {
    // A round of the courier may have had its yes in the meantime.
    if (!(await courier.withdraw(notificationId)))
      return await succeed(work.request.frame, issued.certificateDer, 'issued')
    await profile.ca.revoke(
      {
        serialHex: issued.serialHex,
        reason: 5,
        at: clock.now(),
        certificateDer: issued.certificateDer,
      },
      AbortSignal.timeout(CA_TIMEOUT_MS),
    )
    work.log.record(events.OrphanCertificateRevoked, {
      ...fieldsOf(issued),
      detail: 'strict: the success could not be notified, so the certificate was not handed out',
    })
    return await answerRefusal(work.request.frame, refusalFor('intune/unavailable'), 'failed')
  }

  // Step 9

  async function succeed(
    frame: ReplyFrame,
    certificateDer: Uint8Array,
    outcome: 'issued' | 'replayed',
  ): Promise<EnrolmentAnswer> {
    const chainDer = profile.scep.replyChain === 'none' ? [] : await profile.ca.chain()
    const reply = { status: 'SUCCESS', certificateDer, chainDer } as const
    return { replyDer: await codec.seal(frame, reply, profile.scep), outcome }
  }

  async function answerRefusal(
    frame: ReplyFrame,
    refusal: ScepRefusal,
    outcome: 'challenge-refused' | 'refused' | 'failed',
  ): Promise<EnrolmentAnswer> {
    return {
      replyDer: await codec.seal(frame, { status: 'FAILURE', refusal }, profile.scep),
      outcome,
    }
  }

  // When it comes to nothing

  /** A validated request that we do not serve: kept, told to the management service, and to the device. */
  async function refuse(work: Work, refused: Refused): Promise<EnrolmentAnswer> {
    const { log, request } = work
    log.record(work.isValidated ? events.ScepIssuedFailure : events.ScepVerifyFailure, {
      caId: profile.ca.id,
      errorCode: refused.code,
      errorMessage: refused.reason,
      hresult: formatHResult(refused.refusal.hResult),
    })
    const owed =
      work.isValidated && profile.notifier !== undefined
        ? oweNotification(
            failureOf(request, refused.refusal),
            profile.name,
            ports.cipher,
            clock.now(),
          )
        : undefined
    const keptIn = await keepFailure(work, refused, owed)
    // Somebody must close the request with its one Admin event: the courier where it has something to deliver.
    if (owed === undefined) recordNotIssued(work, refused)
    else if (keptIn === 'nowhere') log.record(events.ScepRequestUploadFailure, { succeeded: false })
    else courier.wake()
    return await answerRefusal(request.frame, refused.refusal, 'failed')
  }

  async function keepFailure(work: Work, refused: Refused, owed: OwedNotification | undefined) {
    if (work.reservedSerial !== undefined)
      return await safekeeping.keepAbandonment(work.reservedSerial, refused.reason, owed, work.log)
    return await safekeeping.keepRefusal(refusalRecord(work, refused), owed, work.log)
  }

  async function fail(work: Work, error: unknown): Promise<EnrolmentAnswer> {
    const failure =
      error instanceof ConnectorError
        ? error
        : new ConnectorError('internal/bug', 'unexpected failure of an enrolment', { cause: error })
    if (failure.code.startsWith('worker/')) {
      // Overload is not an answer about this request: HTTP 503, and the device comes again.
      if (work.reservedSerial !== undefined && !work.isKept)
        await safekeeping.keepAbandonment(work.reservedSerial, failure.code, undefined, work.log)
      throw failure
    }
    if (work.isKept) {
      work.log.debug('operational', `kept, but not handed out: ${describeError(failure)}`)
      return await answerRefusal(work.request.frame, refusalFor(failure.code), 'failed')
    }
    return await refuse(work, {
      code: failure.code,
      reason: describeError(failure),
      refusal: refusalFor(failure.code, failure.told),
    })
  }

  function recordNotIssued(work: Work, refused: Refused): void {
    work.log.record(events.ScepRequestIssuedFailure, {
      succeeded: false,
      subject: work.request.csr.subject,
      errorCode: refused.code,
      errorMessage: refused.reason,
      hresult: formatHResult(refused.refusal.hResult),
    })
  }

  function refusalRecord(work: Work, refused: Refused) {
    return {
      at: clock.now(),
      requestKey: work.requestKey,
      profile: profile.name,
      transactionId: work.request.frame.transactionId,
      subject: work.request.csr.subject,
      code: refused.code,
      reason: refused.reason,
    }
  }

  function replaySince(): Date {
    return new Date(clock.now().getTime() - profile.replayWindowMs)
  }
}

/** Same profile, transactionID, CSR and signer: the same request (REQ-143). Each part is hashed or of fixed length. */
function requestKeyOf(profile: string, request: ScepRequest): string {
  return createHash('sha256')
    .update(`${profile}\0`)
    .update(createHash('sha256').update(request.frame.transactionIdDer).digest())
    .update(request.csrSha256Hex)
    .update(request.signer.sha256Hex)
    .digest('hex')
}

function describeIssued(
  intent: IssuanceIntent,
  certificateDer: Uint8Array,
  issuedAt: Date,
): IssuedCertificate {
  return {
    serialHex: intent.order.serialHex,
    certificateDer,
    thumbprintHex: toHex(createHash('sha1').update(certificateDer).digest()),
    notAfter: parseCertificate(certificateDer).notAfter,
    issuedAt,
  }
}

function fieldsOf(issued: IssuedCertificate): EventFields {
  return {
    serialNumber: issued.serialHex,
    thumbprint: issued.thumbprintHex,
    notAfter: issued.notAfter,
  }
}

/** As Microsoft's tools print it: `0x80070057`. */
function formatHResult(hResult: number): string {
  return `0x${(hResult >>> 0).toString(16).toUpperCase().padStart(8, '0')}`
}
