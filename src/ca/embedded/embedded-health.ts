import { type Clock, ConnectorError, describeError } from '../../kernel/index.ts'
import {
  importPublicKey,
  isSignatureValid,
  parseCertificate,
  parseElement,
  readSignatureScheme,
  signatureAlgorithmFor,
} from '../../pki/index.ts'
import type { CaHealth } from '../port.ts'
import type { CertificateSigner } from './signer.ts'

/** A certificate is told of when less than this part of its life is left: 20 months of ten years, four of two. */
const LAST_PART = 1 / 6

/** What is signed to see whether signing works. No certificate or CRL begins with these octets. */
const PROBE = new TextEncoder().encode('certificate-connector health probe')

export interface EmbeddedHealthOptions {
  readonly id: string
  readonly chain: readonly Uint8Array[]
  readonly issuerDer: Uint8Array
  readonly signer: Pick<CertificateSigner, 'sign'>
  readonly clock: Clock
  readonly raCertificates?: () => readonly Uint8Array[]
}

/** Signs one probe, verifies it with the CA certificate, and looks at the dates of all certificates. Throws nothing. */
export async function checkEmbeddedHealth(options: EmbeddedHealthOptions): Promise<CaHealth> {
  const checkedAt = options.clock.now()
  const expiring = listExpiring(options, checkedAt)
  const base = { checkedAt, expiring }
  const expired = expiring.filter(({ at }) => at <= checkedAt).map(({ what }) => what)
  if (expired.length > 0) {
    return { ...base, status: 'down', cause: 'config', detail: `expired: ${expired.join(', ')}` }
  }
  try {
    if (!(await isProbeSigned(options))) {
      const detail =
        'what the CA signs does not verify with its certificate: the key is another one'
      return { ...base, status: 'down', cause: 'config', detail }
    }
  } catch (cause) {
    const detail = `the CA does not sign: ${describeError(cause)}`
    const isTransient = cause instanceof ConnectorError && cause.isTransient
    return isTransient
      ? { ...base, status: 'degraded', cause: 'backend', detail }
      : { ...base, status: 'down', cause: 'config', detail }
  }
  return expiring.length === 0
    ? { ...base, status: 'up', detail: 'signs' }
    : {
        ...base,
        status: 'degraded',
        cause: 'config',
        detail: `signs; about to expire: ${expiring.map(({ what }) => what).join(', ')}`,
      }
}

async function isProbeSigned({ id, issuerDer, signer }: EmbeddedHealthOptions): Promise<boolean> {
  const key = importPublicKey(parseCertificate(issuerDer).spkiDer)
  const scheme = readSignatureScheme(parseElement(signatureAlgorithmFor(key).algorithmDer))
  return isSignatureValid(scheme, key, PROBE, await signer.sign(id, PROBE))
}

function listExpiring(
  { chain, raCertificates }: EmbeddedHealthOptions,
  now: Date,
): CaHealth['expiring'] {
  return [...chain, ...(raCertificates?.() ?? [])].flatMap((der) => {
    const { subject, notBefore, notAfter } = parseCertificate(der)
    const leftMs = notAfter.getTime() - now.getTime()
    const lifeMs = notAfter.getTime() - notBefore.getTime()
    return leftMs < lifeMs * LAST_PART ? [{ what: subject, at: notAfter }] : []
  })
}
