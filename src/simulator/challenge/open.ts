import {
  constants,
  createDecipheriv,
  type KeyObject,
  privateDecrypt,
  verify,
  X509Certificate,
} from 'node:crypto'
import type * as asn1js from 'asn1js'
import { childAt, childrenOf, derOf, hasTag, octetsOf, oidOf, parseTree } from './asn1-tree.ts'
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
  /** The certificate that came along; nobody has vouched for it. */
  readonly signerDer: Uint8Array
  readonly signerPublicKey: KeyObject
  /** Signed attributes by type; of a type that stands there twice, only the first. */
  readonly signedAttributes: ReadonlyMap<string, asn1js.BaseBlock>
  /** The bytes that were signed: the attributes under the universal tag SET OF (RFC 5652, section 5.4). */
  readonly signedBytes: Uint8Array
  readonly signature: Uint8Array
}

/**
 * Reads the text of a challengePassword as base64 and CMS SignedData with one certificate and one signer.
 *
 * @returns undefined when it is anything else; nothing has been verified
 */
export function parseSignedChallenge(text: string): SignedChallenge | undefined {
  if (!isBase64(text)) return undefined
  try {
    const info = parseTree(Buffer.from(text, 'base64'))
    return oidOf(childAt(info, 0)) === SIGNED_DATA ? readSigned(childAt(info, 1, 0)) : undefined
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
  const { contentDer, signedAttributes, signedBytes, signerPublicKey, signature } = challenge
  const digest = signedAttributes.get(MESSAGE_DIGEST)
  const type = signedAttributes.get(CONTENT_TYPE)
  if (!digest || !type) return false
  try {
    return (
      Buffer.from(octetsOf(digest)).equals(sha256(contentDer)) &&
      oidOf(type) === DATA &&
      verify('sha256', signedBytes, signerPublicKey, signature)
    )
  } catch {
    // Attributes of the wrong type, or a key that cannot verify: not a good signature.
    return false
  }
}

/**
 * Opens the envelope with the simulator's key.
 *
 * @returns undefined when it was made for another recipient, with other algorithms, or was damaged
 */
export function openEnvelope(contentDer: Uint8Array, own: ChallengeKey): Uint8Array | undefined {
  try {
    const info = parseTree(contentDer)
    if (oidOf(childAt(info, 0)) !== ENVELOPED_DATA) return undefined
    const [, recipients, content] = childrenOf(childAt(info, 1, 0))
    if (!recipients || !content) return undefined
    const key = unwrapKey(childAt(recipients, 0), own)
    const algorithm = childAt(content, 1)
    if (!key || oidOf(childAt(algorithm, 0)) !== AES_256_CBC) return undefined
    const decipher = createDecipheriv('aes-256-cbc', key, octetsOf(childAt(algorithm, 1)))
    return Buffer.concat([decipher.update(implicitOctetsOf(childAt(content, 2))), decipher.final()])
  } catch {
    // Wrong key, padding and structure are one answer.
    return undefined
  }
}

/** SignedData: version, digestAlgorithms, encapContentInfo, [0] certificates, signerInfos. */
function readSigned(signedData: asn1js.BaseBlock): SignedChallenge | undefined {
  const [, , content, certificates, signerInfos] = childrenOf(signedData)
  if (!content || !certificates || !signerInfos || !hasTag(certificates, 0)) return undefined
  if (childrenOf(certificates).length !== 1 || childrenOf(signerInfos).length !== 1) {
    return undefined
  }
  // SignerInfo: version, sid, digestAlgorithm, [0] signedAttrs, signatureAlgorithm, signature.
  const [, , digestAlgorithm, attributes, signatureAlgorithm, signature] = childrenOf(
    childAt(signerInfos, 0),
  )
  if (!digestAlgorithm || !attributes || !signatureAlgorithm || !signature) return undefined
  if (!hasTag(attributes, 0)) return undefined
  if (oidOf(childAt(digestAlgorithm, 0)) !== SHA_256) return undefined
  if (oidOf(childAt(signatureAlgorithm, 0)) !== RSA_ENCRYPTION) return undefined
  const signerDer = derOf(childAt(certificates, 0))
  const signedBytes = new Uint8Array(derOf(attributes))
  signedBytes[0] = SET_OF
  return {
    contentDer: octetsOf(childAt(content, 1, 0)),
    signerDer,
    signerPublicKey: new X509Certificate(signerDer).publicKey,
    signedAttributes: readAttributes(attributes),
    signedBytes,
    signature: octetsOf(signature),
  }
}

/** Identifier octet of SET and SET OF. */
const SET_OF = 0x31

function readAttributes(attributes: asn1js.BaseBlock): Map<string, asn1js.BaseBlock> {
  const values = new Map<string, asn1js.BaseBlock>()
  for (const attribute of childrenOf(attributes)) {
    const type = oidOf(childAt(attribute, 0))
    if (!values.has(type)) values.set(type, childAt(attribute, 1, 0))
  }
  return values
}

/** KeyTransRecipientInfo: version, rid (issuer and serial number), keyEncryptionAlgorithm, encryptedKey. */
function unwrapKey(recipient: asn1js.BaseBlock, own: ChallengeKey): Uint8Array | undefined {
  const [, rid, algorithm, encryptedKey] = childrenOf(recipient)
  if (!rid || !algorithm || !encryptedKey) return undefined
  if (Buffer.compare(derOf(rid), own.identifierDer) !== 0) return undefined
  if (oidOf(childAt(algorithm, 0)) !== RSA_OAEP) return undefined
  const padding = constants.RSA_PKCS1_OAEP_PADDING
  return privateDecrypt(
    { key: own.privateKey, padding, oaepHash: 'sha256' },
    octetsOf(encryptedKey),
  )
}

/** Content of `[0] IMPLICIT OCTET STRING`, in its primitive form. */
function implicitOctetsOf(block: asn1js.BaseBlock): Uint8Array {
  const der = derOf(block)
  return der.subarray(der.byteLength - block.lenBlock.length)
}
