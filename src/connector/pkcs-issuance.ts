import type { CaBackend } from '../ca/index.ts'
import { type EventFields, events } from '../events/index.ts'
import { ConnectorError, describeError } from '../kernel/index.ts'
import type { PkcsRequest, PkcsValue, WorkErrorCode } from '../management/index.ts'
import { type Certificate, type CertificateOrder, findExtension, OID } from '../pki/index.ts'
import { caConfigurationOf } from './ca-configuration.ts'
import {
  type Begun,
  begin,
  describeForRegister,
  type IssuingPorts,
  type Keyless,
  reserve,
  resume,
  signBegun,
  takeBackBegun,
} from './pkcs/issued-for-work.ts'
import { endKeyless } from './pkcs/keyless-request.ts'
import {
  judgeReceivers,
  type PayloadPorts,
  type Receiver,
  sealForConnectors,
  sealForDevice,
} from './pkcs/pkcs-payload.ts'
import { decidePkcs, isKnownAuthority, type PkcsTemplate } from './pkcs/pkcs-policy.ts'
import type { WorkHandler, WorkTask, WorkVerdict } from './work/work-handler.ts'

/** What the issuance for devices that make no keys needs. */
export interface PkcsPorts extends IssuingPorts, PayloadPorts {
  /** What may be asked for. */
  readonly templates: readonly PkcsTemplate[]
  /** Requests that are worked on at a time at one CA, unless that bears fewer. */
  readonly parallel: number
}

type Task = WorkTask<'pkcs'>
type Verdict = WorkVerdict<'pkcs'>

/** With which DigiCert's CA is named in a profile. */
const DIGICERT_NAME = 'symantec'

const KEY_IS_LOST = 'the key that was made for this certificate is not here any more'

/** Refusals that no repetition changes. */
class Final extends Error {
  readonly errorCode: WorkErrorCode

  constructor(errorCode: WorkErrorCode, reason: string) {
    super(reason)
    this.errorCode = errorCode
  }
}

/**
 * Makes a key pair and a certificate for a device, and seals both for it. What cannot be undone comes after its intent is
 * written down: after a crash the same item gets the same certificate, or that is revoked.
 *
 * Events 1032, 1050 to 1052, 66 while the CA lets a request wait, and 61 for a certificate that nobody gets.
 *
 * @see pfx.md, 1 and 10.7
 */
