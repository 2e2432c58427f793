import type { KeyObject } from 'node:crypto'
import { Integer } from 'asn1js'
import {
  AlgorithmIdentifier,
  Certificate,
  Extension,
  PublicKeyInfo,
  RelativeDistinguishedNames,
  Time,
} from 'pkijs'
import { fromHex } from '../../kernel/index.ts'
import {
  type CertificateOrder,
  encodeBitString,
  encodeSequence,
  signatureAlgorithmFor,
  signWith,
} from '../../pki/index.ts'

/**
 * Builds and signs a certificate of the authority itself: root, issuing CA or RA. Rare, so made with pkijs, which thereby
 * checks the encoders of the hot path.
 *
 * @param content signed as it is: nothing is added, nothing is clipped
 * @param issuerNameDer copied octet for octet
 * @returns DER
 */
export function buildCertificate(
  content: CertificateOrder,
  issuerNameDer: Uint8Array,
  issuerKey: KeyObject,
): Uint8Array {
  const { algorithmDer } = signatureAlgorithmFor(issuerKey)
  const certificate = new Certificate({
    version: 2,
    serialNumber: new Integer({ valueHex: fromHex(content.serialHex) }),
    signature: AlgorithmIdentifier.fromBER(algorithmDer),
    issuer: RelativeDistinguishedNames.fromBER(issuerNameDer),
    notBefore: encodeStructureTime(content.notBefore),
    notAfter: encodeStructureTime(content.notAfter),
    subject: RelativeDistinguishedNames.fromBER(content.subjectDer),
    subjectPublicKeyInfo: PublicKeyInfo.fromBER(content.spkiDer),
    extensions: content.extensions.map(
      ({ oid, critical, valueDer }) =>
        new Extension({ extnID: oid, critical, extnValue: Uint8Array.from(valueDer).buffer }),
    ),
  })
  const tbs = new Uint8Array(certificate.encodeTBS().toBER())
  return encodeSequence(tbs, algorithmDer, encodeBitString(signWith(issuerKey, tbs)))
}

/** UTCTime to 2049, GeneralizedTime afterwards; whole seconds (RFC 5280, section 4.1.2.5). */
export function encodeStructureTime(date: Date): Time {
  const value = new Date(Math.floor(date.getTime() / 1000) * 1000)
  return new Time({ type: value.getUTCFullYear() < 2050 ? 0 : 1, value })
}
