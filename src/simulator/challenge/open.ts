import { constants, createDecipheriv, createPublicKey, privateDecrypt, verify } from 'node:crypto'
import * as asn1js from 'asn1js'
import * as pkijs from 'pkijs'
import {
  AES_256_CBC,
  CONTENT_TYPE,
  DATA,
  ENVELOPED_DATA,
  MESSAGE_DIGEST,
  RSA_ENCRYPTION,
  RSA_OAEP,
  SHA_256,
  SIGNED_DATA,
  sha256,
} from './cms.ts'
import { isBase64 } from './csr.ts'
import type { ChallengeKey } from './keys.ts'

/** The outer layer of a challenge, read but not verified. */
export interface SignedChallenge {
  /** DER ContentInfo with the EnvelopedData. */
  readonly contentDer: Uint8Array
  /** The certificate that the signer info names, as sent; nobody has vouched for it. */
  readonly signerDer: Uint8Array
  readonly signerPublicKey: ReturnType<typeof createPublicKey>
  readonly signedAttributes: readonly pkijs.Attribute[]
  readonly signedAttributesDer: Uint8Array
  readonly signature: Uint8Array
}

/**
 * Reads the text of a challengePassword as base64 and CMS SignedData with one signer.
 *
 * @returns undefined when it is anything else; nothing has been verified
 */
export function parseSignedChallenge(text: string): SignedChallenge | undefined {
  if (!isBase64(text)) return undefined
  try {
    const info = pkijs.ContentInfo.fromBER(Buffer.from(text, 'base64'))
    if (info.contentType !== SIGNED_DATA) return undefined
    return readSigned(new pkijs.SignedData({ schema: info.content }))
  } catch {
    // Whatever the parsers dislike about hostile bytes, it is not a challenge.
    return undefined
  }
}

/**
 * Whether the signature fits the content and the certificate that came along. Says nothing about whose certificate
 * that is: `SigningCertThumbprintMismatch` is a check of its own.
 */
export function isSignatureGood(challenge: SignedChallenge): boolean {
  const digest = attributeValue(challenge, MESSAGE_DIGEST)
  const type = attributeValue(challenge, CONTENT_TYPE)
  if (!(digest instanceof asn1js.OctetString) || !(type instanceof asn1js.ObjectIdentifier)) {
    return false
  }
  const isDigestEqual = sha256OfContent(challenge).equals(digest.valueBlock.valueHexView)
  if (!isDigestEqual || type.getValue() !== DATA) return false
  const { signedAttributesDer, signerPublicKey, signature } = challenge
  return verify('sha256', signedAttributesDer, signerPublicKey, signature)
}

/**
 * Opens the envelope with the simulator's key.
 *
 * @returns undefined when it was made for another recipient, with other algorithms, or was damaged
 */
export function openEnvelope(contentDer: Uint8Array, own: ChallengeKey): Uint8Array | undefined {
  try {
    const info = pkijs.ContentInfo.fromBER(contentDer)
    if (info.contentType !== ENVELOPED_DATA) return undefined
    const { recipientInfos, encryptedContentInfo } = new pkijs.EnvelopedData({
      schema: info.content,
    })
    const transport = recipientInfos
      .map(({ value }) => value)
      .find((value) => value instanceof pkijs.KeyTransRecipientInfo && isFor(value, own))
    if (!(transport instanceof pkijs.KeyTransRecipientInfo)) return undefined
    const { contentEncryptionAlgorithm } = encryptedContentInfo
    if (contentEncryptionAlgorithm.algorithmId !== AES_256_CBC) return undefined
    const iv: unknown = contentEncryptionAlgorithm.algorithmParams
    if (!(iv instanceof asn1js.OctetString)) return undefined
    const key = privateDecrypt(
      {
        key: own.privateKey,
        padding: constants.RSA_PKCS1_OAEP_PADDING,
        oaepHash: 'sha256',
      },
      transport.encryptedKey.valueBlock.valueHexView,
    )
    const decipher = createDecipheriv('aes-256-cbc', key, iv.valueBlock.valueHexView)
    const encrypted = new Uint8Array(encryptedContentInfo.getEncryptedContent())
    return Buffer.concat([decipher.update(encrypted), decipher.final()])
  } catch {
    // Wrong key, padding and structure are one answer.
    return undefined
  }
}

function readSigned(signed: pkijs.SignedData): SignedChallenge | undefined {
  const [signerInfo, ...others] = signed.signerInfos
  const content = signed.encapContentInfo.eContent
  const attributes = signerInfo?.signedAttrs
  if (signerInfo === undefined || others.length > 0 || !content || !attributes) return undefined
  if (signerInfo.digestAlgorithm.algorithmId !== SHA_256) return undefined
  if (signerInfo.signatureAlgorithm.algorithmId !== RSA_ENCRYPTION) return undefined
  const certificate = signed.certificates?.find((one) => one instanceof pkijs.Certificate)
  if (!(certificate instanceof pkijs.Certificate)) return undefined
  return {
    contentDer: new Uint8Array(content.getValue()),
    signerDer: new Uint8Array(certificate.toSchema().toBER()),
    signerPublicKey: createPublicKey({
      key: Buffer.from(certificate.subjectPublicKeyInfo.toSchema().toBER()),
      format: 'der',
      type: 'spki',
    }),
    signedAttributes: attributes.attributes,
    signedAttributesDer: new Uint8Array(attributes.encodedValue),
    signature: signerInfo.signature.valueBlock.valueHexView,
  }
}

function isFor(info: pkijs.KeyTransRecipientInfo, own: ChallengeKey): boolean {
  const rid: unknown = info.rid
  return (
    info.keyEncryptionAlgorithm.algorithmId === RSA_OAEP &&
    rid instanceof pkijs.IssuerAndSerialNumber &&
    rid.serialNumber.isEqual(own.certificate.serialNumber) &&
    rid.issuer.isEqual(own.certificate.issuer)
  )
}

function attributeValue({ signedAttributes }: SignedChallenge, type: string): unknown {
  const found = signedAttributes.filter((attribute) => attribute.type === type)
  const [first, ...others] = found
  if (first === undefined || others.length > 0) return undefined
  const values: readonly unknown[] = first.values
  return values[0]
}

function sha256OfContent({ contentDer }: SignedChallenge): Buffer {
  return Buffer.from(sha256(contentDer))
}