export function createPkcsIssuance(ports: PkcsPorts): WorkHandler<'pkcs'> {
  const { templates, authorities, certificates, clock } = ports

  async function carryOut(task: Task): Promise<Verdict> {
    const startedAt = clock.now()
    let begun: Begun | undefined
    let fields: EventFields = {}
    try {
      const { device, escrow } = judge(task.request)
      const decision = decide(task.request, startedAt)

      // 4. Authority: who signs is for the configuration to say; what another provider is to do is not done by this one.
      const ca = findAuthority(task, decision.template)
      fields = { caId: ca.id, caProvider: ca.kind }

      // 5. Key: made here, and written down, sealed, with all that is about to be signed.
      const earlier = await resume(task, ports)
      if (earlier !== undefined && 'kind' in earlier)
        return await endWithoutKey(task, earlier, decision.order, ca, fields)
      begun = earlier ?? (await begin(task, decision, ca, ports))
      const signer = authorities.find(begun.caId) ?? ca

      // 6. Intent: the serial number is taken in the register. A crash leaves a record, and the next attempt goes on.
      const intent = await reserve(begun, task.request, ports)

      // 7. Sign: and look at what came back before anybody else sees it.
      const signed = await signBegun(task, begun, signer, ports)
      if (signed.kind === 'waits') return waitFor(task, signed, fields)
      const { certificate, backendRef } = signed
      const issued = describeForRegister(certificate, backendRef, clock.now())

      // 8. Keep: in the register, so that it can be found and revoked whatever happens next.
      await certificates.complete(intent, issued, undefined)
      fields = { ...fields, ...describeCertificate(certificate, issued.thumbprintHex) }
      const durationMs = clock.now().getTime() - startedAt.getTime()
      task.log.record(events.PkcsIssuedSuccess, { ...fields, durationMs })

      // 9. Seal: key and certificate under a random password, the password for the device; a copy for connectors.
      const value = await pack(task, begun, certificate, signer, device, escrow)
      const end = { ...value, caRequestId: backendRef, thumbprintHex: issued.thumbprintHex }
      return { end: { succeeded: true, value: end }, isPassing: false, fields }
    } catch (error) {
      return fail(task, error, fields)
    } finally {
      // 10. Forget: the key in the clear. What is kept of it is sealed, and wiped when the service has the result.
      begun?.keyDer.fill(0)
    }
  }

  /** The key was made and is not here: nobody can use what the CA issues, so that is revoked, and the item ends. */
  async function endWithoutKey(
    task: Task,
    { caRequestId, order }: Keyless,
    asked: Omit<CertificateOrder, 'spkiDer' | 'serialHex'>,
    ca: CaBackend,
    fields: EventFields,
  ): Promise<Verdict> {
    const retryAfterMs =
      caRequestId === undefined
        ? undefined
        : await endKeyless({ caRequestId, order: order ?? asked }, ca, ports, task.log, task.signal)
    if (caRequestId !== undefined && retryAfterMs !== undefined)
      return waitFor(task, { caRequestId, retryAfterMs }, fields, KEY_IS_LOST)
    throw new Final('CryptographyError', `${KEY_IS_LOST}: ask for a new one`)
  }

  // 1. Receiver: before there is a key, whether the one who is to have it may.
  // 2. Escrow: and whether those that are to keep a copy are connectors of ours.
  function judge(request: PkcsRequest) {
    const verdict = judgeReceivers(request, ports, clock.now())
    if (verdict.kind === 'refused')
      throw new Final(
        verdict.isUnsupported ? 'NotSupportedError' : 'CryptographyError',
        verdict.reason,
      )
    const { device, escrow } = verdict
    if (device === undefined) throw new Final('CryptographyError', 'it names no receiver')
    return { device, escrow }
  }

  // 3. Policy: template, key, names, purposes and lifetime, within what is configured.
  function decide(request: PkcsRequest, now: Date) {
    const decision = decidePkcs(request, templates, now)
    if (decision.kind === 'refused') throw new Final(decision.errorCode, decision.reason)
    return decision
  }

  function findAuthority({ request, progress, log }: Task, template: PkcsTemplate): CaBackend {
    const { caProvider, certificationAuthorityName: name } = request
    const provider =
      caProvider === 'auto' && name.toLowerCase() === DIGICERT_NAME ? 'digicert' : caProvider
    const ca = authorities.current(template.ca)
    if (ca === undefined)
      throw new ConnectorError('ca/misconfigured', `there is no CA ${template.ca}`)
    if (provider === 'digicert' && progress === undefined) log.record(events.PkcsDigiCertRequest)
    if (provider !== 'auto' && provider !== 'external' && provider !== ca.kind)
      throw new Final(
        'NotSupportedError',
        `the request is for ${provider}; CA ${ca.id} of pkcs.templates is ${ca.kind}`,
      )
    return ca
  }

  async function pack(
    { request, requestContext }: Task,
    { keyDer }: Begun,
    certificate: Certificate,
    ca: CaBackend,
    device: Receiver,
    escrow: readonly Certificate[],
  ): Promise<Omit<PkcsValue, 'caRequestId' | 'thumbprintHex'>> {
    const { deviceId } = request
    const content = { keyDer, certificateDer: certificate.der, chain: await ca.chain(), deviceId }
    return {
      caConfiguration: caConfigurationOf(ca.id),
      certificateDer: certificate.der,
      serialHex: certificate.serialHex,
      issuerName: certificate.issuer,
      notBefore: certificate.notBefore,
      notAfter: certificate.notAfter,
      payload: sealForDevice(content, requestContext, request.payload, device, ports),
      escrowPayload: sealForConnectors(content, escrow, ports),
    }
  }

  return {
    kind: 'pkcs',
    events: {
      downloaded: events.PkcsDownloadSuccess,
      downloadFailed: events.PkcsDownloadFailure,
      received: events.PkcsDownloadedRequest,
      uploaded: events.PkcsUploadSuccess,
      uploadFailed: events.PkcsUploadFailure,
      uploadedEach: events.PkcsUploadedRequest,
      succeeded: events.PkcsRequestSuccess,
      failed: events.PkcsRequestFailure,
    },
    notOurs: 'caUnreachable',
    // What is for another CA goes back to the queue, for a connector that has it.
    isOurs: async (request) => isKnownAuthority(request, templates),
    async laneOf(request) {
      const decision = decidePkcs(request, templates, clock.now())
      const ca =
        decision.kind === 'accepted' ? authorities.current(decision.template.ca) : undefined
      if (ca === undefined) return { name: 'refused', parallel: 1 }
      return { name: ca.id, parallel: Math.min(ports.parallel, ca.capabilities.maxParallel) }
    },
    describe: (request) => ({
      deviceId: request.deviceId,
      userId: request.userId,
      userPrincipalName: request.userPrincipalName,
      profileId: request.profileId,
      platform: request.platform,
      certificateType: request.certificateType,
      caProvider: request.caProvider,
      caName: request.certificationAuthorityName,
      caConfiguration: `${request.certificationAuthority}\\${request.certificationAuthorityName}`,
      templateName: request.certificateTemplateName,
      subject: request.subjectName,
    }),
    carryOut,
    takeBack: async (surplus) => await takeBackBegun(surplus, ports),
  }
}

