import { hash, type KeyObject } from 'node:crypto'
import { ConnectorError, equalBytes, fromHex, toHex } from '../kernel/index.ts'
import {
  type Certificate,
  type CertificationRequest,
  encodeIssuerAndSerial,
  isDigestValid,
  isSignerInfoValid,
  OID,
  parseSignedData,
  readCertificationRequest,
  readDigest,
  readSignatureScheme,
  readSignedContent,
  readSignerInfo,
  type SignedData,
  type SignerInfo,
} from '../pki/index.ts'
import { openEnvelope, proveRequest } from './envelope.ts'
import { refusalFor, tellable } from './fail-info.ts'
import type { FrameDraft } from './frame-draft.ts'
import {
  findSenderNonce,
  findTransactionId,
  type MessageAttributes,
  readMessageAttributes,
} from './message-attributes.ts'
import { readQueryContent } from './query-content.ts'
import type { RaKeyRing } from './ra-key-ring.ts'
import { getSignerCertificate, importSignerKey, isSelfSigned } from './signer-certificate.ts'
import type {
  MessageSigner,
  OpenOutcome,
  ReplyFrame,
  ScepQuery,
  ScepRequest,
  ScepRules,
} from './types.ts'

/**
 * Opens a SCEP message: verifies the outer SignedData, decrypts the EnvelopedData, verifies the PKCS #10 inside, or reads
 * what a query asks about.
 *
 * Proves only that the sender holds the private keys of the certificate and of the request in the message. A
 * self-signed certificate says nothing of who the device is. The challenge password is returned unchecked.
 * Work goes from cheap to dear: one RSA private operation, and only for messages with a valid signature (REQ-191).
 *
 * @param messageDer ContentInfo in DER or BER; the HTTP layer bounds its size
 * @param now compared with signingTime where the rules set a limit
 * @returns `refused` for everything that is wrong once a transactionID could be read
 * @throws ConnectorError `scep/malformed` the bytes are no SignedData with a transactionID
 * @see RFC 8894, sections 3.1 to 3.3; REQ-65 to 112
 */
export function openRequest(
  messageDer: Uint8Array,
  ras: RaKeyRing,
  rules: ScepRules,
  now: Date,
): OpenOutcome {
  const { signed, frame } = readFrame(messageDer)
  try {
    return openSigned(signed, frame, ras, rules, now)
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error
    return { kind: 'refused', frame, refusal: refusalFor(error.code, error.told) }
  }
}

function readFrame(messageDer: Uint8Array): { signed: SignedData; frame: FrameDraft } {
  try {
    const signed = parseSignedData(messageDer)
    const signerInfo = signed.signerInfos[0]
    const transactionId = signerInfo === undefined ? undefined : findTransactionId(signerInfo)
    if (transactionId === undefined) {
      throw new ConnectorError('scep/malformed', 'the message has no transactionID')
    }
    const frame: FrameDraft = {
      transactionId: transactionId.text,
      transactionIdDer: transactionId.der,
      senderNonce: undefined,
      digest: 'sha256',
      cipher: undefined,
      keyTransport: undefined,
      isByPassword: false,
      raFingerprintHex: undefined,
      recipient: undefined,
    }
    return { signed, frame }
  } catch (error) {
    if (error instanceof ConnectorError && error.code === 'pki/malformed') {
      const text = `the message is no SCEP pkiMessage: ${error.message}`
      throw new ConnectorError('scep/malformed', text, { cause: error })
    }
    throw error
  }
}

