import {
  constants,
  createPublicKey,
  generateKeyPairSync,
  hash,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto'
import {
  type ContentCipher,
  cipherTraits,
  type DigestName,
  type Extension,
  encodeAttribute,
  encodeBasicConstraints,
  encodeBitString,
  encodeCertificate,
  encodeContentCipher,
  encodeContext,
  encodeDigest,
  encodeElement,
  encodeExtensions,
  encodeInteger,
  encodeIssuerAndSerial,
  encodeKeyTransport,
  encodeKeyUsage,
  encodeName,
  encodeNull,
  encodeOctetString,
  encodeOid,
  encodePrintableString,
  encodeSequence,
  encryptContent,
  type KeyTransport,
  OID,
  parseCertificate,
  sortEncodings,
  TAG,
  wrapContentKey,
} from '../../../src/pki/index.ts'
import type { RaMaterial, ScepRules } from '../../../src/scep/index.ts'

/** A key with a certificate: a device, a CA or an RA. */
export interface Identity {
  readonly key: KeyObject
  readonly spkiDer: Uint8Array
  readonly certificateDer: Uint8Array
}

export const defaultRules: ScepRules = {
  allowMd5: false,
  allowDes: false,
  requireSameKey: false,
  maxSigningTimeSkewSeconds: undefined,
  signingTime: true,
  omitSignerCert: false,
  includeSignerChain: false,
  ndesEmptyContent: false,
  ndesAttributes: true,
  replyChain: 'none',
}

export const now = new Date('2026-03-01T12:00:00Z')

/** Makes a key and a certificate for it, self-signed unless an issuer is given. */
export function makeIdentity(
  commonName: string,
  more: {
    issuer?: Identity
    key?: KeyObject
    extensions?: readonly Extension[]
    serialHex?: string
  } = {},
): Identity {
  const key = more.key ?? generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const spkiDer = new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' }))
  const subjectDer = encodeName([{ oid: OID.commonName, value: commonName }])
  const issuerDer =
    more.issuer === undefined ? subjectDer : parseCertificate(more.issuer.certificateDer).subjectDer
  const certificateDer = encodeCertificate(
    {
      serialHex: more.serialHex ?? '01',
      subjectDer,
      spkiDer,
      notBefore: new Date('2026-01-01T00:00:00Z'),
      notAfter: new Date('2036-01-01T00:00:00Z'),
      extensions: more.extensions ?? [],
    },
    { nameDer: issuerDer, key: more.issuer?.key ?? key, extensions: [] },
  )
  return { key, spkiDer, certificateDer }
}

export function toRaMaterial({ key, certificateDer }: Identity, isCurrent = true): RaMaterial {
  const keyPkcs8Der = new Uint8Array(key.export({ format: 'der', type: 'pkcs8' }))
  return { certificateDer, keyPkcs8Der, issuersDer: [], isCurrent }
}

/** A root that other identities are issued by. */
export function makeCa(): Identity {
  return makeIdentity('CA', { extensions: [encodeBasicConstraints({ isCa: true })] })
}

/** The RA of the default configuration (REQ-38). */
export function makeRa(issuer?: Identity, serialHex = '7F01'): Identity {
  return makeIdentity('RA', {
    ...(issuer === undefined ? {} : { issuer }),
    serialHex,
    extensions: [encodeKeyUsage(['digitalSignature', 'keyEncipherment'])],
  })
}

export interface RequestOptions {
  readonly subjectDer?: Uint8Array
  readonly challengeDer?: Uint8Array | undefined
  readonly extensions?: readonly Extension[]
  /** Whole CSR attributes beside challenge and extension request. */
  readonly moreAttributesDer?: readonly Uint8Array[]
  readonly digest?: 'md5' | 'sha1' | 'sha256'
}

const rsaSignatureOids = {
  md5: OID.md5WithRsaEncryption,
  sha1: OID.sha1WithRsaEncryption,
  sha256: OID.sha256WithRsaEncryption,
}

/** Makes a PKCS #10 signed with an RSA key. */
export function buildCsr(identity: Identity, options: RequestOptions = {}): Uint8Array {
  const digest = options.digest ?? 'sha256'
  const challenge =
    'challengeDer' in options ? options.challengeDer : encodePrintableString('secret')
  const attributes = [...(options.moreAttributesDer ?? [])]
  if (challenge !== undefined) {
    attributes.push(encodeAttribute(OID.challengePassword, challenge))
  }
  if (options.extensions !== undefined) {
    attributes.push(encodeAttribute(OID.extensionRequest, encodeExtensions(options.extensions)))
  }
  const info = encodeSequence(
    encodeInteger(0),
    options.subjectDer ?? encodeName([{ oid: OID.commonName, value: 'device' }]),
    identity.spkiDer,
    encodeContext(0, ...attributes),
  )
  return encodeSequence(
    info,
    encodeSequence(encodeOid(rsaSignatureOids[digest]), encodeNull()),
    encodeBitString(sign(digest, info, identity.key)),
  )
}

export interface MessageOptions {
  /** Indefinite lengths and constructed strings outside of what is signed. */
  readonly ber?: boolean
  readonly digest?: DigestName
  readonly signature?: 'rsaEncryption' | 'hashWithRsa' | 'pss'
  readonly cipher?: ContentCipher
  readonly transport?: KeyTransport
  readonly transactionIdDer?: Uint8Array | undefined
  readonly messageTypeDer?: Uint8Array | undefined
  readonly senderNonce?: Uint8Array | undefined
  /** Whole attributes put behind the others. */
  readonly moreAttributesDer?: readonly Uint8Array[]
  /** Leaves the NULL parameters of digest and signature algorithm out. */
  readonly omitNull?: boolean
  /** Sends the attributes in this order instead of DER order; both are signed in DER order unless `signUnsorted`. */
  readonly unsorted?: boolean
  readonly signUnsorted?: boolean
  readonly contentTypeOid?: string
  /** How eContent is put into the message. */
  readonly contentAs?: 'octets' | 'sequence' | 'absent'
  /** Replaces the ContentInfo with EnvelopedData. */
  readonly contentDer?: Uint8Array
  /** Octets that are encrypted instead of the CSR. */
  readonly plain?: Uint8Array
  readonly recipients?: readonly Uint8Array[]
  readonly envelopeVersion?: number
  readonly innerTypeOid?: string
  readonly keyIdentifier?: Uint8Array
  readonly certificatesDer?: readonly Uint8Array[]
  readonly signerInfos?: (one: Uint8Array) => readonly Uint8Array[]
  readonly signerIdentifierDer?: Uint8Array
  readonly tamper?: 'digest' | 'signature' | 'wrapped-key' | 'content'
}

type Encode = (tag: number, ...pieces: readonly Uint8Array[]) => Uint8Array

/** BER with an indefinite length; octet strings become constructed, in two parts. */
const encodeIndefinite: Encode = (tag, ...pieces) => {
  const value = Buffer.concat(pieces)
  const parts =
    tag === TAG.octetString || tag === 0x80
      ? [value.subarray(0, 9), value.subarray(9)].map((part) => encodeOctetString(part))
      : [value]
  return new Uint8Array(
    Buffer.concat([Uint8Array.of(tag | 0x20, 0x80), ...parts, Uint8Array.of(0, 0)]),
  )
}

/** Makes a pkiMessage as a client would, with the peculiarities asked for. */
export function buildMessage(
  signer: Identity,
  ra: Identity,
  csrDer: Uint8Array,
  options: MessageOptions = {},
): Uint8Array {
  const encode: Encode = options.ber === true ? encodeIndefinite : encodeElement
  const content = options.contentDer ?? buildEnvelope(ra, options.plain ?? csrDer, options)
  const { signerInfo, digestDer } = buildSignerInfo(signer, content, options)
  const eContent =
    options.contentAs === 'absent'
      ? []
      : [
          encode(
            0xa0,
            options.contentAs === 'sequence' ? content : encode(TAG.octetString, content),
          ),
        ]
  const signed = encode(
    TAG.sequence,
    encodeInteger(1),
    encode(TAG.set, digestDer),
    encode(TAG.sequence, encodeOid(options.contentTypeOid ?? OID.data), ...eContent),
    encode(0xa0, ...(options.certificatesDer ?? [signer.certificateDer])),
    encode(TAG.set, ...(options.signerInfos?.(signerInfo) ?? [signerInfo])),
  )
  return encode(TAG.sequence, encodeOid(OID.signedData), encode(0xa0, signed))
}

/** Makes the EnvelopedData that a request carries. */
export function buildEnvelope(
  ra: Identity,
  plain: Uint8Array,
  options: MessageOptions = {},
): Uint8Array {
  const encode: Encode = options.ber === true ? encodeIndefinite : encodeElement
  const cipher = options.cipher ?? 'aes-128-cbc'
  const { keyLength, ivLength } = cipherTraits(cipher)
  const contentKey = randomBytes(keyLength)
  const iv = randomBytes(ivLength)
  const encrypted = encryptContent(cipher, contentKey, iv, plain)
  if (options.tamper === 'content') encrypted[0] = (encrypted[0] ?? 0) ^ 0xff
  const recipients = options.recipients ?? [buildRecipient(ra, contentKey, options)]
  const enveloped = encode(
    TAG.sequence,
    encodeInteger(options.envelopeVersion ?? 0),
    encode(TAG.set, ...recipients),
    encode(
      TAG.sequence,
      encodeOid(options.innerTypeOid ?? OID.data),
      encodeContentCipher(cipher, iv),
      encode(0x80, encrypted),
    ),
  )
  return encode(TAG.sequence, encodeOid(OID.envelopedData), encode(0xa0, enveloped))
}

/** One KeyTransRecipientInfo. */
export function buildRecipient(
  ra: Identity,
  contentKey: Uint8Array,
  options: MessageOptions = {},
): Uint8Array {
  const { issuerDer, serialHex } = parseCertificate(ra.certificateDer)
  const transport = options.transport ?? 'pkcs1'
  const wrapped = new Uint8Array(wrapContentKey(ra.key, transport, contentKey))
  if (options.tamper === 'wrapped-key') wrapped[5] = (wrapped[5] ?? 0) ^ 0xff
  return encodeSequence(
    encodeInteger(options.keyIdentifier === undefined ? 0 : 2),
    options.keyIdentifier === undefined
      ? encodeIssuerAndSerial(issuerDer, Buffer.from(serialHex, 'hex'))
      : encodeElement(0x80, options.keyIdentifier),
    encodeKeyTransport(transport),
    encodeOctetString(wrapped),
  )
}

function buildSignerInfo(signer: Identity, content: Uint8Array, options: MessageOptions) {
  const digest = options.digest ?? 'sha256'
  const digested = options.contentAs === 'sequence' ? valueOf(content) : content
  const messageDigest = hash(digest, digested, 'buffer')
  if (options.tamper === 'digest') messageDigest[0] = (messageDigest[0] ?? 0) ^ 1
  const transactionId =
    'transactionIdDer' in options ? options.transactionIdDer : encodePrintableString('4711')
  const messageType =
    'messageTypeDer' in options ? options.messageTypeDer : encodePrintableString('19')
  const nonce = 'senderNonce' in options ? options.senderNonce : new Uint8Array(16).fill(7)
  const attributes = [
    encodeAttribute(OID.contentType, encodeOid(options.contentTypeOid ?? OID.data)),
    encodeAttribute(OID.messageDigest, encodeOctetString(messageDigest)),
    ...(transactionId === undefined ? [] : [encodeAttribute(OID.transactionId, transactionId)]),
    ...(messageType === undefined ? [] : [encodeAttribute(OID.messageType, messageType)]),
    ...(nonce === undefined ? [] : [encodeAttribute(OID.senderNonce, encodeOctetString(nonce))]),
    ...(options.moreAttributesDer ?? []),
  ]
  const sorted = sortEncodings(attributes)
  const signed = encodeElement(
    TAG.set,
    ...(options.signUnsorted === true ? sorted.toReversed() : sorted),
  )
  const sent =
    options.unsorted === true || options.signUnsorted === true ? sorted.toReversed() : sorted
  const { algorithmDer, signature } = signAs(
    options.signature ?? 'rsaEncryption',
    digest,
    signed,
    signer.key,
  )
  if (options.tamper === 'signature') signature[9] = (signature[9] ?? 0) ^ 1
  const { issuerDer, serialHex } = parseCertificate(signer.certificateDer)
  const digestDer =
    options.omitNull === true ? encodeSequence(encodeOid(OID[digest])) : encodeDigest(digest)
  const signerInfo = encodeSequence(
    encodeInteger(1),
    options.signerIdentifierDer ?? encodeIssuerAndSerial(issuerDer, Buffer.from(serialHex, 'hex')),
    digestDer,
    encodeContext(0, ...sent),
    options.omitNull === true ? encodeSequence(encodeOid(OID.rsaEncryption)) : algorithmDer,
    encodeOctetString(signature),
  )
  return { signerInfo, digestDer }
}

function valueOf(sequence: Uint8Array): Uint8Array {
  const first = sequence[1] ?? 0
  return sequence.subarray(first < 0x80 ? 2 : 2 + (first & 0x7f))
}

function signAs(
  how: 'rsaEncryption' | 'hashWithRsa' | 'pss',
  digest: DigestName,
  data: Uint8Array,
  key: KeyObject,
) {
  if (how === 'pss') {
    const hashDer = encodeDigest(digest)
    const saltLength = 32
    const algorithmDer = encodeSequence(
      encodeOid(OID.rsassaPss),
      encodeSequence(
        encodeContext(0, hashDer),
        encodeContext(1, encodeSequence(encodeOid(OID.mgf1), hashDer)),
        encodeContext(2, encodeInteger(saltLength)),
      ),
    )
    const padding = constants.RSA_PKCS1_PSS_PADDING
    return { algorithmDer, signature: sign(digest, data, { key, padding, saltLength }) }
  }
  const oids: Record<string, string> = {
    md5: OID.md5WithRsaEncryption,
    sha1: OID.sha1WithRsaEncryption,
    sha224: OID.sha224WithRsaEncryption,
    sha256: OID.sha256WithRsaEncryption,
    sha384: OID.sha384WithRsaEncryption,
    sha512: OID.sha512WithRsaEncryption,
  }
  const oid = how === 'rsaEncryption' ? OID.rsaEncryption : (oids[digest] ?? '')
  return {
    algorithmDer: encodeSequence(encodeOid(oid), encodeNull()),
    signature: sign(digest, data, key),
  }
}
