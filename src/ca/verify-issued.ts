import { ConnectorError, equalBytes, toHex } from '../kernel/index.ts'
import {
  type Certificate,
  type CertificateOrder,
  type Extension,
  findExtension,
  OID,
  parseBasicConstraints,
  parseCertificate,
  parseExtKeyUsage,
  parseKeyUsage,
  parseName,
  parseSubjectAltName,
} from '../pki/index.ts'
import { isIssuedBy } from './issued-by.ts'
import { isSameName } from './same-name.ts'

const SKEW_MS = 5 * 60_000

/**
 * Checks what a CA handed out against what was ordered, whatever the backend: never trust an answer because it came.
 *
 * The key, the subject (the same text; a CA may change string types), every subjectAltName, key usages and extended key
 * usages where they were ordered, no SID that was not ordered, not a CA, an end no later than ordered, and signatures up
 * the chain. The serial number is not compared: many CAs draw their own.
 *
 * @param chain as from `CaBackend.chain`: issuing CA first. The same array is checked in itself only once
 * @param now given, the certificate must also be valid then, with five minutes of grace at its start
 * @returns the certificate, read and verified, so that nobody has to read it again
 * @throws ConnectorError `ca/misconfigured` something differs; the message names all of it. The certificate must not be
 *   handed out, and should be revoked
 */
export function verifyIssued(
  certificateDer: Uint8Array,
  order: CertificateOrder,
  chain: readonly Uint8Array[],
  now?: Date,
): Certificate {
  const { certificate, problems } = checkIssued(certificateDer, order, chain, now)
  if (problems.length === 0) return certificate
  throw new ConnectorError(
    'ca/misconfigured',
    `the CA issued a certificate for ${parseName(order.subjectDer)} otherwise than ordered: ` +
      `${problems.join('; ')}. Check what its template or profile takes from a request`,
  )
}

function checkIssued(
  certificateDer: Uint8Array,
  order: CertificateOrder,
  chain: readonly Uint8Array[],
  now: Date | undefined,
): { readonly certificate: Certificate; readonly problems: readonly string[] } {
  try {
    const certificate = parseCertificate(certificateDer)
    const problems = [
      ...checkIdentity(certificate, order),
      ...checkDates(certificate, order, now),
      ...checkPurposes(certificate, order),
      ...checkSignatures(certificate, chain),
    ]
    return { certificate, problems }
  } catch (cause) {
    throw new ConnectorError(
      'ca/misconfigured',
      `the answer of the CA for ${parseName(order.subjectDer)}, or its chain, cannot be read`,
      { cause },
    )
  }
}

function checkIdentity(certificate: Certificate, order: CertificateOrder): string[] {
  const problems: string[] = []
  if (!equalBytes(certificate.spkiDer, order.spkiDer)) problems.push('it is for another key')
  if (!isSameName(certificate.subjectDer, order.subjectDer)) {
    problems.push(`its subject is ${certificate.subject || 'empty'}`)
  }
  const names = findValue(certificate.extensions, OID.subjectAltName)
  const orderedNames = findValue(order.extensions, OID.subjectAltName)
  if (!isSameValue(names, orderedNames) && !isSameSet(listNames(names), listNames(orderedNames))) {
    problems.push('its subjectAltName differs')
  }
  const sid = findValue(certificate.extensions, OID.ntdsCaSecurity)
  const orderedSid = findValue(order.extensions, OID.ntdsCaSecurity)
  if (!isSameValue(sid, orderedSid)) problems.push('its SID extension differs')
  return problems
}

function checkDates(certificate: Certificate, order: CertificateOrder, now?: Date): string[] {
  const { notBefore, notAfter } = certificate
  const problems: string[] = []
  if (!(notBefore < notAfter)) problems.push('it ends before it begins')
  // Certificates tell whole seconds.
  if (Math.floor(notAfter.getTime() / 1000) > Math.floor(order.notAfter.getTime() / 1000)) {
    problems.push(
      `it ends at ${notAfter.toISOString()}, after the ordered ${order.notAfter.toISOString()}`,
    )
  }
  if (notAfter <= order.notBefore) problems.push('it had ended before it was ordered')
  if (now !== undefined && notBefore.getTime() > now.getTime() + SKEW_MS) {
    problems.push(`it begins only at ${notBefore.toISOString()}`)
  }
  if (now !== undefined && notAfter <= now) problems.push('it has expired')
  return problems
}

function checkPurposes(certificate: Certificate, order: CertificateOrder): string[] {
  const problems: string[] = []
  const constraints = findValue(certificate.extensions, OID.basicConstraints)
  if (constraints && parseBasicConstraints(constraints).isCa) problems.push('it is a CA')
  for (const [oid, what, list] of PURPOSES) {
    const wanted = findValue(order.extensions, oid)
    const found = findValue(certificate.extensions, oid)
    // Without the extension every purpose is ordered; what the CA adds can only narrow that.
    if (!wanted || isSameValue(found, wanted)) continue
    const has = found ? list(found) : []
    const shall = list(wanted)
    if (!isSameSet(has, shall)) {
      problems.push(`its ${what} is [${has.join(', ')}] instead of [${shall.join(', ')}]`)
    }
  }
  return problems
}

const PURPOSES = [
  [OID.keyUsage, 'keyUsage', parseKeyUsage],
  [OID.extKeyUsage, 'extKeyUsage', parseExtKeyUsage],
] as const

function checkSignatures(certificate: Certificate, chain: readonly Uint8Array[]): string[] {
  const [issuer] = getCheckedChain(chain)
  if (issuer && isIssuedBy(certificate, issuer)) return []
  return [`it was not signed by ${issuer?.subject ?? 'any CA, for the chain is empty'}`]
}

/** A backend gives the same array each time; its own links need no second look. */
const checkedChains = new WeakMap<readonly Uint8Array[], readonly Certificate[]>()

function getCheckedChain(chain: readonly Uint8Array[]): readonly Certificate[] {
  const known = checkedChains.get(chain)
  if (known) return known
  const certificates = chain.map(parseCertificate)
  for (const [index, certificate] of certificates.entries()) {
    const issuer = certificates[index + 1]
    if (!issuer || isIssuedBy(certificate, issuer)) continue
    throw new ConnectorError(
      'ca/misconfigured',
      `the chain of the CA is broken: ${certificate.subject} was not signed by ${issuer.subject}`,
    )
  }
  checkedChains.set(chain, certificates)
  return certificates
}

function findValue(extensions: readonly Extension[], oid: string): Uint8Array | undefined {
  return findExtension(extensions, oid)?.valueDer
}

function listNames(subjectAltNameDer: Uint8Array | undefined): string[] {
  return subjectAltNameDer
    ? parseSubjectAltName(subjectAltNameDer).map(({ der }) => toHex(der))
    : []
}

function isSameValue(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : equalBytes(a, b)
}

function isSameSet(a: readonly string[], b: readonly string[]): boolean {
  const [left, right] = [new Set(a), new Set(b)]
  return left.size === right.size && a.every((text) => right.has(text))
}
