import { ConnectorError, equalBytes } from '../kernel/index.ts'
import {
  cipherTraits,
  encodeAttribute,
  encodeCertificates,
  encodeContentCipher,
  encodeCrls,
  encodeEnvelopedData,
  encodeKeyTransport,
  encodeKeyTransportRecipient,
  encodeOctetString,
  encodePasswordRecipient,
  encodePrintableString,
  encodeSignedData,
  encodeTime,
  encodeUtf8String,
  encryptContent,
  importPublicKey,
  OID,
  parseCertificate,
  wrapContentKey,
} from '../pki/index.ts'
import { FAIL_INFO_DIGITS } from './fail-info.ts'
import { findReplySigner, type RaIdentity, type RaKeyRing } from './ra-key-ring.ts'
import type { Reply, ReplyFrame, ScepRules } from './types.ts'

/** What a reply takes from outside the messages. */
export interface SealContext {
  /** For signingTime. */
  readonly now: Date
  /** Octets that nobody can guess: nonce, content key, initialisation vector. */
  readonly random: (length: number) => Uint8Array
}

const defaultNonceLength = 16
const statusDigits = { SUCCESS: '0', FAILURE: '2', PENDING: '3' } as const

/**
 * Makes a CertRep. Digest, cipher and key transport are those of the request (REQ-165, 166).
 *
 * Blocks for the length of one RSA private operation.
 *
 * @returns DER, but for the order of certificates, which is that of the reply
 * @throws ConnectorError `internal/bug` a SUCCESS for a frame that a refused request left incomplete
 * @throws ConnectorError `pki/malformed` a certificate of the chain cannot be read
 * @see RFC 8894, sections 3.2 and 3.3.2; REQ-163 to 180
 */
export function sealReply(
  frame: ReplyFrame,
  reply: Reply,
  ras: RaKeyRing,
  rules: ScepRules,
  context: SealContext,
): Uint8Array {
  const signer = findReplySigner(ras, frame.raFingerprintHex)
  return encodeSignedData(
    {
      digest: frame.digest,
      content: encodeContent(frame, reply, rules, context.random),
      certificatesDer: listSignerCertificates(signer, rules),
      attributesDer: encodeAttributes(frame, reply, rules, context),
    },
    signer,
  )
}

function encodeContent(
  frame: ReplyFrame,
  reply: Reply,
  rules: ScepRules,
  random: SealContext['random'],
): Uint8Array | undefined {
  if (reply.status !== 'SUCCESS') return rules.ndesEmptyContent ? new Uint8Array(1) : undefined
  if ('crlDer' in reply) return encryptFor(frame, encodeCrls([reply.crlDer]), rules, random)
  const chain = selectChain(reply.chainDer, rules.replyChain)
  return encryptFor(frame, encodeCertificates([reply.certificateDer, ...chain]), rules, random)
}

function selectChain(
  chainDer: readonly Uint8Array[],
  wanted: ScepRules['replyChain'],
): readonly Uint8Array[] {
  switch (wanted) {
    case 'none':
      return []
    case 'issuer':
      return chainDer.slice(0, 1)
    case 'chain':
      return chainDer.filter((der) => !isRoot(der))
    case 'full':
      return chainDer
  }
}

function isRoot(der: Uint8Array): boolean {
  const { issuerDer, subjectDer } = parseCertificate(der)
  return equalBytes(issuerDer, subjectDer)
}

function listSignerCertificates(
  { certificateDer, issuersDer }: RaIdentity,
  { omitSignerCert, includeSignerChain }: ScepRules,
): readonly Uint8Array[] {
  if (omitSignerCert) return []
  return includeSignerChain ? [certificateDer, ...issuersDer] : [certificateDer]
}

function encryptFor(
  frame: ReplyFrame,
  content: Uint8Array,
  rules: ScepRules,
  random: SealContext['random'],
): Uint8Array {
  const { cipher } = frame
  if (cipher === undefined) throw incomplete()
  const { keyLength, ivLength } = cipherTraits(cipher)
  const contentKey = random(keyLength)
  const iv = random(ivLength)
  return encodeEnvelopedData({
    recipientDer: encodeRecipient(frame, contentKey, rules, random),
    version: frame.isByPassword ? 3 : 0,
    cipherAlgorithmDer: encodeContentCipher(cipher, iv),
    encryptedContent: encryptContent(cipher, contentKey, iv, content),
  })
}

/** The signer of the request, or whoever knows the password by which it was encrypted. */
function encodeRecipient(
  { isByPassword, keyTransport, recipient }: ReplyFrame,
  contentKey: Uint8Array,
  { recipientPassword }: ScepRules,
  random: SealContext['random'],
): Uint8Array {
  if (isByPassword && recipientPassword !== undefined)
    return encodePasswordRecipient(contentKey, recipientPassword.reveal(), random)
  if (keyTransport === undefined || recipient === undefined) throw incomplete()
  return encodeKeyTransportRecipient(
    recipient.issuerAndSerialDer,
    encodeKeyTransport(keyTransport),
    wrapContentKey(importPublicKey(recipient.spkiDer), keyTransport, contentKey),
  )
}

function incomplete(): ConnectorError {
  return new ConnectorError('internal/bug', 'a refused request cannot be answered with SUCCESS')
}

function encodeAttributes(
  frame: ReplyFrame,
  reply: Reply,
  rules: ScepRules,
  { now, random }: SealContext,
): Uint8Array[] {
  const { senderNonce } = frame
  const nonce = random(senderNonce?.length ?? defaultNonceLength)
  const attributes = [
    encodeAttribute(OID.messageType, messageTypeDer),
    encodeAttribute(OID.pkiStatus, encodePrintableString(statusDigits[reply.status])),
    encodeAttribute(OID.transactionId, frame.transactionIdDer),
    encodeAttribute(OID.senderNonce, encodeOctetString(nonce)),
  ]
  if (senderNonce !== undefined) {
    attributes.push(encodeAttribute(OID.recipientNonce, encodeOctetString(senderNonce)))
  }
  if (rules.signingTime) attributes.push(encodeAttribute(OID.signingTime, encodeTime(now)))
  attributes.push(...encodeOutcome(reply, rules))
  return attributes
}

const messageTypeDer = encodePrintableString('3')

function encodeOutcome(reply: Reply, rules: ScepRules): Uint8Array[] {
  switch (reply.status) {
    case 'SUCCESS':
      return rules.ndesAttributes
        ? [encodeAttribute(OID.microsoftScepServerMessage, encodeUtf8String('Issued'))]
        : []
    case 'FAILURE': {
      const { failInfo, text, hResult } = reply.refusal
      const outcome = [
        encodeAttribute(OID.failInfo, encodePrintableString(FAIL_INFO_DIGITS[failInfo])),
        encodeAttribute(OID.failInfoText, encodeUtf8String(text)),
      ]
      if (rules.ndesAttributes) {
        const error = encodePrintableString(String(hResult))
        outcome.push(encodeAttribute(OID.microsoftScepError, error))
      }
      return outcome
    }
    case 'PENDING':
      return []
  }
}
