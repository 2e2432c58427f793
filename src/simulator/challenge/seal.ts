import { constants, createCipheriv, publicEncrypt, randomBytes, sign } from 'node:crypto'
import * as asn1js from 'asn1js'
import * as pkijs from 'pkijs'
import { bufferOf } from '../x509.ts'
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
  SIGNING_TIME,
  sha256,
} from './cms.ts'
import type { ChallengeKey } from './keys.ts'

/**
 * Seals a challenge: octets to EnvelopedData (AES-256-CBC, RSA-OAEP with SHA-256), that to SignedData, DER, base64.
 * The layers are Intune's (it encrypts, then signs); the bytes are our own design, because nobody has published them.
 *
 * @see RFC 5652; chapter 5.5 of the protocol note
 */
export function sealChallenge(
  content: Uint8Array,
  recipient: ChallengeKey,
  signer: ChallengeKey,
  signingTime: Date,
): string {
  const enveloped = envelop(content, recipient)
  return Buffer.from(signOver(enveloped, signer, signingTime)).toString('base64')
}

function envelop(content: Uint8Array, recipient: ChallengeKey): Uint8Array {
  const [key, iv] = [randomBytes(32), randomBytes(16)]
  const cipher = createCipheriv('aes-256-cbc', key, iv)
  const encrypted = Buffer.concat([cipher.update(content), cipher.final()])
  const padding = constants.RSA_PKCS1_OAEP_PADDING
  const wrapped = publicEncrypt({ key: recipient.publicKey, padding, oaepHash: 'sha256' }, key)

  const sha256Identifier = new pkijs.AlgorithmIdentifier({ algorithmId: SHA_256 })
  const oaep = new pkijs.RSAESOAEPParams({
    hashAlgorithm: sha256Identifier,
    maskGenAlgorithm: new pkijs.AlgorithmIdentifier({
      algorithmId: '1.2.840.113549.1.1.8',
      algorithmParams: sha256Identifier.toSchema(),
    }),
  })
  const encryptedContentInfo = new pkijs.EncryptedContentInfo({
    contentType: DATA,
    contentEncryptionAlgorithm: new pkijs.AlgorithmIdentifier({
      algorithmId: AES_256_CBC,
      algorithmParams: new asn1js.OctetString({ valueHex: bufferOf(iv) }),
    }),
  })
  // Set afterwards: the constructor would split the string into a constructed one, which is not DER.
  encryptedContentInfo.encryptedContent = new asn1js.OctetString({ valueHex: bufferOf(encrypted) })
  const recipientInfo = new pkijs.KeyTransRecipientInfo({
    version: 0,
    rid: recipient.identifier,
    keyEncryptionAlgorithm: new pkijs.AlgorithmIdentifier({
      algorithmId: RSA_OAEP,
      algorithmParams: oaep.toSchema(),
    }),
    encryptedKey: new asn1js.OctetString({ valueHex: bufferOf(wrapped) }),
  })
  const enveloped = new pkijs.EnvelopedData({
    version: 0,
    recipientInfos: [new pkijs.RecipientInfo({ variant: 1, value: recipientInfo })],
    encryptedContentInfo,
  })
  return wrap(ENVELOPED_DATA, enveloped.toSchema())
}

function signOver(content: Uint8Array, signer: ChallengeKey, signingTime: Date): Uint8Array {
  // In DER order of their encodings, as SET OF demands.
  const attributes = [
    attribute(CONTENT_TYPE, new asn1js.ObjectIdentifier({ value: DATA })),
    attribute(SIGNING_TIME, new asn1js.UTCTime({ valueDate: signingTime })),
    attribute(MESSAGE_DIGEST, new asn1js.OctetString({ valueHex: bufferOf(sha256(content)) })),
  ]
  const toBeSigned = new asn1js.Set({ value: attributes.map((one) => one.toSchema()) }).toBER()
  const signature = sign('sha256', Buffer.from(toBeSigned), signer.privateKey)

  const encapContentInfo = new pkijs.EncapsulatedContentInfo({ eContentType: DATA })
  encapContentInfo.eContent = new asn1js.OctetString({ valueHex: bufferOf(content) })
  const digestAlgorithm = new pkijs.AlgorithmIdentifier({ algorithmId: SHA_256 })
  const signed = new pkijs.SignedData({
    version: 1,
    digestAlgorithms: [digestAlgorithm],
    encapContentInfo,
    certificates: [signer.certificate],
    signerInfos: [
      new pkijs.SignerInfo({
        version: 1,
        sid: signer.identifier,
        digestAlgorithm,
        signedAttrs: new pkijs.SignedAndUnsignedAttributes({ type: 0, attributes }),
        signatureAlgorithm: new pkijs.AlgorithmIdentifier({
          algorithmId: RSA_ENCRYPTION,
          algorithmParams: new asn1js.Null(),
        }),
        signature: new asn1js.OctetString({ valueHex: bufferOf(signature) }),
      }),
    ],
  })
  return wrap(SIGNED_DATA, signed.toSchema(true))
}

function attribute(type: string, value: asn1js.BaseBlock): pkijs.Attribute {
  return new pkijs.Attribute({ type, values: [value] })
}

function wrap(contentType: string, content: asn1js.BaseBlock): Uint8Array {
  const info = new pkijs.ContentInfo({ contentType, content })
  return new Uint8Array(info.toSchema().toBER())
}
