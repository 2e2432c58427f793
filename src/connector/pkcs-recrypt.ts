import { hash } from 'node:crypto'
import { type CaBackend, type CertificateStatus, isIssuedBy } from '../ca/index.ts'
import { type EventFields, events } from '../events/index.ts'
import { type Clock, ConnectorError, describeError } from '../kernel/index.ts'
import type { PkcsRecryptRequest, WorkErrorCode } from '../management/index.ts'
import { type Certificate, type ContentRecipient, parseCertificate } from '../pki/index.ts'
import type { CertificateRegister } from '../store/index.ts'
import type { EscrowContent } from './pkcs/escrow.ts'
import { withinTime } from './pkcs/issued-for-work.ts'
import { openEscrow } from './pkcs/open-escrow.ts'
import {
  judgeReceivers,
  type PayloadPorts,
  sealForConnectors,
  sealForDevice,
} from './pkcs/pkcs-payload.ts'
import type { WorkHandler, WorkTask, WorkVerdict } from './work/work-handler.ts'

/** What sealing again needs. */
export interface RecryptPorts extends PayloadPorts {
  /**
   * The keys that escrow copies are sealed for, with their certificates.
   *
   * @throws ConnectorError `key/unreadable`
   */
  readonly identities: () => Promise<readonly ContentRecipient[]>
  readonly certificates: Pick<CertificateRegister, 'findByThumbprint'>
  /** CAs whose certificates may have copies, all generations. */
  readonly authorities: () => readonly CaBackend[]
  /** Requests that are worked on at a time. */
  readonly parallel: number
  readonly clock: Clock
}

type Task = WorkTask<'pkcsRecrypt'>
type Verdict = WorkVerdict<'pkcsRecrypt'>

/** Why an item cannot be carried out. `isOpening`: the copy could not be opened; otherwise it could not be sealed. */
class Failure extends Error {
  readonly errorCode: WorkErrorCode
  readonly isOpening: boolean

  constructor(errorCode: WorkErrorCode, reason: string, isOpening = false) {
    super(reason)
    this.errorCode = errorCode
    this.isOpening = isOpening
  }
}

/**
 * Seals the same key and certificate for another key of the device, or for other connectors, from the copy that only
 * connectors open. Repeating does no harm: nothing is kept, nothing is used up.
 *
 * Events 1250 to 1253.
 *
 * @see pfx.md, 1.4 and 10.7
 */
