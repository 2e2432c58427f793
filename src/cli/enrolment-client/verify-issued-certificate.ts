import { ConnectorError } from '../../kernel/index.ts'
import { type CaCertificates, verifyChain } from './ca-certificates.ts'
import { encodeDistinguishedName } from './distinguished-name.ts'
import {
  findSubjectAltName,
  parseCertificate,
  type ReceivedCertificate,
} from './received-certificate.ts'
import { encodeSubjectAltNames } from './requested-extensions.ts'
import type { RequestedName } from './types.ts'

/** What the issued certificate has to show. */
export interface Asked {
  readonly subject: string
  readonly sans: readonly RequestedName[]
  readonly spkiDer: Uint8Array
}

/** A certificate that is ours, with its issuers up to the root. */
export interface VerifiedCertificate {
  readonly certificate: ReceivedCertificate
  /** Issuer first, root last. */
  readonly chain: readonly ReceivedCertificate[]
}

/**
 * Finds our certificate in the reply, by its key, and checks that subject and subjectAltName are octet for octet what
 * was asked and that it chains to the root of GetCACert.
 *
 * @throws ConnectorError `scep/bad-request` no certificate with our key, or with other names than asked
 * @throws ConnectorError `scep/bad-signature` no chain to the root
 */
export function verifyIssuedCertificate(
  certificatesDer: readonly Uint8Array[],
  asked: Asked,
  authorities: CaCertificates,
  now: Date,
): VerifiedCertificate {
  const received = certificatesDer.map(parseCertificate)
  const certificate = received.find((one) => isSame(one.spkiDer, asked.spkiDer))
  if (certificate === undefined) {
    throw new ConnectorError(
      'scep/bad-request',
      `none of the ${received.length} certificates of the reply holds our key`,
    )
  }
  if (received[0] !== certificate) {
    throw new ConnectorError(
      'scep/bad-request',
      'our certificate is not the first of the reply, which Apple devices need',
    )
  }
  if (!isSame(certificate.subjectDer, encodeDistinguishedName(asked.subject))) {
    throw new ConnectorError(
      'scep/bad-request',
      `the certificate says "${certificate.subject}", we asked for "${asked.subject}"`,
    )
  }
  verifySubjectAltName(certificate, asked.sans)
  const known = [...authorities.authorities, ...received.filter((one) => one.isCa)]
  const chain = verifyChain(certificate, known, now)
  if (!isSame(chain.at(-1)?.der ?? new Uint8Array(), authorities.root.der)) {
    throw new ConnectorError(
      'scep/bad-signature',
      'the certificate chains to another root than the RA certificate',
    )
  }
  return { certificate, chain }
}

function verifySubjectAltName(
  certificate: ReceivedCertificate,
  sans: readonly RequestedName[],
): void {
  const got = findSubjectAltName(certificate.der)
  const isAsAsked =
    sans.length === 0
      ? got === undefined
      : got !== undefined && isSame(got, encodeSubjectAltNames(sans))
  if (isAsAsked) return
  throw new ConnectorError(
    'scep/bad-request',
    `the subjectAltName of the certificate is not what we asked for: ${certificate.x509.subjectAltName ?? '(none)'}`,
  )
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
