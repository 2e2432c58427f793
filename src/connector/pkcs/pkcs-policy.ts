import { ConnectorError } from '../../kernel/index.ts'
import type { PkcsRequest, WorkErrorCode } from '../../management/index.ts'
import {
  type CertificateOrder,
  type Extension,
  encodeExtKeyUsage,
  encodeKeyUsage,
  encodeNameText,
  encodeSidExtension,
  type KeyUsageName,
  OID,
  parseSubjectAltName,
} from '../../pki/index.ts'
import { findAltNameProblem, findSubjectProblem } from '../policy/certificate-names.ts'
import { fitsEntry, listAttributes } from '../policy/name-patterns.ts'
import { addMonths } from '../policy/requested-lifetime.ts'
import { encodeRequestedNames } from '../policy/requested-names.ts'
import type { KeyPairKind } from './key-pairs.ts'

/** What one template of one CA may be asked for. Parsed and checked by configuration. Plain data. */
export interface PkcsTemplate {
  /** As the service names the CA and the template; compared without regard to case. */
  readonly certificationAuthority: string
  readonly certificationAuthorityName: string
  readonly certificateTemplateName: string
  /** Who signs: id of a CA of the configuration. */
  readonly ca: string
  readonly maxValidityDays: number
  readonly backdateMinutes: number
  /** `type=pattern`; every attribute of a subject fits one of them. */
  readonly subject: readonly string[]
  /** `sanType=pattern`; every name fits one of them. */
  readonly subjectAltNames: readonly string[]
  /** OIDs that may be asked for; all of them are issued where a request names none. */
  readonly ekus: readonly string[]
  /** The same for bits of keyUsage. */
  readonly keyUsages: readonly KeyUsageName[]
  /** Whether the SID of a request is issued as Microsoft's extension. */
  readonly sid: boolean
}

/** What policy says to a request. */
export type PkcsDecision =
  | {
      readonly kind: 'accepted'
      readonly template: PkcsTemplate
      readonly keys: KeyPairKind
      /** All that is signed, apart from key and serial number. */
      readonly order: Omit<CertificateOrder, 'serialHex' | 'spkiDer'>
    }
  | { readonly kind: 'refused'; readonly errorCode: WorkErrorCode; readonly reason: string }

const SID_PATTERN = /^S-1-5-21-(\d{1,10}-){3}\d{1,10}$/

/** Accounts that Windows makes itself have relative ids below this. */
const FIRST_ORDINARY_RID = 1000

/** Microsoft's other spelling of a SID (KB5014754), in a subjectAltName. */
const SID_URI = /^tag:microsoft\.com,2022-09-14:sid:/i

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

const keyKinds: Readonly<Record<string, KeyPairKind>> = {
  'rsa 2048': 'rsa2048',
  'rsa 3072': 'rsa3072',
  'rsa 4096': 'rsa4096',
  'ec 256': 'p256',
  'ec 384': 'p384',
  'ec 521': 'p521',
}

class Refusal extends Error {
  readonly errorCode: WorkErrorCode

  constructor(reason: string, errorCode: WorkErrorCode = 'NotSupportedError') {
    super(reason)
    this.errorCode = errorCode
  }
}

/** Whether any template is of the CA that a request names. */
export function isKnownAuthority(
  request: PkcsRequest,
  templates: readonly PkcsTemplate[],
): boolean {
  return templates.some((template) => isOfAuthority(template, request))
}

/**
 * Decides what is signed for a request of a management service. A service that was taken over gets nothing beyond the
 * configured templates: names, purposes, lifetime and CA are refused there, never shortened or left out, so that what the
 * administrator of the service sees is what was issued. Pure; the same input gives the same decision.
 *
 * @see pfx.md, 7, 10.7 and 10.8
 */
export function decidePkcs(
  request: PkcsRequest,
  templates: readonly PkcsTemplate[],
  now: Date,
): PkcsDecision {
  try {
    const template = findTemplate(request, templates)
    const keys = keyKinds[`${request.keyAlgorithm} ${request.keySize}`]
    if (keys === undefined)
      throw new Refusal(`a key of ${request.keyAlgorithm} ${request.keySize} is not made here`)
    const subjectDer = decideSubject(request, template)
    const extensions = [
      encodeKeyUsage(grant(request.keyUsage, template.keyUsages, 'keyUsage')),
      encodeExtKeyUsage(grant(request.extendedKeyUsages, template.ekus, 'extended key usage')),
      decideNames(request, template),
      decideSid(request, template),
    ].filter((extension) => extension !== undefined)
    return {
      kind: 'accepted',
      template,
      keys,
      order: {
        subjectDer,
        notBefore: new Date(now.getTime() - template.backdateMinutes * MINUTE_MS),
        notAfter: decideEnd(request, template, now),
        extensions,
      },
    }
  } catch (error) {
    if (error instanceof Refusal)
      return { kind: 'refused', errorCode: error.errorCode, reason: error.message }
    if (error instanceof ConnectorError && /^(pki\/malformed|policy\/)/.test(error.code))
      return { kind: 'refused', errorCode: 'ParameterDataInvalidError', reason: error.message }
    throw error
  }
}

