import type { CaBackend } from '../../ca/index.ts'
import { ConnectorError, equalBytes } from '../../kernel/index.ts'
import {
  type Certificate,
  findExtension,
  importPublicKey,
  OID,
  parseCertificate,
  verifyCertificateSignature,
} from '../../pki/index.ts'
import type { ScepRequest } from '../../scep/index.ts'
import type { CertificateRegister } from '../../store/index.ts'

const DAY_MS = 86_400_000

/**
 * Looks at who signs a renewal: a certificate of this profile's CA, in force and not revoked (REQ-135).
 *
 * The signer says what a request is, not its messageType (REQ-133): macOS and Cisco renew with a PKCSReq. A RenewalReq
 * must be signed by a certificate of this CA (REQ-134); a PKCSReq may be self-signed or signed by a stranger's
 * certificate, which says nothing: its challenge speaks for it. The challenge was accepted before in any case (REQ-136).
 *
 * @param graceDays how long after its end a certificate still counts as in force
 * @returns what is wrong, for people; undefined when nothing is
 */
export async function checkRenewalSigner(
  { messageType, signer }: Pick<ScepRequest, 'messageType' | 'signer'>,
  issuers: readonly Pick<CaBackend, 'id' | 'chain'>[],
  certificates: Pick<CertificateRegister, 'findBySerial'>,
  now: Date,
  graceDays: number,
): Promise<string | undefined> {
  const mustRenew = messageType === 'RenewalReq'
  if (signer.isSelfSigned) {
    return mustRenew ? 'a RenewalReq is signed by a self-signed certificate' : undefined
  }
  const certificate = parseCertificate(signer.certificateDer)
  const ca = await findIssuer(certificate, issuers)
  if (ca === undefined) {
    return mustRenew
      ? 'the certificate to renew was not issued by the CA of this profile'
      : undefined
  }
  if (hasEnded(certificate, now, graceDays)) return 'the certificate to renew has expired'
  if (now < certificate.notBefore) return 'the certificate to renew is not valid yet'
  const record = await certificates.findBySerial(ca.id, certificate.serialHex)
  if (record?.state === 'revoked') return 'the certificate to renew is revoked'
  return undefined
}

interface AloneRules {
  /** That the request came to. */
  readonly profile: string
  readonly windowDays: number
  readonly graceDays: number
}

/**
 * Whether the old certificate alone may speak for a renewal: of this CA, on record, in force, not revoked, near its end,
 * and with the same subject and alternative names (REQ-137). And of this profile: another one of the CA may have other
 * rules, or let in by Intune's word alone (REQ-136).
 *
 * @returns what is wrong, for people; undefined when nothing is
 */
export async function checkCertificateOnlyRenewal(
  { csr, signer }: Pick<ScepRequest, 'csr' | 'signer'>,
  issuers: readonly Pick<CaBackend, 'id' | 'chain'>[],
  certificates: Pick<CertificateRegister, 'findBySerial'>,
  { profile, windowDays, graceDays }: AloneRules,
  now: Date,
): Promise<string | undefined> {
  if (signer.isSelfSigned) return 'there is no challenge, and no certificate to renew'
  const certificate = parseCertificate(signer.certificateDer)
  const ca = await findIssuer(certificate, issuers)
  if (ca === undefined) return 'the certificate to renew was not issued by the CA of this profile'
  const record = await certificates.findBySerial(ca.id, certificate.serialHex)
  if (record?.state !== 'issued') return 'the certificate to renew is revoked or not on record'
  if (record.profile !== profile) return 'the certificate to renew was issued under another profile'
  if (hasEnded(certificate, now, graceDays) || now < certificate.notBefore)
    return 'the certificate to renew is not in force'
  if (now.getTime() < certificate.notAfter.getTime() - windowDays * DAY_MS)
    return `the certificate to renew ends more than ${windowDays} days from now`
  if (!equalBytes(certificate.subjectDer, csr.subjectDer))
    return 'the request has another subject than the certificate to renew'
  const [before, after] = [certificate, csr].map(
    ({ extensions }) => findExtension(extensions, OID.subjectAltName)?.valueDer ?? new Uint8Array(),
  )
  if (before === undefined || after === undefined || !equalBytes(before, after))
    return 'the request has other alternative names than the certificate to renew'
  return undefined
}

function hasEnded({ notAfter }: Certificate, now: Date, graceDays: number): boolean {
  return now.getTime() > notAfter.getTime() + graceDays * DAY_MS
}

async function findIssuer<T extends Pick<CaBackend, 'chain'>>(
  certificate: Certificate,
  issuers: readonly T[],
): Promise<T | undefined> {
  for (const ca of issuers) {
    const [issuerDer] = await ca.chain()
    if (issuerDer !== undefined && isSignedBy(certificate, parseCertificate(issuerDer))) return ca
  }
  return undefined
}

/** By key, not by name: strangers can choose names. */
function isSignedBy(certificate: Certificate, issuer: Certificate): boolean {
  try {
    return verifyCertificateSignature(certificate, importPublicKey(issuer.spkiDer))
  } catch (error) {
    // An algorithm that nobody here knows is none that our CA signs with.
    if (error instanceof ConnectorError && error.code === 'pki/unsupported-algorithm') return false
    throw error
  }
}
