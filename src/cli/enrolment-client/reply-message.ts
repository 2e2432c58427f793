import { createHash, verify } from 'node:crypto'
import type * as asn1js from 'asn1js'
import * as pkijs from 'pkijs'
import { ConnectorError } from '../../kernel/index.ts'
import { DIGEST_OIDS, OID } from './object-ids.ts'
import { parseCertificate, receivedCertificates } from './received-certificate.ts'
import { type ReplyAttributes, readReplyAttributes } from './reply-attributes.ts'
import { type OpenedEnvelope, openEnvelope } from './reply-envelope.ts'
import type { RequestDigest, RequestSigner } from './types.ts'

/** What the client knows when a reply arrives. */
export interface ReplyExpectation {
  /** Certificates from GetCACert that may sign replies: the only ones that count, whatever the reply carries. */
  readonly raCertificatesDer: readonly Uint8Array[]
  readonly transactionId: string
  readonly senderNonce: Uint8Array
  /** The reply is encrypted to this certificate. */
  readonly signer: RequestSigner
}

/** A reply whose signature, transaction and nonce hold. */
export type OpenedReply = {
  readonly attributes: ReplyAttributes
  readonly digest: RequestDigest
  readonly signedBy: Uint8Array
  /** Certificates of the outer SignedData, as sent. */
  readonly outerCertificatesDer: readonly Uint8Array[]
} & (
  | ({ readonly kind: 'issued' } & OpenedEnvelope)
  | { readonly kind: 'refused'; readonly failInfo: string; readonly text: string | undefined }
  | { readonly kind: 'pending' }
)

/**
 * Opens a CertRep (RFC 8894, section 3.3.2): verifies the outer signature with a certificate from GetCACert, checks
 * transactionID and recipientNonce, and decrypts the certificates.
 *
 * @throws ConnectorError `scep/malformed` not a CertRep
 * @throws ConnectorError `scep/bad-signature` signature, digest, transaction or nonce do not fit the request
 * @throws ConnectorError `scep/not-for-us` the envelope does not open with the signer's key
 * @throws ConnectorError `scep/unsupported-algorithm` or `pki/unsupported-algorithm`
 */
export function openReply(replyDer: Uint8Array, expected: ReplyExpectation): OpenedReply {
  const signedData = parseSignedData(replyDer)
  const signerInfo = onlySigner(signedData)
  const signedBy = findRa(signerInfo, expected.raCertificatesDer)
  const digest = verifySignature(signedData, signerInfo, signedBy)
  const attributes = readReplyAttributes(signerInfo)
  checkBelongsToRequest(attributes, expected)
  const outerCertificatesDer = receivedCertificates(replyDer)
  const frame = { attributes, digest, signedBy, outerCertificatesDer }
  switch (attributes.pkiStatus) {
    case '0':
      return { ...frame, kind: 'issued', ...openEnvelope(contentOf(signedData), expected.signer) }
    case '2':
      return {
        ...frame,
        kind: 'refused',
        failInfo: attributes.failInfo ?? '',
        text: attributes.failInfoText,
      }
    case '3':
      return { ...frame, kind: 'pending' }
    default:
      throw new ConnectorError(
        'scep/malformed',
        `reply: pkiStatus "${attributes.pkiStatus}" does not exist`,
      )
  }
}

function parseSignedData(replyDer: Uint8Array): pkijs.SignedData {
  try {
    const outer = pkijs.ContentInfo.fromBER(Uint8Array.from(replyDer))
    if (outer.contentType !== OID.signedData) throw new Error(`content type ${outer.contentType}`)
    return new pkijs.SignedData({ schema: outer.content })
  } catch (cause) {
    throw new ConnectorError('scep/malformed', 'reply: not a SignedData', { cause })
  }
}

function onlySigner(signedData: pkijs.SignedData): pkijs.SignerInfo {
  const [signerInfo, ...others] = signedData.signerInfos
  if (signerInfo === undefined || others.length > 0) {
    throw new ConnectorError(
      'scep/malformed',
      `reply: ${signedData.signerInfos.length} signatures instead of one`,
    )
  }
  return signerInfo
}

