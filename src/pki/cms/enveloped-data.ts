import {
  checkedTag,
  type DerElement,
  findChild,
  getChild,
  malformed,
  parseElement,
  TAG,
} from '../der-reader.ts'
import { parseOctets, parseOid, parseSmallInteger } from '../der-values.ts'
import {
  encodeContext,
  encodeContextPrimitive,
  encodeElement,
  encodeInteger,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  encodeSetUnsorted,
} from '../der-writer.ts'
import { OID } from '../oids.ts'

/** Names a certificate: by issuer and serial number, or by its subject key identifier. */
export type CertificateReference =
  | {
      readonly kind: 'issuerAndSerial'
      readonly issuerDer: Uint8Array
      readonly serial: Uint8Array
    }
  | { readonly kind: 'keyIdentifier'; readonly keyIdentifier: Uint8Array }

/** A KeyTransRecipientInfo, a PasswordRecipientInfo that is still to be read, or the fact that there is another kind. */
export type Recipient =
  | {
      readonly kind: 'keyTransport'
      readonly reference: CertificateReference
      readonly keyAlgorithm: DerElement
      readonly wrappedKey: Uint8Array
    }
  | { readonly kind: 'password'; readonly info: DerElement }
  | { readonly kind: 'other' }

/** An EnvelopedData before decryption. */
export interface EnvelopedData {
  readonly recipients: readonly Recipient[]
  readonly cipherAlgorithm: DerElement
  /** undefined when the content travels elsewhere. */
  readonly encryptedContent: Uint8Array | undefined
}

/**
 * Reads a ContentInfo with EnvelopedData, or an EnvelopedData alone. The type of the content inside is not looked at
 * (REQ-102).
 *
 * @throws ConnectorError `pki/malformed`
 * @see RFC 5652, section 6.1; REQ-94 to 96, 103
 */
export function parseEnvelopedData(der: Uint8Array): EnvelopedData {
  const element = parseElement(der)
  const enveloped =
    element.children[0]?.tag === TAG.oid
      ? readContentInfo(element, OID.envelopedData, 'EnvelopedData')
      : checkedTag(element, TAG.sequence, 'EnvelopedData')
  const version = parseSmallInteger(
    getChild(enveloped, 0, TAG.integer, 'version'),
    'version of EnvelopedData',
  )
  if (version !== 0 && version !== 2 && version !== 3) {
    throw malformed(`version of EnvelopedData is ${version}`)
  }
  const recipientsAt = enveloped.children[1]?.tag === 0xa0 ? 2 : 1
  const recipients = getChild(enveloped, recipientsAt, TAG.set, 'recipientInfos')
  const content = getChild(enveloped, recipientsAt + 1, TAG.sequence, 'encryptedContentInfo')
  parseOid(getChild(content, 0, TAG.oid, 'content type'), 'content type')
  const encrypted = findChild(content, 0x80, 2) ?? findChild(content, 0xa0, 2)
  return {
    recipients: recipients.children.map(readRecipient),
    cipherAlgorithm: getChild(content, 1, TAG.sequence, 'content encryption algorithm'),
    encryptedContent:
      encrypted === undefined ? undefined : parseOctets(encrypted, 'encryptedContent'),
  }
}

/**
 * The content of a ContentInfo of this type.
 *
 * @throws ConnectorError `pki/malformed`
 */
export function readContentInfo(element: DerElement, type: string, what: string): DerElement {
  checkedTag(element, TAG.sequence, 'ContentInfo')
  const found = parseOid(getChild(element, 0, TAG.oid, 'content type'), 'content type')
  if (found !== type) throw malformed(`content type is ${found}, not that of ${what}`)
  return getChild(getChild(element, 1, 0xa0, 'content'), 0, TAG.sequence, what)
}

function readRecipient(element: DerElement): Recipient {
  if (element.tag === 0xa3) return { kind: 'password', info: element }
  if (element.tag !== TAG.sequence) return { kind: 'other' }
  const identifier = element.children[1]
  if (identifier === undefined) throw malformed('recipient identifier is missing')
  const wrappedKey = element.children[3]
  if (wrappedKey === undefined || (wrappedKey.tag & ~0x20) !== TAG.octetString) {
    throw malformed('encryptedKey is no OCTET STRING')
  }
  return {
    kind: 'keyTransport',
    reference: readCertificateReference(identifier),
    keyAlgorithm: getChild(element, 2, TAG.sequence, 'key encryption algorithm'),
    wrappedKey: parseOctets(wrappedKey, 'encryptedKey'),
  }
}

/**
 * Reads a SignerIdentifier or RecipientIdentifier. A key identifier that is wrapped in an OCTET STRING once more is
 * unwrapped (REQ-96).
 *
 * @throws ConnectorError `pki/malformed`
 */
export function readCertificateReference(element: DerElement): CertificateReference {
  if ((element.tag & ~0x20) === 0x80) {
    const octets = parseOctets(element, 'subjectKeyIdentifier')
    const isWrapped = octets.length > 2 && octets[0] === 4 && octets[1] === octets.length - 2
    return { kind: 'keyIdentifier', keyIdentifier: isWrapped ? octets.subarray(2) : octets }
  }
  checkedTag(element, TAG.sequence, 'issuerAndSerialNumber')
  return {
    kind: 'issuerAndSerial',
    issuerDer: getChild(element, 0, TAG.sequence, 'issuer').der,
    serial: getChild(element, 1, TAG.integer, 'serialNumber').value,
  }
}

/** issuerAndSerialNumber; issuer and serial octets are copied as they are (REQ-172). */
export function encodeIssuerAndSerial(issuerDer: Uint8Array, serial: Uint8Array): Uint8Array {
  return encodeSequence(issuerDer, encodeElement(TAG.integer, serial))
}

/** What an EnvelopedData for one recipient is made of; everything is encrypted already. */
export interface EnvelopeParts {
  readonly recipientDer: Uint8Array
  /** 0 with a KeyTransRecipientInfo, 3 with a PasswordRecipientInfo (RFC 5652, section 6.1). */
  readonly version: 0 | 3
  readonly cipherAlgorithmDer: Uint8Array
  readonly encryptedContent: Uint8Array
}

/** KeyTransRecipientInfo of version 0, for a certificate by issuer and serial (REQ-171). */
export function encodeKeyTransportRecipient(
  issuerAndSerialDer: Uint8Array,
  keyAlgorithmDer: Uint8Array,
  wrappedKey: Uint8Array,
): Uint8Array {
  return encodeSequence(
    encodeInteger(0),
    issuerAndSerialDer,
    keyAlgorithmDer,
    encodeOctetString(wrappedKey),
  )
}

/**
 * ContentInfo with an EnvelopedData for one recipient.
 *
 * @see RFC 5652, section 6.1; REQ-171
 */
export function encodeEnvelopedData(parts: EnvelopeParts): Uint8Array {
  const content = encodeSequence(
    encodeOid(OID.data),
    parts.cipherAlgorithmDer,
    encodeContextPrimitive(0, parts.encryptedContent),
  )
  const enveloped = encodeSequence(
    encodeInteger(parts.version),
    encodeSetUnsorted(parts.recipientDer),
    content,
  )
  return encodeSequence(encodeOid(OID.envelopedData), encodeContext(0, enveloped))
}
