import { equalBytes } from '../../kernel/index.ts'
import {
  type Certificate,
  type Extension,
  findExtension,
  importPublicKey,
  OID,
  parseBasicConstraints,
  parseCertificate,
  parseKeyUsage,
  verifyCertificateSignature,
} from '../../pki/index.ts'

/** Certificates between a device and the issuer that is trusted. */
const MAX_INTERMEDIATES = 4

/** Extensions that are understood; an intermediate with another critical one is no issuer (RFC 5280, section 4.2). */
const UNDERSTOOD: ReadonlySet<string> = new Set([OID.basicConstraints, OID.keyUsage])

/** nameConstraints, policyConstraints and inhibitAnyPolicy must be critical, and private CAs often forget it. */
const LIMITS: ReadonlySet<string> = new Set(['2.5.29.30', '2.5.29.36', '2.5.29.54'])

/** Whether an issuer in force signed a certificate. */
export function isIssuedBy(certificate: Certificate, issuer: Certificate, now: Date): boolean {
  return (
    equalBytes(certificate.issuerDer, issuer.subjectDer) &&
    isInForce(issuer, now) &&
    verifyCertificateSignature(certificate, importPublicKey(issuer.spkiDer))
  )
}

/**
 * Whether a path leads from a certificate to a trusted issuer, directly or over intermediates that somebody sent along.
 * Those are believed nothing: each must be a CA that may sign certificates, in force, signed by the next one, and allow as
 * many below itself as there are. What cannot be read is no issuer. Revocation of intermediates is not asked for.
 *
 * @param sent DER, in any order; more than a few are never walked
 * @see RFC 5280, section 6.1
 */
export function isIssuedUnder(
  certificate: Certificate,
  sent: readonly Uint8Array[],
  trusted: readonly Certificate[],
  now: Date,
): boolean {
  const left = new Set(sent.flatMap((der) => readIssuer(der) ?? []))
  let lower: readonly Certificate[] = [certificate]
  // Each intermediate is met once, as low as it can be, where its path length allows the most.
  for (let below = 0; below <= MAX_INTERMEDIATES; below += 1) {
    const isIssuer = (issuer: Certificate): boolean =>
      lower.some((one) => isIssuedBy(one, issuer, now))
    if (trusted.some((issuer) => pathLengthOf(issuer) >= below && isIssuer(issuer))) return true
    const next = [...left].filter((issuer) => pathLengthOf(issuer) >= below && isIssuer(issuer))
    for (const issuer of next) left.delete(issuer)
    lower = next
  }
  return false
}

function isInForce({ notBefore, notAfter }: Certificate, now: Date): boolean {
  return now >= notBefore && now <= notAfter
}

/** An intermediate, read; undefined where it may issue nothing. */
function readIssuer(der: Uint8Array): Certificate | undefined {
  try {
    const certificate = parseCertificate(der)
    const { extensions } = certificate
    const isUnchecked = ({ oid, critical }: Extension): boolean =>
      LIMITS.has(oid) || (critical && !UNDERSTOOD.has(oid))
    if (extensions.some(isUnchecked)) return undefined
    const constraints = findExtension(extensions, OID.basicConstraints)
    if (constraints === undefined || !parseBasicConstraints(constraints.valueDer).isCa)
      return undefined
    const usage = findExtension(extensions, OID.keyUsage)
    const maySign = usage === undefined || parseKeyUsage(usage.valueDer).includes('keyCertSign')
    return maySign ? certificate : undefined
  } catch {
    return undefined
  }
}

/** How many intermediates may stand below an issuer; what it does not limit, we do. */
function pathLengthOf({ extensions }: Certificate): number {
  const constraints = findExtension(extensions, OID.basicConstraints)
  if (constraints === undefined) return MAX_INTERMEDIATES
  return parseBasicConstraints(constraints.valueDer).pathLength ?? MAX_INTERMEDIATES
}
