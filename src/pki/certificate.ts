import { type KeyObject } from 'node:crypto'
import { fromHex, toHex } from '../kernel/index.ts'
import { algorithmOid, readSignatureScheme } from './algorithms.ts'
import {
  checkedTag,
  type DerElement,
  getChild,
  malformed,
  parseElement,
  TAG,
} from './der-reader.ts'
import { parseTime } from './der-time.ts'
import { parseBitOctets } from './der-values.ts'
import {
  encodeBitString,
  encodeContext,
  encodeInteger,
  encodeSequence,
  encodeTime,
} from './der-writer.ts'
import { encodeExtensions, readTaggedExtensions } from './extensions.ts'
import { readName } from './names.ts'
import { readPublicKey } from './public-key.ts'
import { isSignatureValid, signatureAlgorithmFor, signWith } from './signatures.ts'
import type { Certificate, CertificateOrder, Extension } from './types.ts'

/**
 * Reads a certificate. Nothing is verified.
 *
 * Takes what strict parsers refuse and devices send (REQ-80): any serial, version 1, no extensions, unknown critical
 * extensions, times with an offset, old algorithms.
 *
 * @throws ConnectorError `pki/malformed`
 * @see RFC 5280, section 4.1
 */
export function parseCertificate(der: Uint8Array): Certificate {
  return readCertificate(parseElement(der))
}

/** `parseCertificate` for an element that has been read already. */
export function readCertificate(certificate: DerElement): Certificate {
  checkedTag(certificate, TAG.sequence, 'certificate')
  const tbs = getChild(certificate, 0, TAG.sequence, 'tbsCertificate')
  const algorithm = getChild(certificate, 1, TAG.sequence, 'signatureAlgorithm')
  const signature = getChild(certificate, 2, TAG.bitString, 'signature')
  const first = tbs.children[0]?.tag === 0xa0 ? 1 : 0
  const serial = getChild(tbs, first, TAG.integer, 'serialNumber').value
  const issuer = getChild(tbs, first + 2, TAG.sequence, 'issuer')
  const validity = getChild(tbs, first + 3, TAG.sequence, 'validity')
  const subject = getChild(tbs, first + 4, TAG.sequence, 'subject')
  const spki = getChild(tbs, first + 5, TAG.sequence, 'subjectPublicKeyInfo')
  const [notBefore, notAfter] = validity.children
  if (notBefore === undefined || notAfter === undefined) throw malformed('validity is incomplete')
  return {
    der: certificate.der,
    tbsDer: tbs.der,
    serialHex: toHex(serial),
    issuerDer: issuer.der,
    issuer: readName(issuer),
    subjectDer: subject.der,
    subject: readName(subject),
    spkiDer: spki.der,
    publicKey: readPublicKey(spki),
    notBefore: parseTime(notBefore, 'notBefore'),
    notAfter: parseTime(notAfter, 'notAfter'),
    extensions: readTaggedExtensions(tbs, 0xa3, first + 6),
    signatureAlgorithmOid: algorithmOid(algorithm, 'signatureAlgorithm'),
    signatureAlgorithmDer: algorithm.der,
    signature: parseBitOctets(signature, 'signature'),
  }
}

/**
 * Whether the certificate's signature holds under this key. Names, dates and purposes are the caller's business.
 *
 * @throws ConnectorError `pki/unsupported-algorithm` the signature algorithm is unknown
 */
export function verifyCertificateSignature(
  certificate: Certificate,
  issuerKey: KeyObject,
): boolean {
  const scheme = readSignatureScheme(parseElement(certificate.signatureAlgorithmDer))
  return isSignatureValid(scheme, issuerKey, certificate.tbsDer, certificate.signature)
}

/** Who signs: its subject Name, its key, and the extensions that it adds to every certificate. */
export interface CertificateIssuer {
  readonly nameDer: Uint8Array
  readonly key: KeyObject
  /** Authority and subject key identifiers, basicConstraints, pointers; written after those of the order. */
  readonly extensions: readonly Extension[]
}

/**
 * Makes and signs a certificate. Subject and public key are copied as they are, byte for byte (REQ-123).
 *
 * Blocks for the length of one private operation. Throws TypeError for an order that breaks its own type's rules
 * (serial, an extension twice).
 *
 * @throws ConnectorError `pki/unsupported-algorithm` the key is of no kind that signs certificates
 */
export function encodeCertificate(order: CertificateOrder, issuer: CertificateIssuer): Uint8Array {
  const { algorithmDer } = signatureAlgorithmFor(issuer.key)
  const extensions = [...order.extensions, ...issuer.extensions]
  const tbs = encodeSequence(
    version3,
    encodeSerial(order.serialHex),
    algorithmDer,
    issuer.nameDer,
    encodeSequence(encodeTime(order.notBefore), encodeTime(order.notAfter)),
    order.subjectDer,
    order.spkiDer,
    ...encodeOptionalExtensions(extensions),
  )
  return encodeSequence(tbs, algorithmDer, encodeBitString(signWith(issuer.key, tbs)))
}

const version3 = encodeContext(0, encodeInteger(2))

function encodeSerial(serialHex: string): Uint8Array {
  if (!/^(?:[0-9A-F]{2}){1,20}$/.test(serialHex) || /^0+$/.test(serialHex)) {
    throw new TypeError('serialHex must be 1 to 20 octets of upper-case hexadecimal, not zero')
  }
  const serial = encodeInteger(fromHex(serialHex))
  // Tag, length and 20 octets: a leading zero octet for the sign counts (RFC 5280, section 4.1.2.2).
  if (serial.length > 22)
    throw new TypeError('serialHex does not fit 20 octets as a positive number')
  return serial
}

function encodeOptionalExtensions(extensions: readonly Extension[]): Uint8Array[] {
  const oids = new Set(extensions.map(({ oid }) => oid))
  if (oids.size !== extensions.length) throw new TypeError('an extension is ordered twice')
  return extensions.length === 0 ? [] : [encodeContext(3, encodeExtensions(extensions))]
}
