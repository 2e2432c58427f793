import { createHash, createPrivateKey } from 'node:crypto'
import { deserialize, serialize } from 'node:v8'
import {
  type CaBackend,
  type EnrolOrder,
  type EnrolResult,
  findCrlShard,
  generateSerial,
  verifyIssued,
} from '../../ca/index.ts'
import { events, type Journal } from '../../events/index.ts'
import {
  type Clock,
  ConnectorError,
  describeError,
  type RandomBytes,
  toHex,
} from '../../kernel/index.ts'
import type { PkcsRequest } from '../../management/index.ts'
import {
  type Certificate,
  type CertificateOrder,
  encodeCertificationRequest,
  parseName,
} from '../../pki/index.ts'
import type { CertificateRegister, IssuanceIntent, IssuedCertificate } from '../../store/index.ts'
import { revokeOrphan } from '../orphan-certificate.ts'
import type { WorkSurplus, WorkTask } from '../work/work-handler.ts'
import type { KeyPairs } from './key-pairs.ts'
import type { PkcsDecision } from './pkcs-policy.ts'

/** Stands where the register has the name of a SCEP profile, which holds no slash. */
export const WORK_PROFILE = 'work/pkcs'

/** Longer than a CA may let a request wait: the item closes its intent itself, unless its journal was lost. */
const INTENT_LEASE_MS = 30 * 86_400_000
const CA_TIMEOUT_MS = 25_000

/** CRLReason superseded. */
const SUPERSEDED = 4

/** The CAs that sign for work items. */
export interface WorkAuthorities {
  /** The generation of a configured CA that signs now. */
  current(ca: string): CaBackend | undefined
  /** By the id that the register has. */
  find(caId: string): CaBackend | undefined
}

/** What issuing for a work item needs of the house. */
export interface IssuingPorts {
  readonly authorities: WorkAuthorities
  readonly certificates: CertificateRegister
  readonly keyPairs: KeyPairs
  readonly clock: Clock
  readonly random: RandomBytes
  /** Name of this instance: holder of its intents. */
  readonly holder: string
}

/** An issuance that was begun. Kept with the item, sealed, before the CA hears of it, so that it can be gone on with. */
export interface Begun {
  /** Also the name under which the CA and the register know it. */
  readonly requestKey: string
  readonly caId: string
  /** Of what was asked for: the same item may come again with other wishes. */
  readonly wishHex: string
  readonly order: CertificateOrder
  readonly csrDer: Uint8Array
  /** PKCS #8; cleared by whoever has used it. */
  readonly keyDer: Uint8Array
  readonly reservedAt: Date
  /** Of a CA that lets the request wait. */
  readonly backendRef?: string
}

/** The CA has a request of this item, and the key for it is not here, or was made for other wishes. */
export interface Keyless {
  readonly kind: 'keyless'
  /** Undefined: nobody knows it. */
  readonly caRequestId: string | undefined
  /** What it was for, where that is known here. */
  readonly order: CertificateOrder | undefined
}

type Accepted = Extract<PkcsDecision, { readonly kind: 'accepted' }>

/**
 * What an earlier attempt began, where it can be gone on with. A certificate for other wishes is taken back, and one that
 * is revoked is never handed out: both begin anew.
 */
export async function resume(
  { progress, request, log }: WorkTask<'pkcs'>,
  ports: IssuingPorts,
): Promise<Begun | Keyless | undefined> {
  const { resumeCaRequestId } = request
  const stranger = { kind: 'keyless', caRequestId: resumeCaRequestId, order: undefined } as const
  if (progress === 'lost') return stranger
  if (progress === undefined) return resumeCaRequestId === undefined ? undefined : stranger
  const begun = openBegun(progress)
  const ca = ports.authorities.find(begun.caId)
  const record = await ports.certificates.findBySerial(begun.caId, begun.order.serialHex)
  const isSame = begun.wishHex === wishOf(request)
  const isOurs =
    resumeCaRequestId === undefined || begun.backendRef !== undefined || record?.state === 'issued'
  if (ca !== undefined && isSame && isOurs && record?.state !== 'revoked') {
    if (resumeCaRequestId !== undefined && resumeCaRequestId !== begun.backendRef)
      log.record(events.CaUnavailable, {
        caId: begun.caId,
        caRequestId: resumeCaRequestId,
        detail: 'another request of this item waits at the CA as well: deny it there',
      })
    return begun
  }
  begun.keyDer.fill(0)
  if (ca !== undefined && record?.state === 'issued' && record.certificateDer !== undefined)
    await revokeSurplus(ca, record.certificateDer, 'the item came again and asks for another', {
      ...ports,
      log,
    })
  const isDecided = record?.state === 'issued' || record?.state === 'revoked'
  if (isDecided) return undefined
  const { backendRef: caRequestId, order } = begun
  if (caRequestId !== undefined) return { kind: 'keyless', caRequestId, order }
  return resumeCaRequestId === undefined ? undefined : stranger
}

