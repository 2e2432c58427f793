import type { KeyObject } from 'node:crypto'
import { ConnectorError, concatBytes, equalBytes, type RandomBytes } from '../../kernel/index.ts'
import { unsupported } from '../algorithms.ts'
import {
  type DerElement,
  findChild,
  getChild,
  malformed,
  parseElement,
  TAG,
} from '../der-reader.ts'
import { parseOctets, parseOid } from '../der-values.ts'
import {
  encodeContext,
  encodeContextPrimitive,
  encodeInteger,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  encodeSetOf,
} from '../der-writer.ts'
import { findExtension } from '../extensions.ts'
import { parseSubjectKeyIdentifier } from '../key-identifiers.ts'
import { parseKeyUsage } from '../key-usage.ts'
import { OID } from '../oids.ts'
import { importPublicKey } from '../public-key.ts'
import type { Certificate, ContentCipher, KeyTransport } from '../types.ts'
import {
  cipherTraits,
  decryptContent,
  encodeContentCipher,
  encryptContent,
  readContentCipher,
} from './content-cipher.ts'
import { encodeKeyAgreement, readKeyAgreement, unwrapAgreedKey } from './ecdh-key-agreement.ts'
import {
  type CertificateReference,
  encodeIssuerAndSerial,
  readCertificateReference,
} from './enveloped-data.ts'
import {
  encodeKeyTransport,
  readKeyTransport,
  unwrapContentKey,
  wrapContentKey,
} from './key-transport.ts'

/** id-ct-authEnvelopedData, RFC 5083. */
const AUTH_ENVELOPED_DATA = '1.2.840.113549.1.9.16.1.23'
const TAG_OCTETS = 16
const MIN_RSA_BITS = 2048
const MAX_RECIPIENTS = 100

/** What a message is encrypted with; EC recipients get ECDH with AES-256 key wrap in each of them. */
const profiles = {
  strong: { cipher: 'aes-256-gcm', transport: 'oaep-sha256' },
  standard: { cipher: 'aes-256-cbc', transport: 'oaep-sha256' },
  /** What Windows' own receivers are known to read. */
  msCompat: { cipher: 'aes-256-cbc', transport: 'pkcs1' },
  msCompatTripleDes: { cipher: 'des-ede3-cbc', transport: 'pkcs1' },
} as const satisfies Record<string, { cipher: ContentCipher; transport: KeyTransport }>
export type SealingProfile = keyof typeof profiles

/** An attribute in the clear that nobody can take away or change. */
export interface AuthenticatedAttribute {
  readonly oid: string
  /** Its one value. */
  readonly valueDer: Uint8Array
}

/** Whether messages of a profile have a tag, so that attributes can be authenticated. */
export function hasAttributes(profile: SealingProfile): boolean {
  return profiles[profile].cipher === 'aes-256-gcm'
}

/**
 * Encrypts content to the holders of certificates: CMS EnvelopedData, or AuthEnvelopedData with the profile `strong`.
 *
 * Whether a certificate belongs to whom it should is the caller's to verify; here it is only asked whether its key fits
 * (RSA of 2048 bits or more, or EC P-256 or P-384) and whether its key usage lets it be encrypted to.
 *
 * @param attribute covered by the tag of AuthEnvelopedData; only with a profile that `hasAttributes`
 * @throws ConnectorError `pki/weak-key`, `pki/unsupported-algorithm`
 * @see RFC 5652, section 6; RFC 5083; RFC 5753
 */
