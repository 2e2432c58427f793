import type { CaBackend, RevocationReason, RevokeResult } from '../ca/index.ts'
import { type EventFields, events } from '../events/index.ts'
import { type Clock, ConnectorError, describeError } from '../kernel/index.ts'
import type { RevocationRequest, WorkErrorCode } from '../management/index.ts'
import { parseCertificate } from '../pki/index.ts'
import type { CertificateRecord, CertificateRegister } from '../store/index.ts'
import { caConfigurationOf } from './ca-configuration.ts'
import { isSameNameText, listSerialForms } from './revocation-request.ts'
import type { WorkHandler, WorkTask, WorkVerdict } from './work/work-handler.ts'

/** What revocations need. */
export interface RevocationPorts {
  /** The CAs that we answer for, and the name of each as certificates and notifications carry it, RFC 4514. */
  readonly authorities: () => Promise<
    readonly { readonly ca: CaBackend; readonly issuerName: string }[]
  >
  readonly certificates: Pick<CertificateRegister, 'findBySerial'>
  /** Used where the service names none. */
  readonly reason: RevocationReason
  readonly clock: Clock
}

type Verdict = WorkVerdict<'revocation'>

/** A certificate that exists, not an intent. */
type IssuedRecord = CertificateRecord & { readonly certificateDer: Uint8Array }

/** Whose a request is, as far as it can be told. */
type Finding =
  | { readonly kind: 'foreign' }
  | { readonly kind: 'unknown'; readonly ca: CaBackend }
  | { readonly kind: 'found'; readonly ca: CaBackend; readonly record: IssuedRecord }

/** RFC 5280, section 5.3.1. */
const REASONS: Readonly<Record<NonNullable<RevocationRequest['reason']>, RevocationReason>> = {
  unspecified: 0,
  keyCompromise: 1,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
}

/** The progress of an item of which event 3032 tells. */
const PASSED_ON = new Uint8Array([1])

/** Where nobody knows whose an item is, nothing is carried out either. */
const NO_LANE = { name: '', parallel: 1 }

/**
 * Revokes what the management service asks for, at the CA that issued it (docs/queues.md). Revoking twice is success.
 * Events 3050, or 3051 and 3052: Microsoft exchanged their meanings against those of issuance; 3032 before them where the
 * CA is DigiCert's.
 */
