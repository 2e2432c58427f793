import { createHash } from 'node:crypto'
import {
  type EnrolOrder,
  type EnrolResult,
  findCrlShard,
  generateSerial,
  verifyIssued,
} from '../../ca/index.ts'
import { events } from '../../events/index.ts'
import { ConnectorError, toHex, withTimeLimit } from '../../kernel/index.ts'
import { type Certificate, type CertificateOrder, findExtension, OID } from '../../pki/index.ts'
import type { CertificateRecord, IssuanceIntent, IssuedCertificate } from '../../store/index.ts'
import { waitForOther } from './earlier-request.ts'
import { replaySince, type Work } from './enrolment-work.ts'

/** Longer than all that may happen between reserving and keeping. */
const INTENT_LEASE_MS = 90_000
const CA_TIMEOUT_MS = 25_000

/** Each round waits for another instance; more than one only when several give up in turn. */
const RESERVE_ROUNDS = 3

/**
 * Writes down what is about to be signed under a fresh serial, unless another instance was faster, or the key is known
 * to be in other hands.
 *
 * @throws ConnectorError `worker/timeout` another instance is still at it
 * @throws ConnectorError `store/unavailable`, `store/conflict` nothing was written
 */
export async function reserve(
  work: Work,
  order: Omit<CertificateOrder, 'serialHex'>,
): Promise<
  | { readonly kind: 'reserved'; readonly intent: IssuanceIntent }
  | { readonly kind: 'taken'; readonly record: CertificateRecord }
  | { readonly kind: 'compromised' }
> {
  const { certificates, clock, holder, randomBytes } = work.ports
  for (let round = 0; round < RESERVE_ROUNDS; round += 1) {
    const now = clock.now()
    const intent: IssuanceIntent = {
      requestKey: work.requestKey,
      caId: work.ca.id,
      profile: work.profile.name,
      transactionId: work.request.frame.transactionId,
      subject: work.request.csr.subject,
      order: { ...order, serialHex: generateSerial(randomBytes) },
      reservedAt: now,
    }
    const leaseUntil = new Date(now.getTime() + INTENT_LEASE_MS)
    const result = await certificates.reserve(intent, holder, leaseUntil, replaySince(work))
    if (result.kind === 'reserved') return { kind: 'reserved', intent }
    if (result.kind === 'compromised') return { kind: 'compromised' }
    const record = await waitForOther(work)
    if (record !== undefined) return { kind: 'taken', record }
  }
  throw new ConnectorError('worker/timeout', 'other instances took this request up and gave it up')
}

/**
 * Has the CA sign, and looks at what came back before anybody else sees it.
 *
 * @returns the certificate, verified against the order and the chain
 * @throws ConnectorError `ca/…` there is no certificate that could be handed out; one that differs from the order is
 *   left in `work.orphanDer`
 */
export async function sign(work: Work, intent: IssuanceIntent): Promise<Certificate> {
  const { ca, profile, ports } = work
  const startedAt = ports.clock.now().getTime()
  const result = await enrolAtCa(work, {
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
      'the CA keeps the request pending, which no device awaits',
    )
  const certificate = await verify(work, result.certificateDer, intent.order)
  const hasSid = findExtension(certificate.extensions, OID.ntdsCaSecurity) !== undefined
  work.log.record(events.ScepIssuedSuccess, {
    caId: ca.id,
    subject: intent.subject,
    serialNumber: intent.order.serialHex,
    durationMs: ports.clock.now().getTime() - startedAt,
    ...(hasSid ? { sidExtension: true } : {}),
  })
  return certificate
}

async function verify(
  work: Work,
  certificateDer: Uint8Array,
  order: CertificateOrder,
): Promise<Certificate> {
  const { ca, ports } = work
  try {
    return verifyIssued(certificateDer, order, await ca.chain(), ports.clock.now())
  } catch (error) {
    work.orphanDer = certificateDer
    throw error
  }
}

async function enrolAtCa({ ca }: Work, order: EnrolOrder): Promise<EnrolResult> {
  try {
    return await withTimeLimit(CA_TIMEOUT_MS, (signal) => ca.enrol(order, signal))
  } catch (error) {
    if (!(error instanceof ConnectorError) || error.code !== 'ca/unknown-outcome') throw error
    const found = await withTimeLimit(CA_TIMEOUT_MS, (signal) => ca.find(order, signal))
    if (found === undefined) throw error
    return found
  }
}

/** What the register keeps of a certificate that was verified. */
export function describeIssued(
  intent: IssuanceIntent,
  { der: certificateDer, extensions, notAfter }: Certificate,
  issuedAt: Date,
): IssuedCertificate {
  const crlShard = findCrlShard({ extensions })
  return {
    serialHex: intent.order.serialHex,
    certificateDer,
    thumbprintHex: toHex(createHash('sha1').update(certificateDer).digest()),
    notAfter,
    issuedAt,
    ...(crlShard === undefined ? {} : { crlShard }),
  }
}