function openSigned(
  signed: SignedData,
  frame: FrameDraft,
  ras: RaKeyRing,
  rules: ScepRules,
  now: Date,
): OpenOutcome {
  const signerInfo = readOnlySigner(signed)
  frame.senderNonce = findSenderNonce(signerInfo.attributes)
  frame.digest = readAllowedDigest(signerInfo, rules)
  const attributes = readMessageAttributes(signerInfo.attributes)
  const messageType = checkedMessageType(attributes)
  checkTime(attributes, rules, now)
  const signer = getSignerCertificate(signed.certificates, signerInfo.signer)
  frame.recipient = {
    issuerAndSerialDer: encodeIssuerAndSerial(signer.issuerDer, fromHex(signer.serialHex)),
    spkiDer: signer.spkiDer,
  }
  const signerKey = importSignerKey(signer)
  const content = readSignedContent(signed)
  if (content === undefined) throw tellable('scep/bad-request', 'the message has no content')
  if (!isDigestValid(frame.digest, content.digested, attributes.messageDigest)) {
    throw tellable('scep/bad-signature', 'messageDigest is not the digest of the content')
  }
  verifySignature(signerInfo, frame, signerKey)
  const { signingTime } = attributes
  if (messageType === 'CertPoll' || messageType === 'GetCert' || messageType === 'GetCRL') {
    const asked = openEnvelope(content.octets, frame, ras, rules, (octets) =>
      readQueryContent(messageType, octets),
    )
    return {
      kind: 'asked',
      query: { frame, signer: describeSigner(signer, signerKey), signingTime, asked },
    }
  }
  const proven = openEnvelope(content.octets, frame, ras, rules, (octets) =>
    proveRequest(octets, { spkiDer: signer.spkiDer, key: signerKey }),
  )
  const csr = readCertificationRequest(proven)
  if (csr.signatureAlgorithmOid === OID.md5WithRsaEncryption && !rules.allowMd5) {
    throw tellable('scep/unsupported-algorithm', 'the certification request is signed with MD5')
  }
  const request = {
    frame,
    messageType,
    csr,
    csrSha256Hex: sha256Hex(csr.der),
    signer: describeRequester(signer, signerKey, csr, rules),
    signingTime,
  }
  return { kind: 'opened', request }
}

function readOnlySigner(signed: SignedData): SignerInfo {
  const [signerInfo] = signed.signerInfos
  if (signerInfo === undefined || signed.signerInfos.length !== 1) {
    throw tellable('scep/bad-signature', 'the message must have one signer')
  }
  return readSignerInfo(signerInfo)
}

function readAllowedDigest({ digestAlgorithm }: SignerInfo, rules: ScepRules) {
  const digest = readDigest(digestAlgorithm)
  if (digest === 'md5' && !rules.allowMd5) {
    throw tellable('scep/unsupported-algorithm', 'digest MD5 is not allowed')
  }
  return digest
}

function checkedMessageType({
  messageType,
}: MessageAttributes): ScepRequest['messageType'] | ScepQuery['asked']['messageType'] {
  if (messageType !== 'CertRep') return messageType
  throw tellable('scep/bad-request', `messageType ${messageType} is not served`)
}

function checkTime({ signingTime }: MessageAttributes, rules: ScepRules, now: Date): void {
  const limit = rules.maxSigningTimeSkewSeconds
  if (limit === undefined || signingTime === undefined) return
  if (Math.abs(signingTime.getTime() - now.getTime()) > limit * 1000) {
    throw tellable('scep/bad-time', `signingTime is more than ${limit} seconds off`)
  }
}

function verifySignature(signerInfo: SignerInfo, { digest }: ReplyFrame, key: KeyObject): void {
  const scheme = readSignatureScheme(signerInfo.signatureAlgorithm, digest)
  if (scheme.kind === 'ed25519' || scheme.digest !== digest) {
    throw tellable('scep/bad-signature', 'signature and digest algorithm do not fit together')
  }
  if (!isSignerInfoValid(signerInfo, scheme, key)) {
    throw tellable('scep/bad-signature', 'the signature of the message does not hold')
  }
}

function describeRequester(
  certificate: Certificate,
  key: KeyObject,
  csr: CertificationRequest,
  rules: ScepRules,
): ScepRequest['signer'] {
  const signer = describeSigner(certificate, key)
  const hasCsrKey = equalBytes(certificate.spkiDer, csr.spkiDer)
  if (rules.requireSameKey && signer.isSelfSigned && !hasCsrKey) {
    throw tellable('scep/bad-request', 'the request is for another key than that of its signer')
  }
  return { ...signer, hasCsrKey }
}

function describeSigner(certificate: Certificate, key: KeyObject): MessageSigner {
  return {
    certificateDer: certificate.der,
    sha256Hex: sha256Hex(certificate.der),
    publicKeySha256Hex: sha256Hex(certificate.spkiDer),
    isSelfSigned: isSelfSigned(certificate, key),
    subject: certificate.subject,
  }
}

function sha256Hex(bytes: Uint8Array): string {
  return toHex(hash('sha256', bytes, 'buffer'))
}
