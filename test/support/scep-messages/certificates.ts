import { type KeyObject, sign } from 'node:crypto'
import {
  bitString,
  element,
  explicit,
  integer,
  integerOctets,
  nothing,
  octetString,
  oid,
  sequence,
  utcTime,
} from './ber.ts'

/** What a certificate for tests says; every strangeness of REQ-80 can be written. */
export interface CertificateShape {
  readonly subject: Uint8Array
  /** Absent: self-issued. */
  readonly issuer?: Uint8Array
  /** Content octets of the serial number. Default 1. */
  readonly serial?: readonly number[]
  readonly publicKey: KeyObject
  readonly signingKey: KeyObject
  readonly hash?: 'sha256' | 'sha1' | 'md5'
  /** `v1` has neither version nor extensions. */
  readonly version?: 'v1' | 'v3'
  readonly extensions?: readonly Uint8Array[]
  /** Whole time elements. Default: a day around 2026-11-22. */
  readonly notBefore?: Uint8Array
  readonly notAfter?: Uint8Array
}

const RSA_WITH = {
  sha256: '1.2.840.113549.1.1.11',
  sha1: '1.2.840.113549.1.1.5',
  md5: '1.2.840.113549.1.1.4',
} as const

/** The moment at which the messages of this folder are made; certificates are valid around it. */
export const MADE_AT = new Date('2026-11-22T12:00:00Z')

/** Public keys as SubjectPublicKeyInfo. */
export function spkiOf(key: KeyObject): Uint8Array {
  return key.export({ type: 'spki', format: 'der' })
}

/** AlgorithmIdentifier of the signatures that this key makes on certificates and requests. */
export function signatureAlgorithm(key: KeyObject, hash: 'sha256' | 'sha1' | 'md5'): Uint8Array {
  if (key.asymmetricKeyType === 'rsa') return sequence(oid(RSA_WITH[hash]), nothing())
  if (key.asymmetricKeyType === 'ed25519') return sequence(oid('1.3.101.112'))
  return sequence(oid('1.2.840.10045.4.3.2'))
}

export function signBytes(
  bytes: Uint8Array,
  key: KeyObject,
  hash: 'sha256' | 'sha1' | 'md5',
): Uint8Array {
  return sign(key.asymmetricKeyType === 'ed25519' ? null : hash, bytes, key)
}

export function extension(type: string, value: Uint8Array, isCritical = false): Uint8Array {
  const critical = isCritical ? [element(0x01, Buffer.of(0xff))] : []
  return sequence(oid(type), ...critical, octetString(value))
}

export function issueTestCertificate(shape: CertificateShape): Uint8Array {
  const hash = shape.hash ?? 'sha256'
  const isV1 = shape.version === 'v1'
  const algorithm = signatureAlgorithm(shape.signingKey, hash)
  const extensions = shape.extensions ?? []
  const tbs = sequence(
    ...(isV1 ? [] : [explicit(0, integer(2))]),
    integerOctets(...(shape.serial ?? [1])),
    algorithm,
    shape.issuer ?? shape.subject,
    sequence(
      shape.notBefore ?? utcTime(new Date(MADE_AT.getTime() - 365 * 86_400_000)),
      shape.notAfter ?? utcTime(new Date(MADE_AT.getTime() + 5 * 365 * 86_400_000)),
    ),
    shape.subject,
    spkiOf(shape.publicKey),
    ...(isV1 || extensions.length === 0 ? [] : [explicit(3, sequence(...extensions))]),
  )
  return sequence(tbs, algorithm, bitString(signBytes(tbs, shape.signingKey, hash)))
}
