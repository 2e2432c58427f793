import { X509Certificate } from 'node:crypto'
import * as pkijs from 'pkijs'
import { ConnectorError, toHex } from '../../kernel/index.ts'
import { childrenOf, encodeAsn1, parseAsn1, receivedDer } from './asn1.ts'
import { OID } from './object-ids.ts'

/** What the client looks at in a certificate from the server. Nothing has been verified. */
export interface ReceivedCertificate {
  readonly der: Uint8Array
  /** Node's reading of the same octets, for signatures and dates. */
  readonly x509: X509Certificate
  readonly subject: string
  readonly issuerDer: Uint8Array
  readonly subjectDer: Uint8Array
  /** INTEGER octets, upper-case hexadecimal. */
  readonly serialHex: string
  readonly spkiDer: Uint8Array
  readonly isCa: boolean
  /** First octet of keyUsage; undefined without the extension. */
  readonly keyUsage: number | undefined
}

/** Bits of `ReceivedCertificate.keyUsage`. */
export const KEY_USAGE = { digitalSignature: 0x80, keyEncipherment: 0x20 } as const

/**
 * Reads a DER certificate with pkijs.
 *
 * @throws ConnectorError `pki/malformed`
 */
export function parseCertificate(der: Uint8Array): ReceivedCertificate {
  try {
    const certificate = pkijs.Certificate.fromBER(Uint8Array.from(der))
    const x509 = new X509Certificate(der)
    const usage = extensionValue(certificate, OID.keyUsage)
    return {
      der,
      x509,
      subject: x509.subject.replaceAll('\n', ', ') || '(empty)',
      issuerDer: new Uint8Array(certificate.issuer.valueBeforeDecode),
      subjectDer: new Uint8Array(certificate.subject.valueBeforeDecode),
      serialHex: toHex(certificate.serialNumber.valueBlock.valueHexView),
      spkiDer: encodeAsn1(certificate.subjectPublicKeyInfo.toSchema()),
      isCa: x509.ca,
      keyUsage: usage === undefined ? undefined : (usage[3] ?? 0),
    }
  } catch (cause) {
    throw new ConnectorError('pki/malformed', 'the server sent a certificate that cannot be read', {
      cause,
    })
  }
}

/** DER of the subjectAltName inside a certificate; undefined without one. */
export function findSubjectAltName(der: Uint8Array): Uint8Array | undefined {
  return extensionValue(pkijs.Certificate.fromBER(Uint8Array.from(der)), OID.subjectAltName)
}

/**
 * Certificates of a degenerate SignedData (RFC 5652, section 5.2), in the order sent.
 *
 * @throws ConnectorError `pki/malformed` no SignedData, or it signs something
 */
export function parseCertificateBag(der: Uint8Array): readonly Uint8Array[] {
  try {
    const outer = pkijs.ContentInfo.fromBER(Uint8Array.from(der))
    if (outer.contentType !== OID.signedData) throw new Error(`content type ${outer.contentType}`)
    const bag = new pkijs.SignedData({ schema: outer.content })
    if (bag.signerInfos.length > 0) throw new Error('it has a signature')
    return receivedCertificates(der)
  } catch (cause) {
    throw new ConnectorError(
      'pki/malformed',
      'not a list of certificates (degenerate SignedData)',
      { cause },
    )
  }
}

/** The elements of the [0] certificates field of a SignedData as received, octet for octet. */
export function receivedCertificates(contentInfoDer: Uint8Array): readonly Uint8Array[] {
  const [, wrapped] = childrenOf(parseAsn1(contentInfoDer))
  const [signedData] = wrapped === undefined ? [] : childrenOf(wrapped)
  const fields = signedData === undefined ? [] : childrenOf(signedData)
  const field = fields.find(
    (piece) => piece.idBlock.tagClass === 3 && piece.idBlock.tagNumber === 0,
  )
  return field === undefined ? [] : childrenOf(field).map(receivedDer)
}

function extensionValue(certificate: pkijs.Certificate, oid: string): Uint8Array | undefined {
  const found = certificate.extensions?.find((entry) => entry.extnID === oid)
  return found === undefined ? undefined : new Uint8Array(found.extnValue.getValue())
}