export function createRevocation(ports: RevocationPorts): WorkHandler<'revocation'> {
  const { certificates, clock } = ports

  // 1. Whose: the queue is that of the whole tenant. What names another CA, or nothing of ours, is not answered.
  async function find(request: RevocationRequest): Promise<Finding> {
    const { caConfiguration, issuerName } = request
    const isIssuer = (name: string): boolean =>
      issuerName === undefined || isSameNameText(issuerName, name)
    let unknown: CaBackend | undefined
    for (const { ca, issuerName: ourName } of await ports.authorities()) {
      const isConfiguration = caConfiguration === caConfigurationOf(ca.id)
      if (caConfiguration !== undefined && !isConfiguration) continue
      const record = await findRecord(ca, request)
      if (record !== undefined && isIssuer(parseCertificate(record.certificateDer).issuer))
        return { kind: 'found', ca, record }
      // Only both names together say that it must be here: one alone may be the same elsewhere in the tenant.
      if (isConfiguration && issuerName !== undefined && isIssuer(ourName)) unknown = ca
    }
    return unknown === undefined ? { kind: 'foreign' } : { kind: 'unknown', ca: unknown }
  }

  // 2. Find: by its serial, in whatever form it comes; hexadecimal first, as we reported it.
  async function findRecord(
    ca: CaBackend,
    { serialNumber }: RevocationRequest,
  ): Promise<IssuedRecord | undefined> {
    for (const serialHex of listSerialForms(serialNumber)) {
      const record = await certificates.findBySerial(ca.id, serialHex)
      const certificateDer = record?.certificateDer
      if (record !== undefined && certificateDer !== undefined) return { ...record, certificateDer }
    }
    return undefined
  }

  async function carryOut(task: WorkTask<'revocation'>): Promise<Verdict> {
    const { request, log } = task
    const finding = await find(request)
    // The CA was here when the item came. A final answer would take the item from whoever has that CA.
    if (finding.kind === 'foreign')
      return failAttempt(
        task,
        'RetryableServiceException',
        'this connector has no such CA any more',
        {},
      )
    const { ca } = finding
    const fields: EventFields = { caId: ca.id, caConfiguration: caConfigurationOf(ca.id) }
    if (finding.kind === 'unknown')
      return fail(task, 'CertificateNotFoundError', `CA ${ca.id} has no such certificate`, fields)
    const { record } = finding
    const serialHex = record.issuedSerialHex ?? record.order.serialHex
    const known: EventFields = {
      ...fields,
      serialNumber: serialHex,
      subject: record.subject,
      thumbprint: record.thumbprintHex,
    }
    if (!ca.capabilities.revoke)
      return fail(task, 'NotSupportedError', `CA ${ca.id} cannot revoke`, known)
    if (ca.kind === 'digicert') await recordPassedOn(task, known)

    // 3. Revoke: at the CA, which also publishes that it is so. What it cannot do now is tried again.
    const startedAt = clock.now()
    let result: RevokeResult
    try {
      result = await ca.revoke(
        {
          serialHex,
          reason: request.reason === undefined ? ports.reason : REASONS[request.reason],
          at: startedAt,
          certificateDer: record.certificateDer,
          ...(record.backendRef === undefined ? {} : { backendRef: record.backendRef }),
        },
        task.signal,
      )
    } catch (error) {
      // Whatever it is, the certificate must be revoked in the end.
      return failAttempt(task, passingCodeOf(error), describeError(error), known)
    }

    // 4. Say: revoked before is revoked; what the CA does not know or cannot do is final.
    if (!('at' in result)) {
      const isUnknown = result.status === 'notFound'
      const code = isUnknown ? 'CertificateNotFoundError' : 'NotSupportedError'
      return fail(task, code, result.message, known)
    }
    const alreadyRevoked = result.status === 'alreadyRevoked'
    const durationMs = clock.now().getTime() - startedAt.getTime()
    const detail = alreadyRevoked
      ? `it was revoked before, at ${result.at.toISOString()}`
      : undefined
    log.record(events.RevokeSuccess, { ...known, durationMs, detail })
    return {
      end: { succeeded: true, value: { revokedAt: result.at, alreadyRevoked } },
      isPassing: false,
      fields: { ...known, detail },
    }
  }

  return {
    kind: 'revocation',
    events: {
      downloaded: events.RevokeDownloadSuccess,
      downloadFailed: events.RevokeDownloadFailure,
      received: events.RevokeDownloadedRequest,
      uploaded: events.RevokeUploadSuccess,
      uploadFailed: events.RevokeUploadFailure,
      uploadedEach: events.RevokeUploadedRequest,
      succeeded: events.RevokeRequestSuccess,
      failed: events.RevokeRequestFailure,
    },
    notOurs: 'caUnreachable',
    isOurs: async (request) => (await find(request)).kind !== 'foreign',
    async laneOf(request) {
      const finding = await find(request)
      if (finding.kind === 'foreign') return NO_LANE
      return { name: finding.ca.id, parallel: finding.ca.capabilities.maxParallel }
    },
    describe: ({ serialNumber, issuerName, caConfiguration, deviceId, userId }) => ({
      serialNumber,
      caName: issuerName,
      caConfiguration,
      deviceId,
      userId,
    }),
    carryOut,
  }
}

/** Event 3032, which belongs to the item: further attempts do not repeat it. */
async function recordPassedOn(task: WorkTask<'revocation'>, fields: EventFields): Promise<void> {
  if (task.progress !== undefined) return
  task.log.record(events.RevokeDigicertRequest, fields)
  await task.keep(PASSED_ON)
}

/** A failure that trying again does not change. */
function fail(
  { log }: WorkTask<'revocation'>,
  errorCode: WorkErrorCode,
  errorMessage: string,
  fields: EventFields,
): Verdict {
  log.record(events.RevokeFailure, { ...fields, errorCode, errorMessage, retryable: false })
  return { end: { succeeded: false, errorCode, errorMessage }, isPassing: false, fields }
}

/** A failure that may pass. */
function failAttempt(
  { log, isLastAttempt }: WorkTask<'revocation'>,
  errorCode: WorkErrorCode,
  errorMessage: string,
  fields: EventFields,
): Verdict {
  log.record(isLastAttempt ? events.RevokeFailure : events.RevokeFailedAttempt, {
    ...fields,
    errorCode,
    errorMessage,
    retryable: true,
  })
  return { end: { succeeded: false, errorCode, errorMessage }, isPassing: true, fields }
}

function passingCodeOf(error: unknown): WorkErrorCode {
  if (!(error instanceof ConnectorError)) return 'RetryableServiceException'
  if (error.code === 'ca/unavailable') return 'ServiceUnavailableException'
  if (error.code === 'ca/misconfigured') return 'AuthenticationException'
  return 'RetryableServiceException'
}