/**
 * Takes back what was begun for an item, because nobody gets it: what the CA signed is revoked, event 61, and an intent
 * that came to nothing is closed. What nobody can find out is told an administrator, event 21.
 *
 * @throws ConnectorError `store/unavailable` nothing was taken back
 */
export async function takeBackBegun(
  { progress, reason, log }: WorkSurplus<'pkcs'>,
  ports: IssuingPorts,
): Promise<void> {
  if (progress === undefined || progress === 'lost') return
  const begun = openBegun(progress)
  begun.keyDer.fill(0)
  const { caId, order } = begun
  const { serialHex } = order
  const record = await ports.certificates.findBySerial(caId, serialHex)
  // Never reserved: the CA has not heard of it.
  if (record === undefined) return
  const ca = ports.authorities.find(caId)
  const detail = `${reason}; revoke it by hand, if the CA signed it`
  if (ca === undefined) {
    log.record(events.CaUnavailable, { caId, serialNumber: serialHex, detail })
    return
  }
  let { certificateDer } = record
  if (certificateDer === undefined) {
    try {
      const found = await ask(ca, begun, AbortSignal.timeout(CA_TIMEOUT_MS))
      if (found?.status === 'issued') certificateDer = found.certificateDer
      if (found?.status === 'pending') {
        const { backendRef: caRequestId } = found
        const told = `${reason}; deny it at the CA, which has not decided yet`
        log.record(events.CaUnavailable, { caId, caRequestId, detail: told })
        return
      }
    } catch (error) {
      if (!(error instanceof ConnectorError)) throw error
      const errorMessage = describeError(error)
      log.record(events.CaUnavailable, { caId, serialNumber: serialHex, detail, errorMessage })
      return
    }
  }
  if (certificateDer === undefined) {
    await ports.certificates.abandon(serialHex, reason, undefined)
    return
  }
  await revokeSurplus(ca, certificateDer, reason, { ...ports, log })
  // A CA outside keeps no register of ours: without this the item that comes again would get the same one.
  await ports.certificates.revoke(caId, serialHex, SUPERSEDED, ports.clock.now())
}

/** What a CA has of a request that it may have heard of. */
async function ask(ca: CaBackend, begun: Begun, signal: AbortSignal) {
  const order = enrolOrderOf(begun, 2)
  const { backendRef } = begun
  return backendRef === undefined
    ? await ca.find(order, signal)
    : await ca.poll(backendRef, order, signal)
}

/** What `keep` wrote; clears the octets that it is read from. */
function openBegun(progress: Uint8Array): Begun {
  // What is read may lie in the octets that it is read from.
  const begun = deserialize(Uint8Array.from(progress)) as Begun
  progress.fill(0)
  return begun
}

/** Makes the key and writes down, with the item and in the register, what is about to be signed. */
export async function begin(
  task: WorkTask<'pkcs'>,
  { keys, order }: Accepted,
  ca: CaBackend,
  ports: IssuingPorts,
): Promise<Begun> {
  const { keyPairs, random, clock } = ports
  const { keyDer, spkiDer } = await keyPairs.take(keys)
  const key = createPrivateKey({ key: Buffer.from(keyDer), format: 'der', type: 'pkcs8' })
  const begun: Begun = {
    requestKey: toHex(random(32)).toLowerCase(),
    caId: ca.id,
    wishHex: wishOf(task.request),
    order: { ...order, spkiDer, serialHex: generateSerial(random) },
    csrDer: encodeCertificationRequest(order.subjectDer, order.extensions, key),
    keyDer,
    reservedAt: clock.now(),
  }
  await keep(task, begun)
  return begun
}

/** Writes down, sealed, how far an item has come. */
async function keep(task: WorkTask<'pkcs'>, begun: Begun): Promise<void> {
  const plain = serialize(begun)
  try {
    await task.keep(plain)
  } finally {
    plain.fill(0)
  }
}

/** The entry of the register that is to be completed. */
export async function reserve(
  begun: Begun,
  { requestId }: PkcsRequest,
  { certificates, holder, clock }: IssuingPorts,
): Promise<IssuanceIntent> {
  const { requestKey, caId, order, reservedAt } = begun
  const intent: IssuanceIntent = {
    requestKey,
    caId,
    profile: WORK_PROFILE,
    transactionId: requestId,
    subject: parseName(order.subjectDer),
    order,
    reservedAt,
  }
  // Reserved by an earlier attempt: the serial is this item's own.
  if ((await certificates.findBySerial(caId, order.serialHex)) !== undefined) return intent
  const leaseUntil = new Date(clock.now().getTime() + INTENT_LEASE_MS)
  await certificates.reserve(intent, holder, leaseUntil, reservedAt)
  return intent
}

