import { createHash } from 'node:crypto'
import type { CaBackend } from '../ca/index.ts'
import type { FailureNotification, SuccessNotification } from '../management/index.ts'
import { parseCertificate } from '../pki/index.ts'
import type { ScepRefusal, ScepRequest } from '../scep/index.ts'
import type { IssuedCertificate } from '../store/index.ts'

/** What Intune is told of an issued certificate (intune-api 3.3; names of section 6). */
export async function successOf(
  request: ScepRequest,
  issued: IssuedCertificate,
  ca: CaBackend,
): Promise<SuccessNotification> {
  const [issuerDer] = await ca.chain()
  const issuer = issuerDer === undefined ? '' : parseCertificate(issuerDer).subject
  return {
    kind: 'success',
    transactionId: request.frame.transactionId,
    csrDer: request.csr.der,
    thumbprintHex: issued.thumbprintHex,
    serialHex: issued.serialHex,
    notAfter: issued.notAfter,
    issuer,
    certificateAuthority: commonNameOf(issuer) ?? ca.id,
    caConfiguration: `connector-ca/${ca.id}`,
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

/** The notification of a certificate has one identifier, on every instance and every replay: a GUID made of its serial. */
export function notificationIdOf(serialHex: string): string {
  const hex = createHash('sha256').update(`success/${serialHex}`).digest('hex')
  return [8, 12, 16, 20, 32]
    .map((end, index, ends) => hex.slice(index === 0 ? 0 : ends[index - 1], end))
    .join('-')
}

/** First CN of an RFC 4514 name, unescaped only as far as people need it. */
function commonNameOf(name: string): string | undefined {
  return /(?:^|,|\+)CN=((?:\\.|[^,+\\])*)/.exec(name)?.[1]?.replace(/\\(.)/g, '$1')
}
