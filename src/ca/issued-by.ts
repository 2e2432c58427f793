import { equalBytes } from '../kernel/index.ts'
import { type Certificate, importPublicKey, verifyCertificateSignature } from '../pki/index.ts'

/**
 * Whether the issuer's name stands in the certificate octet for octet, and the issuer's key signed it. Dates and purposes
 * are the caller's business.
 *
 * @throws ConnectorError `pki/unsupported-algorithm` a key or signature of a kind that is not known
 */
export function isIssuedBy(certificate: Certificate, issuer: Certificate): boolean {
  return (
    equalBytes(certificate.issuerDer, issuer.subjectDer) &&
    verifyCertificateSignature(certificate, importPublicKey(issuer.spkiDer))
  )
}
