import type { CaBackend } from '../ca/index.ts'
import { ConnectorError } from '../kernel/index.ts'
import {
  type Certificate,
  importPublicKey,
  parseCertificate,
  verifyCertificateSignature,
} from '../pki/index.ts'
import type { ScepRequest } from '../scep/index.ts'
import type { CertificateRegister } from '../store/index.ts'

/**
 * Looks at who signs a renewal: a certificate of this profile's CA, in force and not revoked (REQ-135).
 *
 * The signer says what a request is, not its messageType (REQ-133): macOS and Cisco renew with a PKCSReq. A RenewalReq
 * must be signed by a certificate of this CA (REQ-134); a PKCSReq may be self-signed or signed by a stranger's
 * certificate, which says nothing: its challenge speaks for it. The challenge was accepted before in any case (REQ-136).
 *
 * @returns what is wrong, for people; undefined when nothing is
 */
export async function checkRenewalSigner(
  { messageType, signer }: Pick<ScepRequest, 'messageType' | 'signer'>,
  issuers: readonly Pick<CaBackend, 'id' | 'chain'>[],
  certificates: Pick<CertificateRegister, 'findBySerial'>,
  now: Date,
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
  if (now > certificate.notAfter) return 'the certificate to renew has expired'
  if (now < certificate.notBefore) return 'the certificate to renew is not valid yet'
  const record = await certificates.findBySerial(ca.id, certificate.serialHex)
  if (record?.state === 'revoked') return 'the certificate to renew is revoked'
  return undefined
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