function isOfAuthority(template: PkcsTemplate, request: PkcsRequest): boolean {
  return (
    isSame(template.certificationAuthority, request.certificationAuthority) &&
    isSame(template.certificationAuthorityName, request.certificationAuthorityName)
  )
}

function findTemplate(request: PkcsRequest, templates: readonly PkcsTemplate[]): PkcsTemplate {
  const found = templates.find(
    (template) =>
      isOfAuthority(template, request) &&
      isSame(template.certificateTemplateName, request.certificateTemplateName),
  )
  if (found !== undefined) return found
  throw new Refusal(
    `template ${request.certificateTemplateName} of ${request.certificationAuthorityName} is not in pkcs.templates`,
  )
}

function decideSubject({ subjectName }: PkcsRequest, { subject }: PkcsTemplate): Uint8Array {
  const subjectDer = encodeNameText(subjectName)
  const problem = findSubjectProblem(subjectDer)
  if (problem !== undefined) throw new Refusal(problem, 'ParameterDataInvalidError')
  for (const { type, value } of listAttributes(subjectDer))
    if (value === undefined || !subject.some((entry) => fitsEntry(type, value, entry)))
      throw new Refusal(`${type} of the subject fits nothing that pkcs.templates allows`)
  return subjectDer
}

function decideNames(
  { subjectAlternativeNames: names }: PkcsRequest,
  { subjectAltNames }: PkcsTemplate,
): Extension | undefined {
  const extension = encodeRequestedNames(names)
  if (extension === undefined) return undefined
  for (const { sanType, name } of names) {
    if (SID_URI.test(name)) throw new Refusal('a SID comes in its own member only')
    if (!subjectAltNames.some((entry) => fitsEntry(sanType, name, entry)))
      throw new Refusal(`a ${sanType} fits nothing that pkcs.templates allows`)
  }
  const encoded = parseSubjectAltName(extension.valueDer)
  const problem = findAltNameProblem(extension.valueDer, encoded)
  if (problem !== undefined) throw new Refusal(problem, 'ParameterDataInvalidError')
  // Otherwise the patterns of the one would be those of the other.
  const isDisguised = (index: number): boolean => names[index]?.sanType === 'otherName'
  for (const [index, { typeOid }] of encoded.entries())
    if (isDisguised(index) && (typeOid === OID.userPrincipalName || typeOid === OID.ntdsObjectSid))
      throw new Refusal('an otherName is of a type that has a member of its own')
  return extension
}

/** From the service's member alone, which it has from the directory; never from other text. */
function decideSid(
  { onPremisesSecurityIdentifier: sid }: PkcsRequest,
  template: PkcsTemplate,
): Extension | undefined {
  if (sid === undefined || sid === '' || !template.sid) return undefined
  if (!SID_PATTERN.test(sid))
    throw new Refusal(
      'onPremisesSecurityIdentifier is no SID of a domain',
      'ParameterDataInvalidError',
    )
  if (Number(sid.slice(sid.lastIndexOf('-') + 1)) < FIRST_ORDINARY_RID)
    throw new Refusal('onPremisesSecurityIdentifier is that of a built-in account')
  return encodeSidExtension(sid)
}

function decideEnd(
  { validity: { value, scale } }: PkcsRequest,
  { maxValidityDays }: PkcsTemplate,
  now: Date,
): Date {
  const end =
    scale === 'days'
      ? new Date(now.getTime() + value * DAY_MS)
      : addMonths(now, scale === 'months' ? value : value * 12)
  if (end.getTime() <= now.getTime() + maxValidityDays * DAY_MS) return end
  throw new Refusal(`${value} ${scale} are more than the ${maxValidityDays} days allowed`)
}

function grant<T extends string>(
  asked: readonly string[],
  allowed: readonly T[],
  what: string,
): readonly T[] {
  if (asked.length === 0) return allowed
  const denied = asked.filter((wish) => !allowed.some((one) => one === wish))
  if (denied.length > 0)
    throw new Refusal(`${what} ${denied.slice(0, 5).join(', ')} is not allowed by pkcs.templates`)
  return allowed.filter((one) => asked.includes(one))
}

function isSame(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}
