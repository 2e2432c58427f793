import { createHash } from 'node:crypto'
import type { CaBackend } from '../../ca/index.ts'
import type { FailureNotification, SuccessNotification } from '../../management/index.ts'
import { findNameValues, OID, parseCertificate } from '../../pki/index.ts'
import type { ScepRefusal, ScepRequest } from '../../scep/index.ts'
import type { IssuedCertificate, OwedNotification } from '../../store/index.ts'
import { caConfigurationOf } from '../ca-configuration.ts'
import { oweNotification } from '../notification.ts'
import type { Work } from './enrolment-work.ts'

/** Longer than strict mode tries itself: its rounds take over only when a crash ended the waiting. */
const STRICT_KEEP_AWAY_MS = 30_000

/** What Intune is told of an issued certificate (intune-api 3.3; names of section 6). */
export async function successOf(
  request: ScepRequest,
  issued: IssuedCertificate,
  ca: CaBackend,
): Promise<SuccessNotification> {
  const [issuerDer] = await ca.chain()
  const issuer = issuerDer === undefined ? undefined : parseCertificate(issuerDer)
  const commonNames = issuer === undefined ? [] : findNameValues(issuer.subjectDer, OID.commonName)
  return {
    kind: 'success',
    transactionId: request.frame.transactionId,
    csrDer: request.csr.der,
    thumbprintHex: issued.thumbprintHex,
    serialHex: issued.serialHex,
    notAfter: issued.notAfter,
    issuer: issuer?.subject ?? '',
    certificateAuthority: commonNames.at(-1) ?? ca.id,
    caConfiguration: caConfigurationOf(ca.id),
  }
}

/** What Intune is told when a validated request came to nothing for a reason of ours (intune-api 3.4). */
export function failureOf(request: ScepRequest, refusal: ScepRefusal): FailureNotification {
  return {
    kind: 'failure',
    transactionId: request.frame.transactionId,
    csrDer: request.csr.der,
    hResult: refusal.hResult,
    errorDescription: refusal.text,
  }
}

/** The success of a certificate, ready to be written down with it; undefined where nobody is to be told. */
export async function oweSuccess(
  { ca, profile, ports, request, requestId }: Work,
  issued: IssuedCertificate,
): Promise<OwedNotification | undefined> {
  if (profile.notifier === undefined) return undefined
  const notification = await successOf(request, issued, ca)
  const now = ports.clock.now()
  const keepAwayMs = profile.notifyMode === 'strict' ? STRICT_KEEP_AWAY_MS : 0
  return {
    ...oweNotification(notification, { profile: profile.name, requestId }, ports.cipher, now),
    id: notificationIdOf(issued.serialHex),
    dueAt: new Date(now.getTime() + keepAwayMs),
  }
}

/** The notification of a certificate has one identifier, on every instance and every replay: a GUID made of its serial. */
export function notificationIdOf(serialHex: string): string {
  const hex = createHash('sha256').update(`success/${serialHex}`).digest('hex')
  return [8, 12, 16, 20, 32]
    .map((end, index, ends) => hex.slice(index === 0 ? 0 : ends[index - 1], end))
    .join('-')
}