function findRa(signerInfo: pkijs.SignerInfo, candidates: readonly Uint8Array[]): Uint8Array {
  const sid: unknown = signerInfo.sid
  if (!(sid instanceof pkijs.IssuerAndSerialNumber)) {
    throw new ConnectorError(
      'scep/bad-signature',
      'reply: signer is not named by issuer and serial number',
    )
  }
  const issuer = Buffer.from(sid.issuer.valueBeforeDecode)
  const serial = Buffer.from(sid.serialNumber.valueBlock.valueHexView)
  const found = candidates.find((der) => {
    const candidate = parseCertificate(der)
    return (
      issuer.equals(candidate.issuerDer) && serial.equals(Buffer.from(candidate.serialHex, 'hex'))
    )
  })
  if (found !== undefined) return found
  throw new ConnectorError(
    'scep/bad-signature',
    `reply: signed by serial ${serial.toString('hex')}, which GetCACert did not list; a proxy or a stale CA list?`,
  )
}

function verifySignature(
  signedData: pkijs.SignedData,
  signerInfo: pkijs.SignerInfo,
  raCertificateDer: Uint8Array,
): RequestDigest {
  const digest = readDigest(signerInfo.digestAlgorithm.algorithmId)
  const { signedAttrs } = signerInfo
  if (signedAttrs === undefined) {
    throw new ConnectorError('scep/malformed', 'reply: no signed attributes')
  }
  const expected = createHash(digest).update(contentOf(signedData)).digest()
  const claimed = signedAttrs.attributes.find((entry) => entry.type === OID.messageDigest)
  const value = claimed?.values[0] as asn1js.OctetString | undefined
  if (value === undefined || !expected.equals(Buffer.from(value.getValue()))) {
    throw new ConnectorError('scep/bad-signature', 'reply: messageDigest does not fit the content')
  }
  const { publicKey } = parseCertificate(raCertificateDer).x509
  const signature = Buffer.from(signerInfo.signature.getValue())
  if (!verify(digest, Buffer.from(signedAttrs.encodedValue), publicKey, signature)) {
    throw new ConnectorError(
      'scep/bad-signature',
      'reply: the signature does not verify with the RA certificate',
    )
  }
  return digest
}

function readDigest(oid: string): RequestDigest {
  for (const name of Object.keys(DIGEST_OIDS) as RequestDigest[]) {
    if (DIGEST_OIDS[name] === oid) return name
  }
  throw new ConnectorError(
    'scep/unsupported-algorithm',
    `reply: digest ${oid} is not known to this client`,
  )
}

function contentOf(signedData: pkijs.SignedData): Uint8Array {
  const content = signedData.encapContentInfo.eContent
  return content === undefined ? new Uint8Array() : new Uint8Array(content.getValue())
}

function checkBelongsToRequest(attributes: ReplyAttributes, expected: ReplyExpectation): void {
  if (attributes.messageType !== '3') {
    throw new ConnectorError(
      'scep/malformed',
      `reply: messageType "${attributes.messageType}" instead of 3, CertRep`,
    )
  }
  if (attributes.transactionId !== expected.transactionId) {
    throw new ConnectorError(
      'scep/bad-signature',
      `reply: transactionID "${attributes.transactionId}" is not that of the request, "${expected.transactionId}"`,
    )
  }
  const { recipientNonce, senderNonce } = attributes
  if (recipientNonce === undefined || !Buffer.from(expected.senderNonce).equals(recipientNonce)) {
    throw new ConnectorError(
      'scep/bad-signature',
      'reply: recipientNonce is not the nonce of the request; a replay?',
    )
  }
  if (senderNonce === undefined || Buffer.from(expected.senderNonce).equals(senderNonce)) {
    throw new ConnectorError('scep/bad-signature', 'reply: no fresh senderNonce')
  }
}
