import { type KeyObject, X509Certificate } from 'node:crypto'
import * as asn1js from 'asn1js'
import * as pkijs from 'pkijs'
import { ConnectorError } from '../../kernel/index.ts'

const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'
const KEY_USAGE = '2.5.29.15'
const KEY_ENCIPHERMENT_BIT = 0x20
const MAX_CHAIN = 4

/** What came back from an enrolment or a renewal, and what it must fit. */
export interface IssuedAgent {
  readonly certificatePem: string
  readonly encryptionCertificatePem: string
  readonly chainPem: string
  readonly keys: { readonly agent: KeyObject; readonly encryption: KeyObject }
  /** Chain of the enrolment, for a renewal: its root must stay the same. */
  readonly earlierChainPem: string | undefined
  readonly now: Date
}

/**
 * Verifies that both certificates are for our keys, for their purposes, in force, and issued by the fleet CA that came
 * with them, which at a renewal is the one we enrolled with. Which names they carry is the service's own affair.
 *
 * @throws ConnectorError `management/bad-response` one of it is not so
 */
export function verifyAgent(issued: IssuedAgent): void {
  const certificate = parse(issued.certificatePem, 'certificate')
  const encryption = parse(issued.encryptionCertificatePem, 'encryptionCertificate')
  const chain = splitPem(issued.chainPem).map((pem) => parse(pem, 'chain'))
  const root = chain.at(-1)
  if (root === undefined || chain.length > MAX_CHAIN) throw bad('chain', 'has no root, or is long')
  for (const [index, ca] of chain.entries()) {
    if (!ca.ca || !isIssuedBy(ca, chain[index + 1] ?? ca)) throw bad('chain', 'does not hold')
    if (!isInForce(ca, issued.now)) throw bad('chain', 'is not in force')
  }
  for (const [member, leaf, key] of [
    ['certificate', certificate, issued.keys.agent],
    ['encryptionCertificate', encryption, issued.keys.encryption],
  ] as const) {
    if (!leaf.checkPrivateKey(key)) throw bad(member, 'is for another key than ours')
    if (!isInForce(leaf, issued.now)) throw bad(member, 'is not in force; check the clock')
    if (chain[0] === undefined || !isIssuedBy(leaf, chain[0]))
      throw bad(member, 'is not issued by the CA in chain')
  }
  if (!certificate.keyUsage?.includes(CLIENT_AUTH))
    throw bad('certificate', 'is not for clientAuth')
  if (!isForKeyEncipherment(encryption))
    throw bad('encryptionCertificate', 'is not for keyEncipherment')
  if (issued.earlierChainPem === undefined) return
  const earlier = splitPem(issued.earlierChainPem).at(-1) ?? ''
  if (parse(earlier, 'chain').fingerprint256 !== root.fingerprint256)
    throw bad('chain', 'ends in another root than at enrolment; if that is meant, enrol again')
}

/** The blocks of a PEM text; what is between them is skipped. */
function splitPem(text: string): string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
}

function parse(pem: string, member: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch {
    throw bad(member, 'is no PEM certificate')
  }
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}

function isInForce({ validFromDate, validToDate }: X509Certificate, now: Date): boolean {
  // A service whose clock is five minutes ahead of ours is no reason to fail.
  return validFromDate.getTime() - 300_000 <= now.getTime() && now < validToDate
}

function isForKeyEncipherment({ raw }: X509Certificate): boolean {
  const { extensions } = pkijs.Certificate.fromBER(new Uint8Array(raw))
  const usage: unknown = extensions?.find(({ extnID }) => extnID === KEY_USAGE)?.parsedValue
  if (!(usage instanceof asn1js.BitString)) return false
  return ((usage.valueBlock.valueHexView[0] ?? 0) & KEY_ENCIPHERMENT_BIT) !== 0
}

function bad(member: string, problem: string): ConnectorError {
  return new ConnectorError(
    'management/bad-response',
    `the connector service: its ${member} ${problem}`,
  )
}
