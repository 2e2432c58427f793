import type { Secret } from '../kernel/index.ts'
import {
  findExtension,
  type KeyUsageName,
  OID,
  parseCertificate,
  parseExtKeyUsage,
  parseKeyUsage,
} from '../pki/index.ts'
import type { PfxIdentity } from './identity.ts'
import type { PfxProtection } from './open-pfx.ts'

const DAY_MS = 24 * 3_600_000
const SOON_DAYS = 30

/** Below these the password or its derivation is what an attacker who has the record would try. */
const GOOD_PASSWORD_CHARACTERS = 24
const GOOD_ITERATIONS = 100_000

/** Everything that an import is judged by. */
export interface ImportFacts {
  readonly identity: PfxIdentity
  readonly protection: PfxProtection
  /** Of the file. */
  readonly password: Secret
  /** Longest password, in octets, that the key and the padding take. */
  readonly maxPasswordOctets: number
  /** As Microsoft Graph names them: `smimeEncryption`, … */
  readonly purpose: string
  /** Old mail is read with certificates that have ended. */
  readonly allowExpired: boolean
  readonly now: Date
}

/** What stands against an import, and what an administrator should know of one that is possible. No secrets. */
export interface ImportCheck {
  readonly problems: readonly string[]
  readonly warnings: readonly string[]
}

/**
 * Judges a PFX before it is imported. Microsoft's service answers a record that it does not like with 400 and no reason,
 * and a device that cannot use one says even less: so everything that can be known here is said here, all at once.
 */
export function checkImport(facts: ImportFacts): ImportCheck {
  const { identity, now } = facts
  const certificate = parseCertificate(identity.certificate.raw)
  const problems = checkPassword(facts)
  const warnings = checkProtection(facts)
  const { notBefore, notAfter } = certificate
  if (notAfter <= now) {
    const sentence = `the certificate ended on ${notAfter.toISOString()}`
    if (facts.allowExpired) warnings.push(sentence)
    else problems.push(`${sentence}; for reading old mail alone --allow-expired imports it`)
  } else if (notAfter.getTime() - now.getTime() < SOON_DAYS * DAY_MS)
    warnings.push(
      `the certificate ends on ${notAfter.toISOString()}; imported certificates are not renewed`,
    )
  if (notBefore > now) warnings.push(`the certificate begins on ${notBefore.toISOString()}`)
  if (identity.key.asymmetricKeyType !== 'rsa' && identity.key.asymmetricKeyType !== 'ec')
    problems.push(
      `the key is ${identity.key.asymmetricKeyType ?? 'of an unknown kind'}; devices take RSA and EC`,
    )
  if (identity.others.length === 0)
    warnings.push(
      'the file has no issuer certificate: devices must have the chain from a trusted certificate profile',
    )
  warnings.push(...checkPurpose(facts.purpose, certificate.extensions))
  return { problems, warnings }
}

function checkPassword({ password, maxPasswordOctets }: ImportFacts): string[] {
  const text = password.reveal()
  if (!/^[ -~]*$/.test(text))
    return [
      'the password has characters beyond ASCII: Microsoft’s tools and devices disagree about their octets. ' +
        'Export with another password, or let --new-password make one',
    ]
  if (text.length === 0) return ['the password is empty; export with one, or use --new-password']
  if (text.length > maxPasswordOctets)
    return [
      `the password has ${text.length} octets; key and padding take ${maxPasswordOctets}. ` +
        'Use --new-password, a shorter password, a padding with a shorter digest or a longer key',
    ]
  return []
}

function checkProtection({ protection, password }: ImportFacts): string[] {
  const warnings: string[] = []
  const { ciphers, hasOldCipher, iterations, hasMac, hasOpenKey } = protection
  if (password.length < GOOD_PASSWORD_CHARACTERS)
    warnings.push(
      `the password has ${password.length} characters and is all that protects the key at Microsoft: ${GOOD_PASSWORD_CHARACTERS} or more, or --new-password`,
    )
  if (hasOpenKey) warnings.push('the private key in the file is not encrypted: use --new-password')
  if (hasOldCipher)
    warnings.push(`the file is encrypted with ${ciphers.join(' and ')}: use --new-password`)
  if (iterations < GOOD_ITERATIONS && iterations > 0)
    warnings.push(
      `the file derives its keys with ${iterations} iterations: ${GOOD_ITERATIONS} or more, or --new-password`,
    )
  if (!hasMac) warnings.push('the file has no MAC: some devices refuse it; use --new-password')
  return warnings
}

/** What a purpose needs. Nobody checks that later: mail programs just do not offer the certificate. */
const needs: Readonly<Record<string, { usages: readonly KeyUsageName[]; eku?: string }>> = {
  smimeEncryption: { usages: ['keyEncipherment', 'keyAgreement'], eku: OID.emailProtection },
  smimeSigning: { usages: ['digitalSignature', 'nonRepudiation'], eku: OID.emailProtection },
  wifi: { usages: ['digitalSignature'], eku: OID.clientAuth },
  vpn: { usages: ['digitalSignature'], eku: OID.clientAuth },
}

function checkPurpose(
  purpose: string,
  extensions: ReturnType<typeof parseCertificate>['extensions'],
): string[] {
  const warnings: string[] = []
  const { usages = [], eku } = needs[purpose] ?? {}
  const keyUsage = findExtension(extensions, OID.keyUsage)
  const allowed = keyUsage === undefined ? undefined : parseKeyUsage(keyUsage.valueDer)
  if (allowed !== undefined && usages.length > 0 && !usages.some((one) => allowed.includes(one)))
    warnings.push(
      `purpose ${purpose} needs key usage ${usages.join(' or ')}; the certificate has none of them`,
    )
  const extKeyUsage = findExtension(extensions, OID.extKeyUsage)
  const purposes = extKeyUsage === undefined ? undefined : parseExtKeyUsage(extKeyUsage.valueDer)
  if (eku !== undefined && purposes !== undefined)
    if (!purposes.includes(eku) && !purposes.includes(OID.anyExtendedKeyUsage))
      warnings.push(
        `purpose ${purpose} needs the extended key usage ${eku}; the certificate has others only`,
      )
  if (purpose === 'vpn') warnings.push('Microsoft documents the purpose vpn as not supported')
  return warnings
}
