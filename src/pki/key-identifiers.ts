import { hash } from 'node:crypto'
import { checkedTag, findChild, getChild, parseElement, TAG } from './der-reader.ts'
import { parseBitOctets, parseOctets } from './der-values.ts'
import { encodeContextPrimitive, encodeOctetString, encodeSequence } from './der-writer.ts'
import { OID } from './oids.ts'
import { type Extension } from './types.ts'

/**
 * SHA-1 over the bits of the public key, without tag, length and unused-bit octet: 20 octets.
 *
 * @throws ConnectorError `pki/malformed` the bytes are no SubjectPublicKeyInfo
 * @see RFC 5280, section 4.2.1.2, method 1
 */
export function keyIdentifierOf(spkiDer: Uint8Array): Uint8Array {
  const bits = getChild(parseElement(spkiDer), 1, TAG.bitString, 'subjectPublicKey')
  return new Uint8Array(hash('sha1', parseBitOctets(bits, 'subjectPublicKey'), 'buffer'))
}

/** subjectKeyIdentifier of this key, not critical. */
export function encodeSubjectKeyIdentifier(spkiDer: Uint8Array): Extension {
  const valueDer = encodeOctetString(keyIdentifierOf(spkiDer))
  return { oid: OID.subjectKeyIdentifier, critical: false, valueDer }
}

/**
 * The key identifier inside a subjectKeyIdentifier.
 *
 * @throws ConnectorError `pki/malformed`
 */
export function parseSubjectKeyIdentifier(valueDer: Uint8Array): Uint8Array {
  const element = parseElement(valueDer)
  return parseOctets(checkedTag(element, TAG.octetString, 'subjectKeyIdentifier'), 'identifier')
}

/** authorityKeyIdentifier with a key identifier only, not critical. */
export function encodeAuthorityKeyIdentifier(keyIdentifier: Uint8Array): Extension {
  const valueDer = encodeSequence(encodeContextPrimitive(0, keyIdentifier))
  return { oid: OID.authorityKeyIdentifier, critical: false, valueDer }
}

/**
 * The key identifier of an authorityKeyIdentifier; undefined when it names its issuer by serial only.
 *
 * @throws ConnectorError `pki/malformed`
 */
export function parseAuthorityKeyIdentifier(valueDer: Uint8Array): Uint8Array | undefined {
  const sequence = checkedTag(parseElement(valueDer), TAG.sequence, 'authorityKeyIdentifier')
  return findChild(sequence, 0x80)?.value
}