export function createPkcsRecrypt(ports: RecryptPorts): WorkHandler<'pkcsRecrypt'> {
  const { certificates, clock } = ports

  async function carryOut(task: Task): Promise<Verdict> {
    const { request, requestContext, log } = task
    const startedAt = clock.now()
    const fields: EventFields = {
      deviceKeyThumbprint: request.deviceKeyThumbprintHex.toUpperCase(),
    }
    let content: EscrowContent | undefined
    try {
      const { device, escrow } = judge(request)
      content = await open(request)
      log.record(events.PkcsRecryptDecryptSuccess, fields)
      await verify(task, content)

      // 4. Seal: a PFX under a new password for the device, a copy for each connector that is to have one.
      const value = {
        thumbprintHex: request.thumbprintHex,
        payload:
          device === undefined
            ? undefined
            : sealForDevice(content, requestContext, request.payload, device, ports),
        escrowPayload: sealForConnectors(content, escrow, ports),
      }
      const durationMs = clock.now().getTime() - startedAt.getTime()
      log.record(events.PkcsRecryptReencryptSuccess, { ...fields, durationMs })
      return { end: { succeeded: true, value }, isPassing: false, fields }
    } catch (error) {
      return fail(task, error, fields)
    } finally {
      // 5. Forget: the key in the clear.
      content?.keyDer.fill(0)
    }
  }

  // 1. Receivers: before anything is opened, whether those who are to have it may, and whether it is the key asked for.
  function judge(request: PkcsRecryptRequest) {
    if (request.sourceType !== 'pkcs')
      throw new Failure('NotSupportedError', 'imported PFX have no escrow copies', true)
    const verdict = judgeReceivers(request, ports, clock.now())
    if (verdict.kind === 'refused')
      throw new Failure(
        verdict.isUnsupported ? 'NotSupportedError' : 'CryptographyError',
        verdict.reason,
      )
    const { device, escrow } = verdict
    if (device === undefined && escrow.length === 0)
      throw new Failure('ParameterDataInvalidError', 'it names nobody to seal for')
    if (
      device !== undefined &&
      device.thumbprintHex !== request.deviceKeyThumbprintHex.toLowerCase()
    )
      throw new Failure('CryptographyError', 'its receiver is not the device key that it names')
    return { device, escrow }
  }

  // 2. Copy: opened with a key of this connector, the present one or one of before.
  async function open({ escrowPayload }: PkcsRecryptRequest): Promise<EscrowContent> {
    if (escrowPayload === undefined)
      throw new Failure(
        'NotSupportedError',
        'there is no escrow copy: ask for a new certificate instead',
        true,
      )
    const identities = await ports.identities()
    try {
      return openEscrow(escrowPayload, identities)
    } catch (error) {
      if (!(error instanceof ConnectorError)) throw error
      // Another connector may have the key: the service is to offer it again.
      const isElsewhere = error.code === 'key/unknown'
      throw new Failure(
        isElsewhere ? 'RetryableServiceException' : 'CryptographyError',
        describeError(error),
        true,
      )
    }
  }

  // 3. Certificate: the very one that is asked for, for the device that it was issued for, and never one that is revoked.
  async function verify(
    { request: { deviceId, recipients, thumbprintHex }, signal }: Task,
    { certificateDer, deviceId: ownerId }: EscrowContent,
  ): Promise<void> {
    const isForDevice = recipients.length > 0
    // The service names copy and device: whoever has the queue must not get a key for a device of their own.
    if (isForDevice && deviceId.toLowerCase() !== ownerId.toLowerCase())
      throw new Failure('CryptographyError', 'the escrow copy is of another device')
    const digest = thumbprintHex.length === 64 ? 'sha256' : 'sha1'
    if (hash(digest, certificateDer, 'hex') !== thumbprintHex.toLowerCase())
      throw new Failure('CryptographyError', 'the escrow copy is of another certificate')
    const certificate = parseCertificate(certificateDer)
    const { serialHex } = certificate
    const record = await certificates.findByThumbprint(
      hash('sha1', certificateDer, 'hex').toUpperCase(),
    )
    const word = await askIssuer(certificate, signal)
    if (record?.state === 'revoked' || word === 'revoked')
      throw new Failure('ConflictError', `certificate ${serialHex} is revoked`)
    // A copy for connectors is no delivery.
    if (isForDevice && word === 'unknown' && record?.state !== 'issued')
      throw new Failure(
        'RetryableServiceException',
        `whether certificate ${serialHex} is revoked is not known here: its issuer, or the connector that had it issued, can tell`,
      )
  }

  /** What the CA that signed a certificate says of it. */
  async function askIssuer(
    certificate: Certificate,
    signal: AbortSignal,
  ): Promise<CertificateStatus> {
    for (const ca of ports.authorities()) {
      const [issuerDer] = await ca.chain()
      if (issuerDer !== undefined && isIssuedBy(certificate, parseCertificate(issuerDer)))
        return await ca.findStatus(certificate.serialHex, withinTime(signal))
    }
    return 'unknown'
  }

  return {
    kind: 'pkcsRecrypt',
    events: {
      downloaded: events.PkcsRecryptDownloadSuccess,
      downloadFailed: events.PkcsRecryptDownloadFailure,
      received: events.PkcsRecryptDownloadedRequest,
      uploaded: events.PkcsRecryptUploadSuccess,
      uploadFailed: events.PkcsRecryptUploadFailure,
      uploadedEach: events.PkcsRecryptUploadedRequest,
      succeeded: events.PkcsRecryptRequestSuccess,
      failed: events.PkcsRecryptRequestFailure,
    },
    notOurs: 'noKey',
    isOurs: async () => true,
    laneOf: async () => ({ name: 'recrypt', parallel: ports.parallel }),
    describe: (request) => ({
      deviceId: request.deviceId,
      userId: request.userId,
      profileId: request.profileId,
      platform: request.platform,
      thumbprint: request.thumbprintHex.toUpperCase(),
    }),
    carryOut,
  }
}

function fail({ log, isLastAttempt }: Task, error: unknown, fields: EventFields): Verdict {
  const { errorCode, isOpening, isPassing } = classify(error)
  const errorMessage = error instanceof Failure ? error.message : describeError(error)
  const told = { ...fields, errorCode, errorMessage, retryable: isPassing }
  if (isPassing && !isLastAttempt)
    log.debug('operational', `sealing again is tried again: ${errorMessage}`, told)
  else
    log.record(
      isOpening ? events.PkcsRecryptDecryptFailure : events.PkcsRecryptReencryptFailure,
      told,
    )
  return { end: { succeeded: false, errorCode, errorMessage }, isPassing, fields }
}

/** A disk or the store may come back; what was judged does not change. */
function classify(error: unknown): {
  readonly errorCode: WorkErrorCode
  readonly isOpening: boolean
  readonly isPassing: boolean
} {
  if (error instanceof Failure) {
    const { errorCode, isOpening } = error
    return { errorCode, isOpening, isPassing: false }
  }
  if (!(error instanceof ConnectorError)) throw error
  return {
    errorCode: 'RetryableServiceException',
    isOpening: error.code === 'key/unreadable',
    isPassing: true,
  }
}
