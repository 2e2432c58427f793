import { toHex } from '../kernel/index.ts'
import {
  checkedTag,
  type DerElement,
  findChild,
  malformed,
  parseElement,
  TAG,
} from './der-reader.ts'
import { parseOctets, parseOid } from './der-values.ts'
import { readExtensions } from './extensions.ts'
import { OID } from './oids.ts'

const maxCertificates = 16
const maxSerialOctets = 64
const maxNonceOctets = 128

/** Which certificate is asked about: its serial, and its issuer by hashes of name and key. */
export interface OcspCertificateId {
  /** As received: the answer repeats it. */
  readonly der: Uint8Array
  readonly hashOid: string
  readonly issuerNameHash: Uint8Array
  readonly issuerKeyHash: Uint8Array
  /** Octets of the serial number, upper-case hexadecimal. */
  readonly serialHex: string
}

export interface OcspRequest {
  /** At least one. */
  readonly certificateIds: readonly OcspCertificateId[]
  readonly nonce: Uint8Array | undefined
}

/**
 * Reads an OCSPRequest. A signature and a requestorName are not looked at: answers are for everybody.
 *
 * @throws ConnectorError `pki/malformed` no OCSPRequest, none or more than 16 certificates, or a nonce of no or more than
 *   128 octets
 * @see RFC 6960, section 4.1; RFC 9654, section 2.1
 */
export function parseOcspRequest(der: Uint8Array): OcspRequest {
  const [tbs] = checkedTag(parseElement(der), TAG.sequence, 'OCSPRequest').children
  if (tbs === undefined) throw malformed('OCSPRequest is empty')
  checkedTag(tbs, TAG.sequence, 'tbsRequest')
  const list = tbs.children.find(({ tag }) => tag === TAG.sequence)
  if (list === undefined || list.children.length === 0 || list.children.length > maxCertificates) {
    throw malformed(`an OCSPRequest must ask about 1 to ${maxCertificates} certificates`)
  }
  return {
    certificateIds: list.children.map(readCertificateId),
    nonce: findNonce(findChild(tbs, 0xa2, 0)?.children[0]),
  }
}

function readCertificateId(request: DerElement): OcspCertificateId {
  const [id] = checkedTag(request, TAG.sequence, 'Request').children
  if (id === undefined) throw malformed('Request is empty')
  const [algorithm, name, key, serial] = checkedTag(id, TAG.sequence, 'CertID').children
  const hash = algorithm?.children[0]
  if (hash === undefined || name === undefined || key === undefined || serial === undefined) {
    throw malformed('CertID is not complete')
  }
  checkedTag(serial, TAG.integer, 'serialNumber')
  const { length } = serial.value
  if (length === 0 || length > maxSerialOctets) throw malformed('serialNumber has no such length')
  return {
    der: id.der,
    hashOid: parseOid(hash, 'hashAlgorithm'),
    issuerNameHash: parseOctets(name, 'issuerNameHash'),
    issuerKeyHash: parseOctets(key, 'issuerKeyHash'),
    serialHex: toHex(serial.value),
  }
}

function findNonce(sequence: DerElement | undefined): Uint8Array | undefined {
  if (sequence === undefined) return undefined
  const extension = readExtensions(sequence).find(({ oid }) => oid === OID.ocspNonce)
  if (extension === undefined) return undefined
  const nonce = parseOctets(parseElement(extension.valueDer), 'nonce')
  if (nonce.length === 0 || nonce.length > maxNonceOctets) {
    throw malformed(`a nonce has 1 to ${maxNonceOctets} octets, not ${nonce.length}`)
  }
  return nonce
}
