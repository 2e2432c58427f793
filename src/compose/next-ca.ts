import { type AuthorityRa, findCurrent, findNext } from '../ca/index.ts'
import { type Clock, ConnectorError } from '../kernel/index.ts'
import { findExtension, OID, parseCertificate, parseKeyUsage } from '../pki/index.ts'
import { sealNextCaCertificates } from '../scep/index.ts'
import { type ComposedAuthority, caCertificatesOf } from './authorities.ts'

/**
 * Makes the source of GetNextCACert answers of a CA. An answer is signed when it is first asked for, and again after a
 * change of the authority; strangers cannot make it sign.
 *
 * @returns undefined while no next CA is published (REQ-49)
 */
export function createNextCaAnswer(
  composed: ComposedAuthority,
  clock: Clock,
): () => Uint8Array | undefined {
  let kept: { readonly of: readonly unknown[]; readonly body: Uint8Array } | undefined

  return () => {
    const { authority } = composed
    const now = clock.now()
    const next = findNext(authority.generations, now)
    if (next === undefined) return undefined
    const current = findCurrent(authority.generations, now)
    const of = [authority, next, current]
    if (kept !== undefined && kept.of.every((one, at) => one === of[at])) return kept.body
    const body = sealNextCaCertificates({
      nextDer: caCertificatesOf(composed, next),
      signer: { ...getSigner(current.ras), issuersDer: [current.issuingDer, current.rootDer] },
    })
    kept = { of, body }
    return body
  }
}

function getSigner(ras: readonly AuthorityRa[]): AuthorityRa {
  const signer = ras.find(({ isCurrent, certificateDer }) => isCurrent && canSign(certificateDer))
  if (signer !== undefined) return signer
  throw new ConnectorError('config/invalid', 'no current RA certificate signs')
}

function canSign(certificateDer: Uint8Array): boolean {
  const usage = findExtension(parseCertificate(certificateDer).extensions, OID.keyUsage)
  return usage === undefined || parseKeyUsage(usage.valueDer).includes('digitalSignature')
}
