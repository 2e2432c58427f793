import { createPublicKey } from 'node:crypto'
import type { CaBackend } from '../ca/index.ts'
import { parseCertificate, verifyCertificateSignature } from '../pki/index.ts'
import type { ScepRequest } from '../scep/index.ts'
import type { CertificateRegister } from '../store/index.ts'

/**
 * Looks at who signs a RenewalReq: a certificate of this profile's CA, in force and not revoked (REQ-134, REQ-135). A
 * PKCSReq may be signed by anything, self-signed or foreign: its challenge speaks for it. The challenge was accepted
 * before in either case (REQ-136).
 *
 * @returns what is wrong, for people; undefined when nothing is
 */
export async function checkRenewalSigner(
  request: ScepRequest,
  ca: CaBackend,
  certificates: CertificateRegister,
  now: Date,
): Promise<string | undefined> {
  if (request.messageType !== 'RenewalReq') return undefined
  if (request.signer.isSelfSigned) return 'a RenewalReq is signed by a self-signed certificate'
  const signer = parseCertificate(request.signer.certificateDer)
  if (now > signer.notAfter) return 'the certificate to renew has expired'
  if (now < signer.notBefore) return 'the certificate to renew is not valid yet'
  const [issuerDer] = await ca.chain()
  if (issuerDer === undefined) return 'the CA has no certificate'
  const issuer = parseCertificate(issuerDer)
  const issuerKey = createPublicKey({
    key: Buffer.from(issuer.spkiDer),
    format: 'der',
    type: 'spki',
  })
  if (!verifyCertificateSignature(signer, issuerKey))
    return 'the certificate to renew was not issued by the CA of this profile'
  const record = await certificates.findBySerial(ca.id, signer.serialHex)
  if (record?.state === 'revoked') return 'the certificate to renew is revoked'
  return undefined
}
