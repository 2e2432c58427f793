import { ConnectorError } from '../../kernel/index.ts'
import {
  type CertificateOrder,
  type CertificationRequest,
  type Extension,
  encodeExtKeyUsage,
  encodeKeyUsage,
  encodeSidExtension,
  encodeSubjectAltName,
  findExtension,
  type GeneralName,
  type KeyUsageName,
  OID,
  type PublicKeySummary,
  parseExtKeyUsage,
  parseKeyUsage,
  parseSidExtension,
  parseSubjectAltName,
} from '../../pki/index.ts'
import { findAltNameProblem, findSubjectProblem } from './certificate-names.ts'
import { findRequestedEnd } from './requested-lifetime.ts'

/** What a certificate profile allows. Parsed and checked by configuration. Plain data. */
export interface CertificateRules {
  /** Longest lifetime, and that of certificates whose request names none (REQ-117, REQ-119). */
  readonly validityDays: number
  /** How far notBefore lies in the past, in minutes. Default 10 (REQ-132). */
  readonly backdateMinutes: number
  /** Default 2048; RSA above 8192 is always refused (REQ-121). */
  readonly minRsaBits: number
  readonly keyTypes: readonly ('rsa' | 'ec' | 'ed25519')[]
  readonly allowEmptySubject: boolean
  /**
   * OIDs that may be issued when asked for; others are left out. anyExtendedKeyUsage, smart-card logon and enrolment
   * agent must be named to be allowed (REQ-130).
   */
  readonly allowedEkus: readonly string[]
  /** Issued when the CSR asks for none; empty: no extension. */
  readonly defaultEkus: readonly string[]
  /** keyUsage bits that may be issued when asked for; others are left out. */
  readonly allowedKeyUsages: readonly KeyUsageName[]
  readonly defaultKeyUsages: readonly KeyUsageName[]
  readonly sanKinds: readonly GeneralName['kind'][]
  /**
   * REQ-126. A SID extension in a CSR is never copied, whatever stands here. `verified`: the SID that the directory has
   * for the subject is issued, and what the CSR says must not differ from it.
   */
  readonly sid: 'strip' | 'pass-uri' | 'verified' | 'reject'
  /** With `verified`: without a SID there is no certificate. */
  readonly requireSid: boolean
}

/** What policy says to a CSR. */
export type PolicyVerdict =
  | {
      readonly kind: 'accepted'
      readonly order: Omit<CertificateOrder, 'serialHex'>
      /** What was asked for and left out, for the operator; empty when everything was granted. */
      readonly leftOut: readonly string[]
    }
  | {
      readonly kind: 'refused'
      readonly reason: string
      /** What the refusal is about, where Windows has a code of its own for that (REQ-162). */
      readonly about?: 'key' | 'names'
    }

/** Largest RSA modulus worth verifying (REQ-121). */
const MAX_RSA_BITS = 8192
const EC_CURVES: readonly string[] = ['P-256', 'P-384', 'P-521']

/** Microsoft's SAN URI for strong mapping (KB5014754). */
const SID_URI_PREFIX = 'tag:microsoft.com,2022-09-14:sid:'
const SID_PATTERN = /^S-1-(\d+-){1,14}\d+$/

/** Accounts that Windows makes itself (Administrator, krbtgt, Domain Admins, …) have relative ids below this. */
const FIRST_ORDINARY_RID = 1000

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

class Refusal extends Error {
  readonly about: 'key' | 'names' | undefined

  constructor(reason: string, about?: 'key' | 'names') {
    super(reason)
    this.about = about
  }
}

/**
 * Decides what is signed for a CSR whose challenge was accepted: key, names, lifetime, and from its extensions only
 * subjectAltName, keyUsage and extKeyUsage (allow-list; RFC 5280, section 4.2.1). Subject and SAN bytes stay as sent, or
 * the request is refused; a SID URI is the only entry that is ever taken out.
 * Pure; the same input gives the same order.
 *
 * @param directorySid with `sid: verified`: what the directory answered for the subject; undefined: it has none
 */
