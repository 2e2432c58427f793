import { constants, createHash, type KeyObject, randomBytes, sign } from 'node:crypto'
import {
  type BerStyle,
  der,
  element,
  explicit,
  integer,
  nothing,
  octetString,
  oid,
  printable,
  sequence,
  setInOrder,
  sortEncodings,
  utcTime,
} from './ber.ts'
import { MADE_AT } from './certificates.ts'
import { childrenOf, issuerAndSerialOf } from './envelopes.ts'
import { attribute } from './signing-requests.ts'

/** Attribute types of SCEP and CMS. */
export const ATTRIBUTE = {
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingTime: '1.2.840.113549.1.9.5',
  messageType: '2.16.840.1.113733.1.9.2',
  pkiStatus: '2.16.840.1.113733.1.9.3',
  failInfo: '2.16.840.1.113733.1.9.4',
  senderNonce: '2.16.840.1.113733.1.9.5',
  recipientNonce: '2.16.840.1.113733.1.9.6',
  transactionId: '2.16.840.1.113733.1.9.7',
} as const

const DIGESTS = {
  md5: '1.2.840.113549.2.5',
  sha1: '1.3.14.3.2.26',
  sha224: '2.16.840.1.101.3.4.2.4',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
} as const

const RSA_WITH = {
  md5: '1.2.840.113549.1.1.4',
  sha1: '1.2.840.113549.1.1.5',
  sha224: '1.2.840.113549.1.1.14',
  sha256: '1.2.840.113549.1.1.11',
  sha384: '1.2.840.113549.1.1.12',
  sha512: '1.2.840.113549.1.1.13',
} as const

export type TestDigest = keyof typeof DIGESTS

/** A SCEP pkiMessage for tests. What is absent is as RFC 8894 says; `null` leaves an attribute out. */
export interface MessageShape {
  /** The eContent: an EnvelopedData in its ContentInfo, or anything else. `null`: no eContent. */
  readonly content: Uint8Array | null
  readonly signer: { readonly certificateDer: Uint8Array; readonly privateKey: KeyObject }
  /** Whole value elements. */
  readonly messageType?: Uint8Array | null
  readonly transactionId?: Uint8Array | null
  readonly senderNonce?: Uint8Array | null
  readonly signingTime?: Date | null
  readonly contentTypeAttribute?: null
  /** Further signed attributes, whole. */
  readonly attributes?: readonly Uint8Array[]
  readonly digest?: TestDigest
  readonly digestHasNoParameters?: boolean
  readonly signature?:
    | 'rsaEncryption'
    | 'withHash'
    | 'withOtherHash'
    | 'pss'
    | 'oiwSha1WithRsa'
    | 'ecdsaSha256'
  /** `as-sent`: reversed, and the reversed octets are signed. `sorted`: reversed on the wire, signed in DER order. */
  readonly attributeOrder?: 'der' | 'reversed-signed-as-sent' | 'reversed-signed-sorted'
  readonly signerReference?: 'issuerAndSerial' | 'ski'
  readonly signerKeyIdentifier?: Uint8Array
  /** Embedded certificates. Default: the signer's. */
  readonly certificates?: readonly Uint8Array[]
  readonly contentType?: string
  /** Default an OCTET STRING; `bare` is PKCS #7 1.5: the SEQUENCE itself. */
  readonly contentForm?: 'octets' | 'bare'
  readonly style?: BerStyle
  /** Default 1. */
  readonly signatures?: 0 | 1 | 2
  readonly tamperSignature?: boolean
  readonly tamperDigest?: boolean
  readonly unsignedAttributes?: readonly Uint8Array[]
  /** How the SignerInfo and its attributes are encoded; they are always signed as DER. Default DER. */
  readonly signerStyle?: BerStyle
  /** CRLs beside the certificates, whole. */
  readonly crls?: readonly Uint8Array[]
}

/** ContentInfo with the SignedData. */
export function sealMessage(shape: MessageShape): Uint8Array {
  const style = shape.style ?? der
  const digest = shape.digest ?? 'sha256'
  const digestAlgorithm = sequence(
    oid(DIGESTS[digest]),
    ...(shape.digestHasNoParameters ? [] : [nothing()]),
  )
  const signerInfo = encodeSignerInfo(shape, digest, digestAlgorithm)
  const signatures = Array.from({ length: shape.signatures ?? 1 }, () => signerInfo)
  const signedData = style.constructed(
    0x30,
    integer(1),
    style.constructed(0x31, digestAlgorithm),
    encodeContent(shape, style),
    style.constructed(0xa0, ...(shape.certificates ?? [shape.signer.certificateDer])),
    ...(shape.crls === undefined ? [] : [style.constructed(0xa1, ...shape.crls)]),
    style.constructed(0x31, ...signatures),
  )
  return style.constructed(0x30, oid('1.2.840.113549.1.7.2'), style.constructed(0xa0, signedData))
}

function encodeContent(shape: MessageShape, style: BerStyle): Uint8Array {
  const type = oid(shape.contentType ?? '1.2.840.113549.1.7.1')
  if (shape.content === null) return style.constructed(0x30, type)
  const isBare = shape.contentForm === 'bare'
  const content = isBare ? shape.content : style.octets(shape.content)
  return style.constructed(0x30, type, style.constructed(0xa0, content))
}