export function sealContent(
  content: Uint8Array,
  recipients: readonly Certificate[],
  profile: SealingProfile,
  random: RandomBytes,
  attribute?: AuthenticatedAttribute,
): Uint8Array {
  if (attribute !== undefined && !hasAttributes(profile))
    throw new ConnectorError('internal/bug', `${profile} authenticates no attributes`)
  if (recipients.length === 0 || recipients.length > MAX_RECIPIENTS)
    throw unsupported('number of recipients', String(recipients.length))
  const { cipher, transport } = profiles[profile]
  const { keyLength, ivLength } = cipherTraits(cipher)
  const contentKey = random(keyLength)
  const iv = random(ivLength)
  const infos = recipients.map((one) => encodeRecipient(one, transport, contentKey))
  const attributes =
    attribute === undefined
      ? undefined
      : encodeSetOf(encodeSequence(encodeOid(attribute.oid), encodeSetOf(attribute.valueDer)))
  const encrypted = encryptContent(cipher, contentKey, iv, content, attributes)
  contentKey.fill(0)
  const isAuthenticated = cipher === 'aes-256-gcm'
  const end = isAuthenticated ? encrypted.length - TAG_OCTETS : encrypted.length
  const body = [
    encodeSetOf(...infos),
    encodeSequence(
      encodeOid(OID.data),
      encodeContentCipher(cipher, iv),
      encodeContextPrimitive(0, encrypted.subarray(0, end)),
    ),
  ]
  if (isAuthenticated) {
    const mac = encodeOctetString(encrypted.subarray(end))
    const implicit = attributes === undefined ? [] : [tagAttributes(attributes)]
    const data = encodeSequence(encodeInteger(0), ...body, ...implicit, mac)
    return contentInfo(AUTH_ENVELOPED_DATA, data)
  }
  // Version 2 as soon as one recipient is more than key transport by issuer and serial number.
  const version = infos.every((info) => info[0] === TAG.sequence) ? 0 : 2
  return contentInfo(OID.envelopedData, encodeSequence(encodeInteger(version), ...body))
}

/** `[1] IMPLICIT` on the wire; the tag covers the SET itself (RFC 5083, section 2.2). */
function tagAttributes(attributes: Uint8Array): Uint8Array {
  const tagged = Uint8Array.from(attributes)
  tagged[0] = 0xa1
  return tagged
}

/** A private key and the certificate that names it to senders. */
export interface ContentRecipient {
  readonly key: KeyObject
  readonly certificate: Certificate
}

/**
 * Opens what `sealContent`, or another sender, encrypted to this recipient.
 *
 * @returns undefined when it does not decrypt: for another key, or damaged; with CBC, content that was damaged or made for
 *   another key may come back as other octets, so that the caller must know what it expects
 * @throws ConnectorError `pki/malformed`, `pki/unsupported-algorithm`; `key/unknown` no recipient is this one
 */
export function openContent(der: Uint8Array, recipient: ContentRecipient): Uint8Array | undefined {
  const info = parseElement(der)
  const type = parseOid(getChild(info, 0, TAG.oid, 'content type'))
  if (type !== OID.envelopedData && type !== AUTH_ENVELOPED_DATA)
    throw unsupported('content type', type)
  const data = getChild(getChild(info, 1, 0xa0, 'content'), 0, TAG.sequence, 'enveloped data')
  const at = data.children[1]?.tag === 0xa0 ? 2 : 1
  const content = getChild(data, at + 1, TAG.sequence, 'encrypted content')
  const { cipher, iv } = readContentCipher(getChild(content, 1, TAG.sequence, 'content encryption'))
  const encrypted = findChild(content, 0x80, 2) ?? findChild(content, 0xa0, 2)
  if (encrypted === undefined) throw malformed('the content travels elsewhere')
  const contentKey = findContentKey(
    getChild(data, at, TAG.set, 'recipientInfos'),
    recipient,
    cipherTraits(cipher).keyLength,
  )
  if (contentKey === undefined) return undefined
  const octets = parseOctets(encrypted, 'encrypted content')
  if (type === OID.envelopedData) return decryptContent(cipher, contentKey, iv, octets)
  // Attributes would go into the tag. None of our senders writes any.
  if (data.children[at + 2]?.tag !== TAG.octetString)
    throw unsupported('authenticated attributes of', 'AuthEnvelopedData')
  const mac = parseOctets(getChild(data, at + 2, TAG.octetString, 'mac'), 'mac')
  return decryptContent(cipher, contentKey, iv, concatBytes(octets, mac))
}