/** What the CA made of a request, looked at; or how long it takes. */
export type Signed =
  | {
      readonly kind: 'signed'
      readonly certificate: Certificate
      readonly backendRef: string | undefined
    }
  | { readonly kind: 'waits'; readonly caRequestId: string; readonly retryAfterMs: number }

/**
 * Has the CA sign what was begun, and looks at what came back. An earlier attempt may have been signed already: the
 * register, or the CA, then gives the same certificate. A request that the CA lets wait is written down with the item.
 *
 * @throws ConnectorError `ca/…`
 * @throws ConnectorError `ca/refused` the CA decided against it, or made something else, which was revoked
 */
export async function signBegun(
  task: WorkTask<'pkcs'>,
  begun: Begun,
  ca: CaBackend,
  ports: IssuingPorts,
): Promise<Signed> {
  const { certificates, clock } = ports
  const known = await certificates.findBySerial(ca.id, begun.order.serialHex)
  const result: EnrolResult =
    known?.certificateDer === undefined
      ? await enrol(ca, begun, task)
      : { status: 'issued', certificateDer: known.certificateDer }
  if (result.status === 'denied')
    throw new ConnectorError('ca/refused', `the CA refuses: ${result.code} ${result.message}`)
  if (result.status === 'pending') {
    await keep(task, { ...begun, backendRef: result.backendRef })
    return { kind: 'waits', caRequestId: result.backendRef, retryAfterMs: result.pollAfterMs }
  }
  try {
    const now = clock.now()
    const expected = expectAfterWait(begun, now)
    const certificate = verifyIssued(result.certificateDer, expected, await ca.chain(), now)
    return { kind: 'signed', certificate, backendRef: result.backendRef ?? begun.backendRef }
  } catch (error) {
    const { certificateDer } = result
    const found = { ...ports, log: task.log }
    await revokeSurplus(ca, certificateDer, 'the CA issued something else than was ordered', found)
    throw new ConnectorError('ca/refused', 'the certificate was taken back', { cause: error })
  }
}

/** A CA counts a lifetime from the day on which it signs: while it let the request wait, the end moved. */
function expectAfterWait({ order, backendRef, reservedAt }: Begun, now: Date): CertificateOrder {
  if (backendRef === undefined) return order
  const waitedMs = Math.max(0, now.getTime() - reservedAt.getTime())
  return { ...order, notAfter: new Date(order.notAfter.getTime() + waitedMs) }
}

/** As the CA knows it. @param attempt 1: the CA has never heard of it */
function enrolOrderOf({ requestKey, csrDer, order }: Begun, attempt: number): EnrolOrder {
  return { requestKey, csrDer, certificate: order, parameters: {}, attempt }
}

async function enrol(
  ca: CaBackend,
  begun: Begun,
  { progress, signal }: WorkTask<'pkcs'>,
): Promise<EnrolResult> {
  const { backendRef } = begun
  const order = enrolOrderOf(begun, progress === undefined ? 1 : 2)
  const within = withinTime(signal)
  if (backendRef !== undefined) return await ca.poll(backendRef, order, within)
  try {
    return await ca.enrol(order, within)
  } catch (error) {
    if (!(error instanceof ConnectorError) || error.code !== 'ca/unknown-outcome') throw error
    const found = await ca.find(order, within)
    if (found === undefined) throw error
    return found
  }
}

/** For one call of a CA. */
export function withinTime(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(CA_TIMEOUT_MS)])
}

/** What the register keeps. A CA that numbers its certificates itself chose another serial than was reserved. */
export function describeForRegister(
  certificate: Certificate,
  backendRef: string | undefined,
  issuedAt: Date,
): IssuedCertificate {
  const { der, serialHex, notAfter } = certificate
  const crlShard = findCrlShard(certificate)
  return {
    serialHex,
    certificateDer: der,
    thumbprintHex: toHex(createHash('sha1').update(der).digest()),
    notAfter,
    issuedAt,
    ...(backendRef === undefined ? {} : { backendRef }),
    ...(crlShard === undefined ? {} : { crlShard }),
  }
}

/** Takes a certificate back that nobody gets: event 61, or 21 when it must be revoked by hand. */
export async function revokeSurplus(
  ca: CaBackend,
  certificateDer: Uint8Array,
  detail: string,
  { clock, log }: { readonly clock: Clock; readonly log: Journal },
): Promise<void> {
  await revokeOrphan({ ca, ports: { clock }, log }, certificateDer, detail, SUPERSEDED)
}

/** SHA-256 over all that decides what is issued, and for whom. */
function wishOf(request: PkcsRequest): string {
  const {
    recipients: _,
    escrowRecipients: __,
    payload: ___,
    requestId: ____,
    resumeCaRequestId: _____,
    ...wish
  } = request
  return createHash('sha256').update(serialize(wish)).digest('hex')
}
