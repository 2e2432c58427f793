import { type CaBackend, type EnrolResult, verifyIssued } from '../../ca/index.ts'
import { events, type Journal } from '../../events/index.ts'
import { describeError } from '../../kernel/index.ts'
import { type CertificateOrder, parseCertificate } from '../../pki/index.ts'
import { type IssuingPorts, revokeSurplus, withinTime } from './issued-for-work.ts'

/** A request that waits at a CA, and for whose certificate nobody has the key any more. */
interface WaitingRequest {
  readonly caRequestId: string
  /** What it must have been for, without key and serial number. */
  readonly order: Omit<CertificateOrder, 'spkiDer' | 'serialHex'>
}

type Ports = Pick<IssuingPorts, 'certificates' | 'clock'>

/**
 * Sees to it that nobody is left with the certificate of a request whose key is lost: what the CA issued is revoked, event
 * 61. Only the certificate that the item was for: the name of the request comes from the service, and must not be a way to
 * have others revoked. One that differs, or is in the register, is left as it is, event 21.
 *
 * @returns how long until the CA may be asked again, in milliseconds; undefined when it has decided
 * @throws ConnectorError `ca/unavailable`, `store/unavailable` nothing was decided; transient
 */
export async function endKeyless(
  { caRequestId, order }: WaitingRequest,
  ca: CaBackend,
  ports: Ports,
  log: Journal,
  signal: AbortSignal,
): Promise<number | undefined> {
  const result = await ca.poll(caRequestId, undefined, withinTime(signal))
  if (result.status === 'pending') return result.pollAfterMs
  if (result.status === 'issued') await revokeOrTell(result, { caRequestId, order }, ca, ports, log)
  return undefined
}

async function revokeOrTell(
  { certificateDer }: Extract<EnrolResult, { status: 'issued' }>,
  { caRequestId, order }: WaitingRequest,
  ca: CaBackend,
  { certificates, clock }: Ports,
  log: Journal,
): Promise<void> {
  const detail = `CA request ${caRequestId}: its key is lost`
  let serialNumber: string | undefined
  try {
    const { spkiDer, serialHex, notAfter } = parseCertificate(certificateDer)
    serialNumber = serialHex
    const expected = { ...order, spkiDer, serialHex, notAfter }
    verifyIssued(certificateDer, expected, await ca.chain())
  } catch (error) {
    log.record(events.CaUnavailable, {
      caId: ca.id,
      caRequestId,
      serialNumber,
      detail: `${detail}, and its certificate is another than the item asked for: look at it`,
      errorMessage: describeError(error),
    })
    return
  }
  const known = await certificates.findBySerial(ca.id, serialNumber)
  if (known?.state === 'revoked') return
  if (known?.state === 'issued')
    log.record(events.CaUnavailable, {
      caId: ca.id,
      caRequestId,
      serialNumber,
      detail: `${detail}, but its certificate was handed out: look at it`,
    })
  else await revokeSurplus(ca, certificateDer, detail, { clock, log })
}
