import {
  type Certificate,
  findExtension,
  keyIdentifierOf,
  OID,
  parseSubjectKeyIdentifier,
} from '../../pki/index.ts'

const MINUTE_MS = 60_000

/**
 * The key identifier that certificates and CRLs of this issuer name: the one its own certificate carries, whatever method
 * made it, or SHA-1 over the key bits where it carries none.
 *
 * @see RFC 5280, section 4.2.1.1
 */
export function getIssuerKeyIdentifier(issuer: Certificate): Uint8Array {
  const carried = findExtension(issuer.extensions, OID.subjectKeyIdentifier)
  return carried ? parseSubjectKeyIdentifier(carried.valueDer) : keyIdentifierOf(issuer.spkiDer)
}

/** The latest end of a certificate under this issuer: one minute before its own, so that no chain is half expired. */
export function latestNotAfter(issuer: Certificate): Date {
  return new Date(issuer.notAfter.getTime() - MINUTE_MS)
}
