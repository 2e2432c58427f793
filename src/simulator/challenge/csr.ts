import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import * as asn1js from 'asn1js'
import * as pkijs from 'pkijs'
import { keyUsageNames } from './content.ts'
import type { NameAttribute } from './distinguished-name.ts'
import { octetsOfIp } from './ip-address.ts'

const CHALLENGE_PASSWORD = '1.2.840.113549.1.9.7'
/** Extension request of PKCS #9 and of Microsoft's older clients. */
const EXTENSION_REQUESTS = ['1.2.840.113549.1.9.14', '1.3.6.1.4.1.311.2.1.14']
const KEY_USAGE = '2.5.29.15'
const SUBJECT_ALT_NAME = '2.5.29.17'
const EXT_KEY_USAGE = '2.5.29.37'
const USER_PRINCIPAL_NAME = '1.3.6.1.4.1.311.20.2.3'

/** Larger PKCS #10 are refused unread. */
const maxCsrBytes = 65_536

/** What a challenge is compared with. The signature of the CSR has not been verified. */
export interface CsrFacts {
  /** Absent when the CSR has no such attribute. */
  readonly challengePassword: string | undefined
  readonly subject: readonly NameAttribute[]
  /** Bits of the RSA modulus or of the EC field; 0 for other keys. */
  readonly keyLength: number
  /** SHA-256 over the SubjectPublicKeyInfo, lower-case hexadecimal. */
  readonly keyId: string
  /** Entries as `encodeSan` writes them; empty without the extension. */
  readonly sans: readonly string[]
  /** Absent without the extension. */
  readonly keyUsage: readonly string[] | undefined
  readonly ekus: readonly string[] | undefined
}

/**
 * Reads a PKCS #10. All extension-request attributes count, so that nothing hides in a second one; one extension that
 * cannot be read makes the whole unreadable.
 *
 * @param base64 standard base64 on one line, no PEM armour
 * @returns undefined for whatever cannot be read
 */
export function parseCsr(base64: string): CsrFacts | undefined {
  if (base64.length > (maxCsrBytes / 3) * 4 || !isBase64(base64)) return undefined
  try {
    return readFacts(pkijs.CertificationRequest.fromBER(Buffer.from(base64, 'base64')))
  } catch {
    // pkijs and asn1js throw many kinds of error for hostile bytes; all of them mean the same to the caller.
    return undefined
  }
}

/** Whether a text is non-empty standard base64 with padding, without line breaks. */
export function isBase64(text: string): boolean {
  return text.length > 0 && text.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text)
}

/** One text for an expected entry and for the same entry of a CSR. IP addresses are compared by their octets. */
export function encodeSan(type: string, value: string): string {
  return type === 'ip' ? `ip:${Buffer.from(octetsOfIp(value)).toString('hex')}` : `${type}:${value}`
}

function readFacts(csr: pkijs.CertificationRequest): CsrFacts {
  const spkiDer = Buffer.from(csr.subjectPublicKeyInfo.toSchema().toBER())
  const extensions = (csr.attributes ?? [])
    .filter(({ type }) => EXTENSION_REQUESTS.includes(type))
    .flatMap(({ values }) => values as unknown[])
    .flatMap((schema) => new pkijs.Extensions({ schema }).extensions)
  const parsed = (oid: string): unknown[] =>
    extensions.filter(({ extnID }) => extnID === oid).map((found) => found.parsedValue)
  const usages = parsed(KEY_USAGE)
  const purposes = parsed(EXT_KEY_USAGE)

  return {
    challengePassword: readChallenge(csr),
    subject: csr.subject.typesAndValues.map(({ type, value }) => ({
      typeOid: type,
      value: String(value.valueBlock.value),
    })),
    keyLength: keyLengthOf(createPublicKey({ key: spkiDer, format: 'der', type: 'spki' })),
    keyId: createHash('sha256').update(spkiDer).digest('hex'),
    sans: parsed(SUBJECT_ALT_NAME).flatMap(readAltNames),
    keyUsage: usages.length === 0 ? undefined : usages.flatMap(readKeyUsage),
    ekus: purposes.length === 0 ? undefined : purposes.flatMap(readPurposes),
  }
}

function readChallenge(csr: pkijs.CertificationRequest): string | undefined {
  const attribute = csr.attributes?.find(({ type }) => type === CHALLENGE_PASSWORD)
  const value: unknown = attribute?.values[0]
  // Any string type: PrintableString and UTF8String by RFC 2985, others by clients.
  return value instanceof asn1js.BaseStringBlock ? value.getValue() : undefined
}

function keyLengthOf(key: KeyObject): number {
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {}
  if (modulusLength !== undefined) return modulusLength
  return Number(/(\d{3})/.exec(namedCurve ?? '')?.[1] ?? 0)
}

function readAltNames(value: unknown): string[] {
  // pkijs shows an extension that it cannot read as an empty one; taken so, it would pass for absent.
  if (!(value instanceof pkijs.AltName) || 'parsingError' in value) {
    throw new Error('subjectAltName cannot be read')
  }
  return value.altNames.map(readAltName)
}

function readAltName({ type, value }: pkijs.GeneralName): string {
  if (type === 1) return encodeSan('email', String(value))
  if (type === 2) return encodeSan('dns', String(value))
  if (type === 6) return encodeSan('uri', String(value))
  if (type === 7 && value instanceof asn1js.OctetString) {
    return `ip:${Buffer.from(value.valueBlock.valueHexView).toString('hex')}`
  }
  const upn = type === 0 ? readUpn(value) : undefined
  if (upn !== undefined) return encodeSan('upn', upn)
  // Kinds that no profile can ask for: whatever they hold, they match nothing.
  return `other-${type}:`
}

/** OtherName is [0] { type-id, [0] EXPLICIT value } (RFC 5280, section 4.2.1.6). */
function readUpn(value: unknown): string | undefined {
  if (!(value instanceof asn1js.Constructed)) return undefined
  const [typeId, tagged] = value.valueBlock.value
  if (!(typeId instanceof asn1js.ObjectIdentifier)) return undefined
  if (typeId.getValue() !== USER_PRINCIPAL_NAME) return undefined
  const text = tagged instanceof asn1js.Constructed ? tagged.valueBlock.value[0] : undefined
  return text instanceof asn1js.BaseStringBlock ? text.getValue() : undefined
}

function readKeyUsage(value: unknown): string[] {
  if (!(value instanceof asn1js.BitString)) throw new Error('keyUsage cannot be read')
  const octets = value.valueBlock.valueHexView
  return keyUsageNames.filter((_, bit) => ((octets[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0)
}

function readPurposes(value: unknown): string[] {
  if (!(value instanceof pkijs.ExtKeyUsage) || 'parsingError' in value) {
    throw new Error('extKeyUsage cannot be read')
  }
  return value.keyPurposes
}