export function checkCertificatePolicy(
  csr: CertificationRequest,
  rules: CertificateRules,
  now: Date,
  directorySid?: string,
): PolicyVerdict {
  const leftOut: string[] = []
  try {
    checkPublicKey(csr.publicKey, rules)
    const subjectAltName = decideSubjectAltName(csr, rules, leftOut, directorySid)
    checkSubject(csr, rules, subjectAltName)
    const extensions = [
      decideKeyUsage(csr, rules, leftOut),
      decideExtendedKeyUsage(csr, rules, leftOut),
      subjectAltName,
      rules.sid === 'verified' && directorySid !== undefined
        ? encodeSidExtension(directorySid)
        : undefined,
    ].filter((extension) => extension !== undefined)
    noteIgnored(csr, rules, leftOut)
    return {
      kind: 'accepted',
      order: {
        subjectDer: csr.subjectDer,
        spkiDer: csr.spkiDer,
        notBefore: new Date(now.getTime() - rules.backdateMinutes * MINUTE_MS),
        notAfter: decideEnd(csr, rules, now, leftOut),
        extensions,
      },
      leftOut,
    }
  } catch (error) {
    if (error instanceof Refusal) {
      const { message: reason, about } = error
      return { kind: 'refused', reason, ...(about === undefined ? {} : { about }) }
    }
    // The codec reads an extension only when somebody needs it: a malformed one is the device's fault, not ours.
    if (error instanceof ConnectorError && error.code === 'pki/malformed')
      return { kind: 'refused', reason: `an extension of the CSR is malformed: ${error.message}` }
    throw error
  }
}

function checkPublicKey(key: PublicKeySummary, rules: CertificateRules): void {
  if (key.algorithm === 'other' || !rules.keyTypes.includes(key.algorithm))
    throw new Refusal(`key type ${key.algorithm} is not among ${rules.keyTypes.join(', ')}`, 'key')
  if (key.algorithm === 'ec' && !EC_CURVES.includes(key.curve ?? ''))
    throw new Refusal(`curve ${key.curve ?? 'unknown'} is not among ${EC_CURVES.join(', ')}`, 'key')
  if (key.algorithm !== 'rsa') return
  if (key.bits < rules.minRsaBits || key.bits > MAX_RSA_BITS)
    throw new Refusal(
      `RSA key of ${key.bits} bits; allowed are ${rules.minRsaBits} to ${MAX_RSA_BITS}`,
      'key',
    )
  const exponent = key.exponent ?? 0
  if (exponent < 3 || exponent % 2 === 0)
    throw new Refusal('RSA exponent is 1, even or too large', 'key')
}

/** A device may ask for less than the profile gives, never for more. */
function decideEnd(
  csr: CertificationRequest,
  rules: CertificateRules,
  now: Date,
  leftOut: string[],
): Date {
  const latest = new Date(now.getTime() + rules.validityDays * DAY_MS)
  const asked = findRequestedEnd(csr.nameValuePairs, now)
  if (asked === undefined) return latest
  if (asked !== 'malformed' && asked <= latest) return asked
  leftOut.push(asked === 'malformed' ? 'a malformed ValidityPeriod' : 'a longer ValidityPeriod')
  return latest
}

function checkSubject(
  csr: CertificationRequest,
  rules: CertificateRules,
  subjectAltName: Extension | undefined,
): void {
  const problem = findSubjectProblem(csr.subjectDer)
  if (problem !== undefined) throw new Refusal(problem, 'names')
  if (csr.subject !== '') return
  if (!rules.allowEmptySubject) throw new Refusal('the subject is empty', 'names')
  if (subjectAltName === undefined)
    throw new Refusal('the subject is empty and there is no subjectAltName', 'names')
}

function decideSubjectAltName(
  csr: CertificationRequest,
  rules: CertificateRules,
  leftOut: string[],
  directorySid: string | undefined,
): Extension | undefined {
  const asked = findExtension(csr.extensions, OID.subjectAltName)
  if (asked === undefined) {
    decideSid(csr, rules, [], directorySid)
    return undefined
  }
  const names = parseSubjectAltName(asked.valueDer)
  const problem = findAltNameProblem(asked.valueDer, names)
  if (problem !== undefined) throw new Refusal(problem, 'names')
  for (const name of names) {
    if (!rules.sanKinds.includes(name.kind))
      throw new Refusal(
        `subjectAltName holds a ${name.kind} entry; allowed are ${rules.sanKinds.join(', ')}`,
        'names',
      )
  }
  const sidNames = names.filter((name) => isSidUri(name))
  decideSid(csr, rules, sidNames, directorySid)
  // RFC 5280, section 4.2.1.6: critical exactly when the subject is empty.
  const critical = csr.subject === ''
  if (rules.sid !== 'strip' || sidNames.length === 0)
    return { oid: OID.subjectAltName, critical, valueDer: asked.valueDer }
  leftOut.push('SID URI of the subjectAltName')
  const kept = names.filter((name) => !isSidUri(name))
  if (kept.length === 0) return undefined
  return encodeSubjectAltName(
    kept.map((name) => name.der),
    critical,
  )
}

