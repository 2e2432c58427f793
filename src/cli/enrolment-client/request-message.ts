import { createHash, randomBytes, sign } from 'node:crypto'
import {
  type Asn1,
  embed,
  encodeAsn1,
  implicitOctets,
  implicitSetOf,
  integer,
  nothing,
  objectId,
  octets,
  printable,
  sequence,
  setOf,
  tagged,
  time,
} from './asn1.ts'
import { encryptContent } from './content-encryption.ts'
import { encodeKeyTransport, wrapContentKey } from './key-transport.ts'
import { CIPHERS, DIGEST_OIDS, OID } from './object-ids.ts'
import { parseCertificate } from './received-certificate.ts'
import type { RequestCipher, RequestDigest, RequestKeyTransport, RequestSigner } from './types.ts'

/** Codes of the messages that this client sends (RFC 8894, section 3.2.1.2). */
const MESSAGE_TYPES = { PKCSReq: '19', RenewalReq: '17' } as const

/** Everything that one pkiMessage says. */
export interface RequestMessage {
  readonly messageType: keyof typeof MESSAGE_TYPES
  readonly csrDer: Uint8Array
  readonly signer: RequestSigner
  /** RSA certificate of the server's RA, from GetCACert. */
  readonly recipientCertificateDer: Uint8Array
  readonly digest: RequestDigest
  readonly cipher: RequestCipher
  readonly keyTransport: RequestKeyTransport
  /** PrintableString characters. */
  readonly transactionId: string
  /** 16 octets by the RFC. */
  readonly senderNonce: Uint8Array
  /** undefined leaves the attribute out. */
  readonly signingTime: Date | undefined
}

/**
 * DER of a pkiMessage (RFC 8894, section 3): the CSR in an EnvelopedData to the RA, inside a SignedData by the signer.
 * Draws a fresh content key and initialisation vector.
 */
export function buildRequest(message: RequestMessage): Uint8Array {
  const content = sealCsr(message)
  const attributes = signedAttributes(message, content)
  const signature = sign(
    message.digest,
    encodeAsn1(setOf(...attributes)),
    message.signer.privateKey,
  )
  const signerInfo = sequence(
    integer(1),
    recipientOf(message.signer.certificateDer),
    digestAlgorithm(message.digest),
    implicitSetOf(0, ...attributes),
    sequence(objectId(OID.rsaEncryption), nothing()),
    octets(signature),
  )
  const signedData = sequence(
    integer(1),
    setOf(digestAlgorithm(message.digest)),
    sequence(objectId(OID.data), tagged(0, octets(content))),
    tagged(0, embed(message.signer.certificateDer)),
    setOf(signerInfo),
  )
  return encodeAsn1(sequence(objectId(OID.signedData), tagged(0, signedData)))
}

function sealCsr(message: RequestMessage): Uint8Array {
  const { oid, keyBytes, ivBytes } = CIPHERS[message.cipher]
  const contentKey = randomBytes(keyBytes)
  const iv = randomBytes(ivBytes)
  const { publicKey } = parseCertificate(message.recipientCertificateDer).x509
  const recipient = sequence(
    integer(0),
    recipientOf(message.recipientCertificateDer),
    encodeKeyTransport(message.keyTransport),
    octets(wrapContentKey(contentKey, publicKey, message.keyTransport)),
  )
  const encrypted = encryptContent(message.cipher, contentKey, iv, message.csrDer)
  const envelope = sequence(
    integer(0),
    setOf(recipient),
    sequence(objectId(OID.data), sequence(objectId(oid), octets(iv)), implicitOctets(0, encrypted)),
  )
  return encodeAsn1(sequence(objectId(OID.envelopedData), tagged(0, envelope)))
}

function signedAttributes(message: RequestMessage, content: Uint8Array): readonly Asn1[] {
  const digest = createHash(message.digest).update(content).digest()
  const attributes = [
    attribute(OID.contentType, objectId(OID.data)),
    attribute(OID.messageDigest, octets(digest)),
    attribute(OID.messageType, printable(MESSAGE_TYPES[message.messageType])),
    attribute(OID.senderNonce, octets(message.senderNonce)),
    attribute(OID.transactionId, printable(message.transactionId)),
  ]
  if (message.signingTime !== undefined) {
    attributes.push(attribute(OID.signingTime, time(message.signingTime)))
  }
  return attributes
}

function attribute(oid: string, value: Asn1): Asn1 {
  return sequence(objectId(oid), setOf(value))
}

function digestAlgorithm(digest: RequestDigest): Asn1 {
  return sequence(objectId(DIGEST_OIDS[digest]), nothing())
}

/** IssuerAndSerialNumber, both copied as they stand in the certificate. */
function recipientOf(certificateDer: Uint8Array): Asn1 {
  const { issuerDer, serialHex } = parseCertificate(certificateDer)
  return sequence(
    embed(issuerDer),
    integer(BigInt.asIntN(serialHex.length * 4, BigInt(`0x${serialHex}`))),
  )
}
