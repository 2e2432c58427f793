import { encodeCertificates } from '../pki/index.ts'

/** Media types of SCEP, lower case and without parameters, as sscep and certmonger compare them (REQ-23). */
export const MEDIA_TYPE = {
  caCertificate: 'application/x-x509-ca-cert',
  caRaCertificates: 'application/x-x509-ca-ra-cert',
  nextCaCertificates: 'application/x-x509-next-ca-cert',
  pkiMessage: 'application/x-pki-message',
} as const

/**
 * Body of a GetCACert or GetCACertChain answer of type `caRaCertificates`: a certs-only SignedData.
 *
 * @param certificatesDer RA encryption certificate, RA signing certificate unless it is the same, issuing CA, higher
 *   CAs, root; written in this order, since clients take the first for the recipient (REQ-36, 37)
 * @see RFC 8894, section 4.2.1.2
 */
export function encodeCaCertificates(certificatesDer: readonly Uint8Array[]): Uint8Array {
  return encodeCertificates(certificatesDer)
}
