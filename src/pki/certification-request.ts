import type { KeyObject } from 'node:crypto'
import { ConnectorError } from '../kernel/index.ts'
import { algorithmOid, readSignatureScheme } from './algorithms.ts'
import {
  checkedTag,
  type DerElement,
  getChild,
  malformed,
  parseElement,
  TAG,
} from './der-reader.ts'
import { parseText } from './der-text.ts'
import { parseBitOctets, parseOid, parseSmallInteger } from './der-values.ts'
import { readExtensions } from './extensions.ts'
import { readName } from './names.ts'
import { OID } from './oids.ts'
import { importPublicKey, isCanonicalPublicKey, readPublicKey } from './public-key.ts'
import { isSignatureValid } from './signatures.ts'
import type { CertificationRequest, Extension } from './types.ts'

/** No directory name comes near; what is refused later keeps its subject in records, which must not fill the disk. */
const maxSubjectOctets = 4096

/**
 * Reads a PKCS #10. Its proof of possession is not verified, its challenge not looked at.
 *
 * The parts that a certificate copies (subject, key) must be DER, so that what is issued is DER too. Of the encodings of a
 * key only one is taken, so that a key that must not be certified does not come back as other octets.
 *
 * @throws ConnectorError `pki/malformed` the bytes are no PKCS #10, the subject has more than 4096 octets, or an
 *   extension is asked for twice
 * @see RFC 2986, section 4; REQ-109 to 116
 */
export function parseCertificationRequest(der: Uint8Array): CertificationRequest {
  return readCertificationRequest(parseElement(der))
}

/** `parseCertificationRequest` for an element that has been read already. */
export function readCertificationRequest(element: DerElement): CertificationRequest {
  const request = readRequest(element)
  const { subject, spki, info } = request
  if (!subject.isDer || !spki.isDer) throw malformed('subject or public key is not in DER')
  if (!isCanonicalPublicKey(spki)) throw malformed('public key is not in its usual encoding')
  if (subject.der.length > maxSubjectOctets) {
    throw malformed(`subject has ${subject.der.length} octets, allowed are ${maxSubjectOctets}`)
  }
  const attributes = readAttributes(info)
  return {
    der: element.der,
    subjectDer: subject.der,
    subject: readName(subject),
    spkiDer: spki.der,
    publicKey: readPublicKey(spki),
    ...attributes,
    signatureAlgorithmOid: algorithmOid(request.algorithm, 'signature algorithm'),
  }
}

/**
 * Verifies the proof of possession: the request is signed with the key that it names.
 *
 * @param element a PKCS #10 as read
 * @param knownKey the key of the request, where the caller has imported it already; its bytes have been compared
 * @throws ConnectorError `pki/bad-csr` the signature does not hold
 * @throws ConnectorError `pki/unsupported-algorithm` its algorithm or key is none that we know
 * @throws ConnectorError `pki/malformed` it is no PKCS #10
 */
export function verifyCertificationRequest(
  element: DerElement,
  knownKey?: { readonly spkiDer: Uint8Array; readonly key: KeyObject },
): void {
  const { info, spki, algorithm, signature } = readRequest(element)
  const isKnown = knownKey !== undefined && Buffer.compare(knownKey.spkiDer, spki.der) === 0
  const key = isKnown ? knownKey.key : importPublicKey(spki.der)
  if (!isSignatureValid(readSignatureScheme(algorithm), key, info.der, signature)) {
    throw new ConnectorError('pki/bad-csr', 'the certification request is not signed by its key')
  }
}

function readRequest(element: DerElement) {
  const request = checkedTag(element, TAG.sequence, 'certification request')
  const info = getChild(request, 0, TAG.sequence, 'certificationRequestInfo')
  parseSmallInteger(getChild(info, 0, TAG.integer, 'version'), 'version of the request')
  const signature = getChild(request, 2, TAG.bitString, 'signature')
  return {
    info,
    subject: getChild(info, 1, TAG.sequence, 'subject'),
    spki: getChild(info, 2, TAG.sequence, 'subjectPublicKeyInfo'),
    algorithm: getChild(request, 1, TAG.sequence, 'signature algorithm'),
    signature: parseBitOctets(signature, 'signature'),
  }
}

type RequestAttributes = Pick<
  CertificationRequest,
  'challengePassword' | 'extensions' | 'nameValuePairs'
>

function readAttributes(info: DerElement): RequestAttributes {
  let challengePassword: string | undefined
  const extensions: Extension[] = []
  const nameValuePairs: { name: string; value: string }[] = []
  for (const attribute of info.children[3]?.children ?? []) {
    const type = parseOid(getChild(attribute, 0, TAG.oid, 'attribute type'))
    const values = getChild(attribute, 1, TAG.set, 'attribute values').children
    switch (type) {
      case OID.challengePassword:
        if (values.length !== 1 || values[0] === undefined || challengePassword !== undefined) {
          throw malformed('there is more than one challengePassword, or none in its attribute')
        }
        challengePassword = parseText(values[0], 'challengePassword')
        break
      case OID.extensionRequest:
      case OID.microsoftExtensionRequest:
      case OID.verisignExtensionRequest:
        for (const value of values) extensions.push(...readExtensions(value))
        break
      case OID.enrolmentNameValuePair:
        for (const value of values) nameValuePairs.push(readNameValuePair(value))
        break
    }
  }
  refuseDuplicates(extensions)
  return { challengePassword, extensions, nameValuePairs }
}

function readNameValuePair(pair: DerElement): { name: string; value: string } {
  const [name, value] = checkedTag(pair, TAG.sequence, 'name/value pair').children
  if (name === undefined || value === undefined) throw malformed('name/value pair is incomplete')
  return { name: parseText(name, 'name of a pair'), value: parseText(value, 'value of a pair') }
}

function refuseDuplicates(extensions: readonly Extension[]): void {
  const seen = new Set<string>()
  for (const { oid } of extensions) {
    if (seen.has(oid)) throw malformed(`extension ${oid} is requested twice`)
    seen.add(oid)
  }
}
