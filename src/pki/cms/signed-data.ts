import { hash, type KeyObject, sign } from 'node:crypto'
import { equalBytes } from '../../kernel/index.ts'
import { encodeDigest, type SignatureScheme } from '../algorithms.ts'
import {
  checkedTag,
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
  encodeElement,
  encodeInteger,
  encodeNull,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  encodeSetOf,
  encodeSetUnsorted,
  sortEncodings,
} from '../der-writer.ts'
import { OID } from '../oids.ts'
import { isSignatureValid } from '../signatures.ts'
import type { DigestName } from '../types.ts'
import {
  type CertificateReference,
  readCertificateReference,
  readContentInfo,
} from './enveloped-data.ts'

/** A SignedData as read; nothing is verified. */
export interface SignedData {
  /** encapContentInfo, for `readSignedContent`. */
  readonly encapsulated: DerElement
  /** Certificate elements (SEQUENCE); other choices of CertificateSet are left out. */
  readonly certificates: readonly DerElement[]
  readonly signerInfos: readonly DerElement[]
}

/** Content as the digest sees it, and what to read on from. */
export interface SignedContent {
  /** Octets of the OCTET STRING; for a bare SEQUENCE its value without tag and length (RFC 5652, sections 5.2.1, 5.4). */
  readonly digested: Uint8Array
  /** The OCTET STRING's octets, or the whole SEQUENCE. */
  readonly octets: Uint8Array
}

/**
 * Reads a ContentInfo with SignedData.
 *
 * @throws ConnectorError `pki/malformed`
 * @see RFC 5652, section 5.1; REQ-65 to 67
 */
export function parseSignedData(der: Uint8Array): SignedData {
  const signed = readContentInfo(parseElement(der), OID.signedData, 'SignedData')
  getChild(signed, 0, TAG.integer, 'version')
  getChild(signed, 1, TAG.set, 'digestAlgorithms')
  const encapsulated = getChild(signed, 2, TAG.sequence, 'encapContentInfo')
  const certificates = findChild(signed, 0xa0, 3)?.children ?? []
  const signerInfos = findChild(signed, TAG.set, 3)
  if (signerInfos === undefined) throw malformed('signerInfos are missing')
  return {
    encapsulated,
    certificates: certificates.filter(({ tag }) => tag === TAG.sequence),
    signerInfos: signerInfos.children,
  }
}

/**
 * The content of a SignedData; undefined when there is none. Its announced type is not looked at: clients say id-data
 * and id-envelopedData for the same thing (REQ-66).
 *
 * @throws ConnectorError `pki/malformed`
 */
export function readSignedContent({ encapsulated }: SignedData): SignedContent | undefined {
  const element = encapsulated.children[1]?.children[0]
  if (element === undefined) return undefined
  if (element.tag === TAG.sequence) return { digested: element.value, octets: element.der }
  if ((element.tag & ~0x20) !== TAG.octetString) throw malformed('eContent is no OCTET STRING')
  const octets = parseOctets(element, 'eContent')
  return { digested: octets, octets }
}

/** One attribute of a SignerInfo. */
export interface Attribute {
  readonly oid: string
  readonly values: readonly DerElement[]
}

/** A SignerInfo as read; nothing is verified. */
export interface SignerInfo {
  readonly signer: CertificateReference
  readonly digestAlgorithm: DerElement
  readonly signedAttributes: DerElement
  readonly attributes: readonly Attribute[]
  readonly signatureAlgorithm: DerElement
  readonly signature: Uint8Array
}

/**
 * Reads a SignerInfo, which must have signed attributes.
 *
 * @throws ConnectorError `pki/malformed`
 * @see RFC 5652, section 5.3
 */
export function readSignerInfo(element: DerElement): SignerInfo {
  checkedTag(element, TAG.sequence, 'SignerInfo')
  const signer = element.children[1]
  if (signer === undefined) throw malformed('signer identifier is missing')
  const signedAttributes = getChild(element, 3, 0xa0, 'signed attributes')
  const signature = element.children[5]
  if (signature === undefined || (signature.tag & ~0x20) !== TAG.octetString) {
    throw malformed('signature is no OCTET STRING')
  }
  return {
    signer: readCertificateReference(signer),
    digestAlgorithm: getChild(element, 2, TAG.sequence, 'digestAlgorithm'),
    signedAttributes,
    attributes: signedAttributes.children.map(readAttribute),
    signatureAlgorithm: getChild(element, 4, TAG.sequence, 'signatureAlgorithm'),
    signature: parseOctets(signature, 'signature'),
  }
}

function readAttribute(element: DerElement): Attribute {
  checkedTag(element, TAG.sequence, 'attribute')
  return {
    oid: parseOid(getChild(element, 0, TAG.oid, 'attribute type'), 'attribute type'),
    values: getChild(element, 1, TAG.set, 'attribute values').children,
  }
}

/** Whether messageDigest is the digest of the content. Compared in constant time (REQ-77). */
export function isDigestValid(
  digest: DigestName,
  content: Uint8Array,
  messageDigest: Uint8Array,
): boolean {
  return equalBytes(hash(digest, content, 'buffer'), messageDigest)
}

/**
 * Whether the signature over the signed attributes holds: over their order as received first, then over their DER,
 * since old clients sign one and send the other (REQ-73).
 */