function encodeRecipient(
  certificate: Certificate,
  transport: KeyTransport,
  contentKey: Uint8Array,
): Uint8Array {
  const { algorithm, bits, curve } = certificate.publicKey
  const serial = Buffer.from(certificate.serialHex, 'hex')
  const identifier = encodeIssuerAndSerial(certificate.issuerDer, serial)
  const key = importPublicKey(certificate.spkiDer)
  if (algorithm === 'ec' && (curve === 'P-256' || curve === 'P-384')) {
    verifyUsage(certificate, 'keyAgreement')
    return encodeKeyAgreement(key, identifier, contentKey)
  }
  if (algorithm !== 'rsa') throw unsupported('key of a recipient', curve ?? algorithm)
  if (bits < MIN_RSA_BITS)
    throw new ConnectorError('pki/weak-key', `the recipient's RSA key has ${bits} bits`)
  verifyUsage(certificate, 'keyEncipherment')
  return encodeSequence(
    encodeInteger(0),
    identifier,
    encodeKeyTransport(transport),
    encodeOctetString(wrapContentKey(key, transport, contentKey)),
  )
}

function verifyUsage(certificate: Certificate, needed: 'keyEncipherment' | 'keyAgreement'): void {
  const extension = findExtension(certificate.extensions, OID.keyUsage)
  if (extension === undefined || parseKeyUsage(extension.valueDer).includes(needed)) return
  throw unsupported('recipient without key usage', needed)
}

function findContentKey(
  infos: DerElement,
  { key, certificate }: ContentRecipient,
  keyLength: number,
): Uint8Array | undefined {
  for (const info of infos.children) {
    if (info.tag === TAG.sequence) {
      const [, identifier, , wrapped] = info.children
      if (identifier === undefined || wrapped === undefined) throw malformed('recipient is cut off')
      if (!isFor(readCertificateReference(identifier), certificate)) continue
      const transport = readKeyTransport(getChild(info, 2, TAG.sequence, 'key transport'))
      return unwrapContentKey(key, transport, parseOctets(wrapped, 'encryptedKey'), keyLength)
    }
    if (info.tag !== 0xa1) continue
    const { point, entries } = readKeyAgreement(info)
    const own = entries.find(({ identifier }) =>
      isFor(readAgreeIdentifier(identifier), certificate),
    )
    if (own === undefined) continue
    try {
      return unwrapAgreedKey(key, point, own.wrappedKey)
    } catch {
      return undefined
    }
  }
  throw new ConnectorError('key/unknown', 'no recipient is the certificate of this key')
}

/** KeyAgreeRecipientIdentifier: its key identifier is `[0]` around a SEQUENCE (RFC 5652, section 6.2.2). */
function readAgreeIdentifier(element: DerElement): CertificateReference {
  if (element.tag !== 0xa0) return readCertificateReference(element)
  const keyIdentifier = parseOctets(
    getChild(element, 0, TAG.octetString, 'subjectKeyIdentifier'),
    'subjectKeyIdentifier',
  )
  return { kind: 'keyIdentifier', keyIdentifier }
}

function isFor(reference: CertificateReference, certificate: Certificate): boolean {
  if (reference.kind === 'issuerAndSerial')
    return (
      equalBytes(reference.issuerDer, certificate.issuerDer) &&
      equalBytes(reference.serial, Buffer.from(certificate.serialHex, 'hex'))
    )
  const extension = findExtension(certificate.extensions, OID.subjectKeyIdentifier)
  return (
    extension !== undefined &&
    equalBytes(parseSubjectKeyIdentifier(extension.valueDer), reference.keyIdentifier)
  )
}

function contentInfo(type: string, content: Uint8Array): Uint8Array {
  return encodeSequence(encodeOid(type), encodeContext(0, content))
}
