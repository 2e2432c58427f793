import type { KeyObject } from 'node:crypto'
import { ConnectorError, equalBytes, fromHex } from '../kernel/index.ts'
import {
  type Certificate,
  type CertificateReference,
  type DerElement,
  findExtension,
  importPublicKey,
  keyIdentifierOf,
  OID,
  parseSubjectKeyIdentifier,
  readCertificate,
  verifyCertificateSignature,
} from '../pki/index.ts'
import { tellable } from './fail-info.ts'

const maxCertificates = 16
const minRsaBits = 1024
const maxRsaBits = 8192

/**
 * Finds the certificate that a SignerInfo names among those in the message; a single one is taken whatever its name.
 * Nothing is verified.
 *
 * @throws ConnectorError `scep/bad-request` there are more than 16 certificates
 * @throws ConnectorError `scep/bad-signature` none is named, or it cannot be read
 * @see REQ-69 to 72, 80, 189
 */
export function getSignerCertificate(
  certificates: readonly DerElement[],
  signer: CertificateReference,
): Certificate {
  if (certificates.length > maxCertificates) {
    throw tellable('scep/bad-request', `more than ${maxCertificates} certificates in the message`)
  }
  const readable = certificates.map(findReadable).filter((found) => found !== undefined)
  const named = readable.find((certificate) => isNamed(certificate, signer))
  const found = named ?? (certificates.length === 1 ? readable[0] : undefined)
  if (found === undefined) {
    throw tellable('scep/bad-signature', 'the certificate of the signer is not in the message')
  }
  return found
}

/** An unreadable certificate beside the signer's does no harm. */
function findReadable(element: DerElement): Certificate | undefined {
  try {
    return readCertificate(element)
  } catch (error) {
    if (error instanceof ConnectorError) return undefined
    throw error
  }
}

function isNamed(certificate: Certificate, reference: CertificateReference): boolean {
  if (reference.kind === 'issuerAndSerial') {
    return (
      equalBytes(fromHex(certificate.serialHex), reference.serial) &&
      equalBytes(certificate.issuerDer, reference.issuerDer)
    )
  }
  const extension = findExtension(certificate.extensions, OID.subjectKeyIdentifier)
  const identifier =
    extension === undefined
      ? keyIdentifierOf(certificate.spkiDer)
      : parseSubjectKeyIdentifier(extension.valueDer)
  return equalBytes(identifier, reference.keyIdentifier)
}

/**
 * Imports the signer's key, which must be RSA: the answer is encrypted to it.
 *
 * @throws ConnectorError `scep/unsupported-algorithm` another kind, or a size outside 1024 to 8192 bits
 * @see REQ-122
 */
export function importSignerKey({ publicKey, spkiDer }: Certificate): KeyObject {
  const { algorithm, bits } = publicKey
  if (algorithm !== 'rsa') {
    const text = `reply cannot be encrypted: the signer key is ${algorithm}, it must be RSA`
    throw tellable('scep/unsupported-algorithm', text)
  }
  if (bits < minRsaBits || bits > maxRsaBits) {
    const text = `signer key has ${bits} bits, allowed are ${minRsaBits} to ${maxRsaBits}`
    throw tellable('scep/unsupported-algorithm', text)
  }
  return importPublicKey(spkiDer)
}

/** Whether the certificate's signature holds under its own key, whatever its names say (REQ-85). */
export function isSelfSigned(certificate: Certificate, key: KeyObject): boolean {
  try {
    return verifyCertificateSignature(certificate, key)
  } catch (error) {
    if (error instanceof ConnectorError) return false
    throw error
  }
}
