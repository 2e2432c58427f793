import { createHash } from 'node:crypto'
import { ConnectorError, toHex } from '../../kernel/index.ts'
import {
  KEY_USAGE,
  parseCertificate,
  parseCertificateBag,
  type ReceivedCertificate,
} from './received-certificate.ts'

/** What GetCACert told, sorted by role. The root is trusted because the caller asked this server, or by its fingerprint. */
export interface CaCertificates {
  /** Requests are encrypted to this one. */
  readonly recipient: ReceivedCertificate
  /** Any of these may sign replies. */
  readonly signers: readonly ReceivedCertificate[]
  readonly authorities: readonly ReceivedCertificate[]
  /** Self-signed; the certificates above chain to it. */
  readonly root: ReceivedCertificate
}

/**
 * Reads the body of GetCACert and checks that the RA certificates chain to the root in the same list.
 *
 * @param mediaType Content-Type of the answer, which says whether one certificate or a list follows
 * @param rootFingerprintHex SHA-1 or SHA-256 of the root that the administrator expects; undefined trusts the list
 * @throws ConnectorError `pki/malformed` the body cannot be read
 * @throws ConnectorError `scep/bad-signature` no chain, or another root than expected
 * @see RFC 8894, section 4.2.1
 */
export function parseCaCertificates(
  body: Uint8Array,
  mediaType: string,
  rootFingerprintHex: string | undefined,
  now: Date,
): CaCertificates {
  const isSingle = mediaType.startsWith('application/x-x509-ca-cert')
  const list = (isSingle ? [body] : parseCertificateBag(body)).map(parseCertificate)
  const authorities = list.filter((certificate) => certificate.isCa)
  const entities = list.filter((certificate) => !certificate.isCa)
  const candidates = entities.length > 0 ? entities : list
  const [first] = candidates
  if (first === undefined)
    throw new ConnectorError('pki/malformed', 'GetCACert: the list has no certificate')
  const recipient = candidates.find((one) => allows(one, KEY_USAGE.keyEncipherment)) ?? first
  const signers = candidates.filter((one) => allows(one, KEY_USAGE.digitalSignature))
  if (recipient.x509.publicKey.asymmetricKeyType !== 'rsa') {
    throw new ConnectorError(
      'pki/unsupported-algorithm',
      `GetCACert: "${recipient.subject}" has no RSA key to encrypt to`,
    )
  }
  const root = verifyChain(recipient, authorities, now).at(-1) ?? recipient
  for (const signer of signers) verifyChain(signer, authorities, now)
  verifyFingerprint(root, rootFingerprintHex)
  return { recipient, signers: signers.length > 0 ? signers : [recipient], authorities, root }
}

/**
 * The certificates above this one, issuer first, up to and with the self-signed root. Each signature, name, CA flag
 * and validity is checked.
 *
 * @throws ConnectorError `scep/bad-signature` says at which certificate the chain breaks
 */
export function verifyChain(
  certificate: ReceivedCertificate,
  authorities: readonly ReceivedCertificate[],
  now: Date,
): readonly ReceivedCertificate[] {
  const chain: ReceivedCertificate[] = []
  let at = certificate
  while (!isSelfSigned(at)) {
    verifyDates(at, now)
    const issuer = authorities.find(
      (one) => at.x509.checkIssued(one.x509) && at.x509.verify(one.x509.publicKey),
    )
    if (issuer === undefined || chain.includes(issuer)) {
      throw new ConnectorError(
        'scep/bad-signature',
        `no issuer of "${at.subject}" among the certificates of GetCACert`,
      )
    }
    chain.push(issuer)
    at = issuer
  }
  verifyDates(at, now)
  return chain
}

/** SHA-1 and SHA-256 of a certificate, upper-case hexadecimal. SHA-1 is what Windows and Intune call the thumbprint. */
export function fingerprintsOf(der: Uint8Array): {
  readonly sha1Hex: string
  readonly sha256Hex: string
} {
  const digest = (name: string) => toHex(createHash(name).update(der).digest())
  return { sha1Hex: digest('sha1'), sha256Hex: digest('sha256') }
}

function allows(certificate: ReceivedCertificate, bit: number): boolean {
  return certificate.keyUsage === undefined || (certificate.keyUsage & bit) !== 0
}

function isSelfSigned({ x509 }: ReceivedCertificate): boolean {
  return x509.checkIssued(x509) && x509.verify(x509.publicKey)
}

function verifyDates({ x509, subject }: ReceivedCertificate, now: Date): void {
  if (now < x509.validFromDate || now > x509.validToDate) {
    throw new ConnectorError(
      'scep/bad-time',
      `"${subject}" is valid from ${x509.validFromDate.toISOString()} to ${x509.validToDate.toISOString()}, not now; check both clocks`,
    )
  }
}

function verifyFingerprint(root: ReceivedCertificate, expected: string | undefined): void {
  if (expected === undefined) return
  const wanted = expected.replaceAll(/[\s:]/g, '').toUpperCase()
  const { sha1Hex, sha256Hex } = fingerprintsOf(root.der)
  if (wanted === sha1Hex || wanted === sha256Hex) return
  throw new ConnectorError(
    'scep/bad-signature',
    `the root of this server is "${root.subject}", SHA-256 ${sha256Hex}, not the expected ${wanted}; wrong server or wrong root?`,
  )
}