export function isSignerInfoValid(
  { signedAttributes, signature }: SignerInfo,
  scheme: SignatureScheme,
  key: KeyObject,
): boolean {
  const asReceived = encodeElement(TAG.set, signedAttributes.value)
  if (isSignatureValid(scheme, key, asReceived, signature)) return true
  const asDer = encodeSetOf(...signedAttributes.children.map(normalise))
  const isSame = Buffer.compare(asReceived, asDer) === 0
  return !isSame && isSignatureValid(scheme, key, asDer, signature)
}

/** The same element with definite, minimal lengths and primitive octet strings. */
function normalise(element: DerElement): Uint8Array {
  if (element.isDer && !element.isConstructed) return element.der
  if (element.tag === (TAG.octetString | 0x20)) {
    return encodeOctetString(parseOctets(element, 'octet string'))
  }
  if (!element.isConstructed) return encodeElement(element.tag, element.value)
  return encodeElement(element.tag, ...element.children.map(normalise))
}

/** Who signs a SignedData, prepared once. */
export interface CmsSigner {
  /** Must be RSA. */
  readonly key: KeyObject
  readonly issuerAndSerialDer: Uint8Array
}

/** What a SignedData is made of. */
export interface SignedDataParts {
  readonly digest: DigestName
  /** Content octets; undefined leaves eContent out. */
  readonly content: Uint8Array | undefined
  /** Certificates in the order in which they are written; empty leaves the field out. */
  readonly certificatesDer: readonly Uint8Array[]
  /** Attributes beside contentType and messageDigest, each with one value. */
  readonly attributesDer: readonly Uint8Array[]
}

/**
 * Makes and signs a ContentInfo with SignedData, id-data inside, PKCS #1 v1.5 under the name rsaEncryption, which old
 * clients need (REQ-164). Blocks for the length of one private operation.
 *
 * @see RFC 5652, section 5; REQ-163, 169
 */
export function encodeSignedData(parts: SignedDataParts, signer: CmsSigner): Uint8Array {
  const { digest, content, certificatesDer, attributesDer } = parts
  const messageDigest = hash(digest, content ?? new Uint8Array(), 'buffer')
  const attributes = sortEncodings([
    encodeAttribute(OID.contentType, encodeOid(OID.data)),
    encodeAttribute(OID.messageDigest, encodeOctetString(messageDigest)),
    ...attributesDer,
  ])
  const signature = sign(digest, encodeElement(TAG.set, ...attributes), signer.key)
  const digestDer = encodeDigest(digest)
  const signerInfo = encodeSequence(
    encodeInteger(1),
    signer.issuerAndSerialDer,
    digestDer,
    encodeContext(0, ...attributes),
    rsaEncryptionDer,
    encodeOctetString(signature),
  )
  return encodeSignedDataInfo(
    encodeSetUnsorted(digestDer),
    content === undefined
      ? encodeSequence(encodeOid(OID.data))
      : encodeSequence(encodeOid(OID.data), encodeContext(0, encodeOctetString(content))),
    encodeCertificateSet(certificatesDer),
    encodeSetUnsorted(signerInfo),
  )
}

const rsaEncryptionDer = encodeSequence(encodeOid(OID.rsaEncryption), encodeNull())

/** An attribute with one value. */
export function encodeAttribute(oid: string, valueDer: Uint8Array): Uint8Array {
  return encodeSequence(encodeOid(oid), encodeSetUnsorted(valueDer))
}

/**
 * A SignedData that carries certificates and signs nothing ("certs-only"), as ContentInfo. The order of the list is
 * kept: clients take the first one for theirs (REQ-37, 173).
 */
export function encodeCertificates(certificatesDer: readonly Uint8Array[]): Uint8Array {
  const empty = encodeSetUnsorted()
  const content = encodeSequence(encodeOid(OID.data))
  return encodeSignedDataInfo(empty, content, encodeCertificateSet(certificatesDer), empty)
}

/**
 * A SignedData without content and signers that carries CRLs alone (RFC 8894, section 3.4; REQ-183).
 *
 * @param crlsDer each a whole CertificateList
 */
export function encodeCrls(crlsDer: readonly Uint8Array[]): Uint8Array {
  const empty = encodeSetUnsorted()
  const content = encodeSequence(encodeOid(OID.data))
  return encodeSignedDataInfo(empty, content, [encodeContext(1, ...crlsDer)], empty)
}

function encodeCertificateSet(certificatesDer: readonly Uint8Array[]): Uint8Array[] {
  return certificatesDer.length === 0 ? [] : [encodeContext(0, ...certificatesDer)]
}

function encodeSignedDataInfo(
  digestAlgorithmsDer: Uint8Array,
  contentDer: Uint8Array,
  certificatesOrCrlsDer: readonly Uint8Array[],
  signerInfosDer: Uint8Array,
): Uint8Array {
  const signed = encodeSequence(
    encodeInteger(1),
    digestAlgorithmsDer,
    contentDer,
    ...certificatesOrCrlsDer,
    signerInfosDer,
  )
  return encodeSequence(encodeOid(OID.signedData), encodeContext(0, signed))
}

/**
 * The certificates of a SignedData, in the order of the list, as received. Signatures are not looked at.
 *
 * @throws ConnectorError `pki/malformed`
 */
export function parseCertificates(der: Uint8Array): Uint8Array[] {
  return parseSignedData(der).certificates.map((certificate) => certificate.der)
}