/** PKCS #7 1.5 digests the value of the SEQUENCE, without tag and length (REQ-67). */
function digestedOctets(shape: MessageShape): Uint8Array {
  const content = shape.content ?? Buffer.alloc(0)
  if (shape.contentForm !== 'bare') return content
  const first = content[1] ?? 0
  return content.subarray(first < 0x80 ? 2 : 2 + (first & 0x7f))
}

function encodeSignerInfo(
  shape: MessageShape,
  digest: TestDigest,
  digestAlgorithm: Uint8Array,
): Uint8Array {
  const attributes = signedAttributes(shape, digest)
  const sorted = sortEncodings(attributes)
  const order = shape.attributeOrder ?? 'der'
  const sent = order === 'der' ? sorted : sorted.toReversed()
  const signedOver = setInOrder(...(order === 'reversed-signed-as-sent' ? sent : sorted))
  const signature = Buffer.from(signWith(shape, digest, signedOver))
  if (shape.tamperSignature) signature[9] = (signature[9] ?? 0) ^ 1
  const isSki = shape.signerReference === 'ski'
  const { unsignedAttributes = [] } = shape
  const style = shape.signerStyle ?? der
  return style.constructed(
    0x30,
    integer(isSki ? 3 : 1),
    isSki
      ? element(0x80, shape.signerKeyIdentifier ?? Buffer.alloc(0))
      : issuerAndSerialOf(shape.signer.certificateDer),
    digestAlgorithm,
    style.constructed(0xa0, ...sent.map((piece) => restyle(piece, style))),
    signatureAlgorithm(shape, digest),
    style.octets(signature),
    ...(unsignedAttributes.length === 0 ? [] : [explicit(1, ...unsignedAttributes)]),
  )
}

/** An attribute in another encoding: its SEQUENCE, its SET and any OCTET STRING in it. */
function restyle(piece: Uint8Array, style: BerStyle): Uint8Array {
  const [type = Buffer.alloc(0), values = Buffer.alloc(0)] = childrenOf(piece)
  const restyled = childrenOf(values).map((value) =>
    value[0] === 0x04 ? style.octets(value.subarray(2)) : value,
  )
  return style.constructed(0x30, type, style.constructed(0x31, ...restyled))
}

function signedAttributes(shape: MessageShape, digest: TestDigest): readonly Uint8Array[] {
  const messageDigest = createHash(digest).update(digestedOctets(shape)).digest()
  if (shape.tamperDigest) messageDigest[0] = (messageDigest[0] ?? 0) ^ 1
  const pick = (type: string, given: Uint8Array | null | undefined, usual: () => Uint8Array) =>
    given === null ? [] : [attribute(type, given ?? usual())]
  const signingTime = shape.signingTime
  return [
    ...pick(ATTRIBUTE.contentType, shape.contentTypeAttribute, () =>
      oid(shape.contentType ?? '1.2.840.113549.1.7.1'),
    ),
    attribute(ATTRIBUTE.messageDigest, octetString(messageDigest)),
    ...(signingTime === null
      ? []
      : [attribute(ATTRIBUTE.signingTime, utcTime(signingTime ?? MADE_AT))]),
    ...pick(ATTRIBUTE.messageType, shape.messageType, () => printable('19')),
    ...pick(ATTRIBUTE.transactionId, shape.transactionId, () => printable('TRANSACTION-1')),
    ...pick(ATTRIBUTE.senderNonce, shape.senderNonce, () => octetString(randomBytes(16))),
    ...(shape.attributes ?? []),
  ]
}

function signatureAlgorithm(shape: MessageShape, digest: TestDigest): Uint8Array {
  switch (shape.signature ?? 'rsaEncryption') {
    case 'rsaEncryption':
      return sequence(oid('1.2.840.113549.1.1.1'), nothing())
    case 'withHash':
      return sequence(oid(RSA_WITH[digest]), nothing())
    case 'withOtherHash':
      return sequence(oid(RSA_WITH[otherThan(digest)]), nothing())
    case 'oiwSha1WithRsa':
      return sequence(oid('1.3.14.3.2.29'), nothing())
    case 'ecdsaSha256':
      return sequence(oid('1.2.840.10045.4.3.2'))
    case 'pss': {
      const hash = sequence(oid(DIGESTS[digest]), nothing())
      const mask = sequence(oid('1.2.840.113549.1.1.8'), hash)
      const saltLength = integer(createHash(digest).digest().length)
      return sequence(
        oid('1.2.840.113549.1.1.10'),
        sequence(explicit(0, hash), explicit(1, mask), explicit(2, saltLength)),
      )
    }
  }
}

function otherThan(digest: TestDigest): 'sha256' | 'sha512' {
  return digest === 'sha256' ? 'sha512' : 'sha256'
}

function signWith(shape: MessageShape, digest: TestDigest, bytes: Uint8Array): Uint8Array {
  const key = shape.signer.privateKey
  if (shape.signature === 'withOtherHash') return sign(otherThan(digest), bytes, key)
  if (shape.signature !== 'pss') return sign(digest, bytes, key)
  const padding = constants.RSA_PKCS1_PSS_PADDING
  return sign(digest, bytes, { key, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST })
}