/** REQ-127, REQ-129: the device's word about its SID is never enough for the extension. */
function decideSid(
  csr: CertificationRequest,
  rules: CertificateRules,
  sidNames: readonly GeneralName[],
  directorySid: string | undefined,
): void {
  const extension = findExtension(csr.extensions, OID.ntdsCaSecurity)
  if (rules.sid === 'verified') checkDirectorySid(rules, directorySid, extension)
  if (rules.sid === 'reject' && (extension !== undefined || sidNames.length > 0))
    throw new Refusal('the CSR names a SID, and this profile refuses that')
  if (sidNames.length > 1) throw new Refusal('the subjectAltName names more than one SID')
  const uri = sidNames[0]?.value
  if (uri === undefined) return
  const sid = uri.slice(SID_URI_PREFIX.length)
  if (!SID_PATTERN.test(sid)) throw new Refusal('the SID in the subjectAltName is malformed')
  if (extension !== undefined && parseSidExtension(extension.valueDer) !== sid)
    throw new Refusal('the SID extension and the SID in the subjectAltName differ')
  if (rules.sid === 'verified' && sid !== directorySid)
    throw new Refusal('the SID in the subjectAltName is not the one that the directory has')
}

/** The directory's word alone is issued; a request that says otherwise is refused rather than corrected. */
function checkDirectorySid(
  { requireSid }: CertificateRules,
  directorySid: string | undefined,
  extension: Extension | undefined,
): void {
  if (directorySid === undefined && requireSid)
    throw new Refusal('the directory has no SID for whom the request names; this profile wants one')
  if (directorySid !== undefined && isBuiltIn(directorySid))
    throw new Refusal('the SID in the directory is that of a built-in account')
  if (extension !== undefined && parseSidExtension(extension.valueDer) !== directorySid)
    throw new Refusal('the SID extension of the CSR is not what the directory has')
}

/** No device enrols for one of these, and a certificate would let its holder be it. */
function isBuiltIn(sid: string): boolean {
  return Number(sid.slice(sid.lastIndexOf('-') + 1)) < FIRST_ORDINARY_RID
}

function isSidUri(name: GeneralName): boolean {
  return name.kind === 'uri' && name.value.toLowerCase().startsWith(SID_URI_PREFIX)
}

function decideKeyUsage(
  csr: CertificationRequest,
  rules: CertificateRules,
  leftOut: string[],
): Extension | undefined {
  const asked = findExtension(csr.extensions, OID.keyUsage)
  const usages = grant(
    asked === undefined ? undefined : parseKeyUsage(asked.valueDer),
    rules.allowedKeyUsages,
    rules.defaultKeyUsages,
    'keyUsage',
    leftOut,
  )
  return usages.length === 0 ? undefined : encodeKeyUsage(usages)
}

function decideExtendedKeyUsage(
  csr: CertificationRequest,
  rules: CertificateRules,
  leftOut: string[],
): Extension | undefined {
  const asked = findExtension(csr.extensions, OID.extKeyUsage)
  const usages = grant(
    asked === undefined ? undefined : parseExtKeyUsage(asked.valueDer),
    rules.allowedEkus,
    rules.defaultEkus,
    'extKeyUsage',
    leftOut,
  )
  return usages.length === 0 ? undefined : encodeExtKeyUsage(usages)
}

/** What of the wishes is allowed. Leaving something out never gives more rights; nothing left of a wish is a refusal. */
function grant<T extends string>(
  asked: readonly T[] | undefined,
  allowed: readonly T[],
  byDefault: readonly T[],
  what: string,
  leftOut: string[],
): readonly T[] {
  if (asked === undefined) return byDefault
  const denied = asked.filter((wish) => !allowed.includes(wish))
  const granted = asked.filter((wish) => allowed.includes(wish))
  if (granted.length === 0)
    throw new Refusal(`${what} ${denied.join(', ') || '(empty)'} is not allowed by the profile`)
  leftOut.push(...denied.map((wish) => `${what} ${wish}`))
  return granted
}

const CONSIDERED: readonly string[] = [OID.subjectAltName, OID.keyUsage, OID.extKeyUsage]

function noteIgnored(csr: CertificationRequest, rules: CertificateRules, leftOut: string[]): void {
  for (const { oid } of csr.extensions) {
    const isVerified = oid === OID.ntdsCaSecurity && rules.sid === 'verified'
    if (!CONSIDERED.includes(oid) && !isVerified) leftOut.push(`extension ${oid}`)
  }
}
