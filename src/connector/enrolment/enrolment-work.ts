import { createHash } from 'node:crypto'
import type { CaBackend } from '../../ca/index.ts'
import { type EventFields, events, type Journal } from '../../events/index.ts'
import { type Clock, ConnectorError } from '../../kernel/index.ts'
import type { Reply, ScepCodec, ScepRefusal, ScepRequest } from '../../scep/index.ts'
import type {
  CertificateRegister,
  CrlRegister,
  IssuedCertificate,
  PendingRecord,
  PendingRequests,
} from '../../store/index.ts'
import type { Courier } from '../courier.ts'
import type {
  EnrolmentAnswer,
  EnrolmentContext,
  EnrolmentProfile,
  PayloadCipher,
} from '../ports.ts'
import type { Safekeeping } from '../safekeeping.ts'

/** What the enrolment works with; one instance of each serves all profiles. */
export interface EnrolmentPorts {
  readonly codec: ScepCodec
  readonly certificates: CertificateRegister
  /** Keys that are never certified: SHA-256 over the SubjectPublicKeyInfo, upper-case hexadecimal (REQ-121). */
  readonly blockedKeys: ReadonlySet<string>
  readonly crls: Pick<CrlRegister, 'current'>
  readonly pending: PendingRequests
  /** Takes work that goes on after its device was answered; it is waited for when the connector stops. */
  readonly background: (work: Promise<unknown>) => void
  readonly safekeeping: Safekeeping
  readonly courier: Courier
  readonly cipher: PayloadCipher
  readonly challengeHash: (challenge: string) => string
  readonly journal: Journal
  readonly clock: Clock
  readonly randomBytes: (length: number) => Uint8Array
  /** Name of this instance: holder of its intents. No two processes that run may share it. */
  readonly holder: string
}

/** One request on its way through the steps, and what they need. */
export interface Work {
  readonly profile: EnrolmentProfile
  readonly ports: EnrolmentPorts
  /** Who signs this request: the generation of the profile's CA that it was encrypted to. */
  readonly ca: CaBackend
  readonly request: ScepRequest
  /** The same for the same request, on every instance. */
  readonly requestKey: string
  /** Of the request that brought it about; its notification carries it too. */
  readonly requestId: string
  readonly log: Journal
  /** Of the URL that the request came by first: a poll by another URL does not choose other rules. */
  urlParams: EnrolmentContext['urlParams']
  /** An operator approved it: no challenge is asked for. */
  isApproved: boolean
  /** Where it waits, or has waited. */
  pending: PendingRecord | undefined
  /** From here on a failure is owed to the management service. */
  isValidated: boolean
  /** The serial that an unfinished intent holds. */
  reservedSerial: string | undefined
  /** What the CA made and nobody may have: revoked when the request is closed. */
  orphanDer: Uint8Array | undefined
  /**
   * What became of the request is on record, and its Admin event is written or owed: whatever fails now changes neither.
   */
  isSettled: boolean
}

/** Why a request is not served: for the operator, for the register, for the device. */
export interface Refused {
  readonly code: string
  readonly reason: string
  readonly refusal: ScepRefusal
}

/** How a request ends: what step 9 tells the device. */
export interface Ending {
  readonly reply: Reply
  readonly outcome: EnrolmentAnswer['outcome']
}

/** A request that was opened and not looked at yet. */
export function beginWork(
  profile: EnrolmentProfile,
  ports: EnrolmentPorts,
  request: ScepRequest,
  { requestId, urlParams }: Pick<EnrolmentContext, 'requestId' | 'urlParams'>,
  log: Journal,
): Work {
  return {
    profile,
    ports,
    ca: profile.issuers.backendFor(request.frame.raFingerprintHex),
    request,
    requestKey: requestKeyOf(profile.name, request),
    requestId,
    log,
    urlParams,
    isApproved: false,
    pending: undefined,
    isValidated: false,
    reservedSerial: undefined,
    orphanDer: undefined,
    isSettled: false,
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

/** Requests reserved since then are answered again with the same certificate. */
export function replaySince({ ports, profile }: Work): Date {
  return new Date(ports.clock.now().getTime() - profile.replayWindowMs)
}

/** The device gets this certificate, with as much of the chain as the profile says. */
export async function endWithCertificate(
  { profile, ca }: Pick<Work, 'profile' | 'ca'>,
  certificateDer: Uint8Array,
  outcome: 'issued' | 'replayed',
): Promise<Ending> {
  const chainDer = profile.scep.replyChain === 'none' ? [] : await ca.chain()
  return { reply: { status: 'SUCCESS', certificateDer, chainDer }, outcome }
}

/** The device gets a FAILURE. */
export function endWithRefusal(
  refusal: ScepRefusal,
  outcome: 'challenge-refused' | 'refused' | 'failed',
): Ending {
  return { reply: { status: 'FAILURE', refusal }, outcome }
}

/** What events tell of a certificate. */
export function fieldsOfIssued(issued: IssuedCertificate): EventFields {
  return {
    serialNumber: issued.serialHex,
    thumbprint: issued.thumbprintHex,
    notAfter: issued.notAfter,
  }
}

/** What events tell of a refusal. */
export function fieldsOfRefused({ code, reason, refusal }: Refused): EventFields {
  return { errorCode: code, errorMessage: reason, hresult: formatHResult(refusal.hResult) }
}

/** As Microsoft's tools print it: `0x80070057`. */
export function formatHResult(hResult: number): string {
  return `0x${(hResult >>> 0).toString(16).toUpperCase().padStart(8, '0')}`
}

/**
 * The reason among the causes of a failure why the device should come again (`worker/…`), if that is what it is.
 * Overload is not an answer about a request: it becomes HTTP 503, never a FAILURE, which makes devices give up (REQ-190).
 */
export function findOverload(error: unknown): ConnectorError | undefined {
  for (let at = error; at instanceof Error; at = at.cause)
    if (at instanceof ConnectorError && at.code.startsWith('worker/')) return at
  return undefined
}

/** Puts on record that a device was told to come again. */
export function recordTurnedAway(log: Journal, { code, message }: ConnectorError): void {
  log.record(events.RequestShed, { errorCode: code, errorMessage: message, retryable: true })
}
