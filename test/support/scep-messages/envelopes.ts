import { constants, createCipheriv, publicEncrypt, randomBytes, X509Certificate } from 'node:crypto'
import {
  type BerStyle,
  der,
  element,
  explicit,
  integer,
  nothing,
  octetString,
  oid,
  sequence,
} from './ber.ts'

/** Content ciphers that tests write; RC2 and Blowfish carry noise, as nobody decrypts them. */
const CIPHERS = {
  'des-cbc': { oid: '1.3.14.3.2.7', keyBytes: 8, ivBytes: 8 },
  'des-ede3-cbc': { oid: '1.2.840.113549.3.7', keyBytes: 24, ivBytes: 8 },
  'aes-128-cbc': { oid: '2.16.840.1.101.3.4.1.2', keyBytes: 16, ivBytes: 16 },
  'aes-192-cbc': { oid: '2.16.840.1.101.3.4.1.22', keyBytes: 24, ivBytes: 16 },
  'aes-256-cbc': { oid: '2.16.840.1.101.3.4.1.42', keyBytes: 32, ivBytes: 16 },
  'aes-128-gcm': { oid: '2.16.840.1.101.3.4.1.6', keyBytes: 16, ivBytes: 12 },
  'aes-256-gcm': { oid: '2.16.840.1.101.3.4.1.46', keyBytes: 32, ivBytes: 12 },
  rc2: { oid: '1.2.840.113549.3.2', keyBytes: 16, ivBytes: 8 },
  blowfish: { oid: '1.3.6.1.4.1.3029.1.2', keyBytes: 16, ivBytes: 8 },
} as const

export type TestCipher = keyof typeof CIPHERS
export type TestKeyTransport = 'pkcs1' | 'oaep-sha1' | 'oaep-sha256' | 'oaep-sha384' | 'oaep-sha512'

const HASH_OIDS = {
  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
} as const

/** Whom an envelope is for, and how that is written. */
export interface RecipientShape {
  readonly certificateDer: Uint8Array
  /** Default issuerAndSerial. The others name the RA by key identifier (REQ-96). */
  readonly reference?: 'issuerAndSerial' | 'ski' | 'double-wrapped-ski'
  readonly keyIdentifier?: Uint8Array
  /** Octets in place of the encrypted content key. */
  readonly encryptedKey?: Uint8Array
  /** A content key of another length than the cipher needs. */
  readonly keyBytes?: number
  /** NULL after rsaEncryption left out. */
  readonly hasNoParameters?: boolean
}

/** An EnvelopedData for tests. */
export interface EnvelopeShape {
  readonly content: Uint8Array
  readonly recipients: readonly RecipientShape[]
  readonly cipher?: TestCipher
  readonly keyTransport?: TestKeyTransport
  readonly contentType?: string
  readonly version?: number
  readonly style?: BerStyle
  /** Changes the ciphertext after encryption. */
  readonly tamper?: (encrypted: Buffer) => Uint8Array
  readonly omitContent?: boolean
  /** A RecipientInfo of another kind, whole, in front of the others. */
  readonly otherRecipient?: Uint8Array
  /** `bare`: the EnvelopedData without its ContentInfo. */
  readonly form?: 'contentInfo' | 'bare'
  readonly originatorInfo?: Uint8Array
  readonly unprotectedAttributes?: Uint8Array
  /** MGF1 with another hash than OAEP has: Java's default is SHA-1. */
  readonly maskHash?: keyof typeof HASH_OIDS
}

/** ContentInfo with an EnvelopedData. */
export function sealEnvelope(shape: EnvelopeShape): Uint8Array {
  const style = shape.style ?? der
  const { oid: cipherOid, keyBytes, ivBytes } = CIPHERS[shape.cipher ?? 'aes-128-cbc']
  const key = randomBytes(keyBytes)
  const iv = randomBytes(ivBytes)
  const encrypted = encrypt(shape.cipher ?? 'aes-128-cbc', key, iv, shape.content)
  const tampered = shape.tamper?.(encrypted) ?? encrypted
  const recipients = shape.recipients.map((recipient) => encodeRecipient(recipient, shape, key))
  const isGcm = cipherOid.endsWith('.6') || cipherOid.endsWith('.46')
  const parameters = isGcm ? sequence(octetString(iv), integer(16)) : octetString(iv)
  const envelope = style.constructed(
    0x30,
    integer(shape.version ?? 0),
    ...given(shape.originatorInfo),
    style.constructed(0x31, ...given(shape.otherRecipient), ...recipients),
    style.constructed(
      0x30,
      oid(shape.contentType ?? '1.2.840.113549.1.7.1'),
      sequence(oid(cipherOid), parameters),
      ...(shape.omitContent ? [] : [style.octets(tampered, 0x80)]),
    ),
    ...given(shape.unprotectedAttributes),
  )
  if (shape.form === 'bare') return envelope
  return style.constructed(0x30, oid('1.2.840.113549.1.7.3'), style.constructed(0xa0, envelope))
}