function describeCertificate(certificate: Certificate, thumbprint: string): EventFields {
  const { serialHex: serialNumber, subject, notBefore, notAfter, publicKey } = certificate
  const hasSid = findExtension(certificate.extensions, OID.ntdsCaSecurity) !== undefined
  return {
    subject,
    serialNumber,
    thumbprint,
    notBefore,
    notAfter,
    keyAlgorithm: publicKey.algorithm,
    keySize: publicKey.bits,
    sidExtension: hasSid,
  }
}

/** No failure: the service offers the item again, and this request is asked about. */
function waitFor(
  { log }: Task,
  { caRequestId, retryAfterMs }: { readonly caRequestId: string; readonly retryAfterMs: number },
  fields: EventFields,
  detail?: string,
): Verdict {
  const told = { ...fields, caRequestId }
  log.record(events.CaRequestWaiting, { ...told, detail })
  return {
    end: {
      succeeded: false,
      errorCode: 'ServiceUnavailableException',
      errorMessage: 'the CA has not decided yet',
    },
    isPassing: true,
    fields: told,
    waitsFor: { caRequestId, retryAfterMs },
  }
}

function fail(task: Task, error: unknown, fields: EventFields): Verdict {
  const { errorCode, isPassing } = classify(error)
  const errorMessage = error instanceof Final ? error.message : describeError(error)
  const isFinal = !isPassing || task.isLastAttempt
  task.log.record(isFinal ? events.PkcsIssuedFailure : events.PkcsIssuedFailedAttempt, {
    ...fields,
    errorCode,
    errorMessage,
    retryable: isPassing,
  })
  return { end: { succeeded: false, errorCode, errorMessage }, isPassing, fields }
}

/** What the CA cannot do now may pass, also by an administrator's hand; what was decided does not. */
function classify(error: unknown): {
  readonly errorCode: WorkErrorCode
  readonly isPassing: boolean
} {
  if (error instanceof Final) return { errorCode: error.errorCode, isPassing: false }
  // What is no longer ours, and what no code expected, is for the loop.
  if (!(error instanceof ConnectorError) || error.code === 'store/conflict') throw error
  if (error.code === 'ca/unavailable' || error.code === 'ca/unknown-outcome')
    return { errorCode: 'ServiceUnavailableException', isPassing: true }
  if (error.code === 'ca/misconfigured')
    return { errorCode: 'AuthenticationException', isPassing: true }
  if (error.code === 'ca/refused')
    return { errorCode: 'NonRetryableServiceException', isPassing: false }
  return { errorCode: 'RetryableServiceException', isPassing: true }
}