function given(piece: Uint8Array | undefined): readonly Uint8Array[] {
  return piece === undefined ? [] : [piece]
}

/** IssuerAndSerialNumber, copied out of the certificate octet for octet. */
export function issuerAndSerialOf(certificateDer: Uint8Array): Uint8Array {
  const tbs = childrenOf(childrenOf(certificateDer)[0] ?? Buffer.alloc(0))
  const fields = tbs[0]?.[0] === 0xa0 ? tbs.slice(1) : tbs
  return sequence(fields[2] ?? Buffer.alloc(0), fields[0] ?? Buffer.alloc(0))
}

/** Whole elements inside a DER element. */
export function childrenOf(bytes: Uint8Array): readonly Uint8Array[] {
  const children: Uint8Array[] = []
  for (let at = headerBytes(bytes, 0); at < bytes.length; ) {
    const end = at + headerBytes(bytes, at) + bodyBytes(bytes, at)
    children.push(bytes.subarray(at, end))
    at = end
  }
  return children
}

function headerBytes(bytes: Uint8Array, at: number): number {
  const first = bytes[at + 1] ?? 0
  return first < 0x80 ? 2 : 2 + (first & 0x7f)
}

function bodyBytes(bytes: Uint8Array, at: number): number {
  const first = bytes[at + 1] ?? 0
  if (first < 0x80) return first
  const octets = bytes.subarray(at + 2, at + headerBytes(bytes, at))
  return octets.reduce((sum, octet) => sum * 256 + octet, 0)
}

function encodeRecipient(recipient: RecipientShape, shape: EnvelopeShape, key: Buffer): Uint8Array {
  const transport = shape.keyTransport ?? 'pkcs1'
  const sent = recipient.keyBytes === undefined ? key : randomBytes(recipient.keyBytes)
  const style = shape.style ?? der
  return style.constructed(
    0x30,
    integer(recipient.reference === undefined || recipient.reference === 'issuerAndSerial' ? 0 : 2),
    encodeReference(recipient),
    encodeTransport(transport, recipient.hasNoParameters ?? false, shape.maskHash),
    style.octets(recipient.encryptedKey ?? wrapKey(sent, recipient.certificateDer, transport)),
  )
}

function encodeReference(recipient: RecipientShape): Uint8Array {
  const identifier = recipient.keyIdentifier ?? Buffer.alloc(0)
  switch (recipient.reference ?? 'issuerAndSerial') {
    case 'ski':
      return element(0x80, identifier)
    case 'double-wrapped-ski':
      return element(0x80, octetString(identifier))
    case 'issuerAndSerial':
      return issuerAndSerialOf(recipient.certificateDer)
  }
}

function encodeTransport(
  transport: TestKeyTransport,
  hasNoParameters: boolean,
  maskHash?: keyof typeof HASH_OIDS,
): Uint8Array {
  if (transport === 'pkcs1') {
    return sequence(oid('1.2.840.113549.1.1.1'), ...(hasNoParameters ? [] : [nothing()]))
  }
  const hash = transport.slice(5) as keyof typeof HASH_OIDS
  if (hash === 'sha1') return sequence(oid('1.2.840.113549.1.1.7'), sequence())
  const digest = sequence(oid(HASH_OIDS[hash]), nothing())
  const mask = sequence(
    oid('1.2.840.113549.1.1.8'),
    sequence(oid(HASH_OIDS[maskHash ?? hash]), nothing()),
  )
  return sequence(oid('1.2.840.113549.1.1.7'), sequence(explicit(0, digest), explicit(1, mask)))
}

function wrapKey(
  key: Uint8Array,
  certificateDer: Uint8Array,
  transport: TestKeyTransport,
): Uint8Array {
  const { publicKey } = new X509Certificate(certificateDer)
  if (transport === 'pkcs1') {
    return publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, key)
  }
  const padding = constants.RSA_PKCS1_OAEP_PADDING
  return publicEncrypt({ key: publicKey, padding, oaepHash: transport.slice(5) }, key)
}

function encrypt(cipher: TestCipher, key: Buffer, iv: Buffer, content: Uint8Array): Buffer {
  switch (cipher) {
    case 'rc2':
    case 'blowfish':
      return randomBytes(Math.ceil((content.length + 1) / 8) * 8)
    case 'aes-128-gcm':
    case 'aes-256-gcm': {
      const engine = createCipheriv(cipher, key, iv)
      return Buffer.concat([engine.update(content), engine.final(), engine.getAuthTag()])
    }
    case 'des-cbc': {
      const engine = createCipheriv('des-ede3-cbc', Buffer.concat([key, key, key]), iv)
      return Buffer.concat([engine.update(content), engine.final()])
    }
    case 'des-ede3-cbc':
    case 'aes-128-cbc':
    case 'aes-192-cbc':
    case 'aes-256-cbc': {
      const engine = createCipheriv(cipher, key, iv)
      return Buffer.concat([engine.update(content), engine.final()])
    }
  }
}
