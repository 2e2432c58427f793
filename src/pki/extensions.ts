import { checkedTag, type DerElement, findChild, malformed, TAG } from './der-reader.ts'
import { parseBoolean, parseOctets, parseOid } from './der-values.ts'
import { encodeBoolean, encodeOctetString, encodeOid, encodeSequence } from './der-writer.ts'
import type { Extension } from './types.ts'

/**
 * Reads an Extensions SEQUENCE. Values are not looked at.
 *
 * @throws ConnectorError `pki/malformed`
 * @see RFC 5280, section 4.1
 */
export function readExtensions(sequence: DerElement): Extension[] {
  checkedTag(sequence, TAG.sequence, 'extensions')
  return sequence.children.map(readExtension)
}

function readExtension(element: DerElement): Extension {
  checkedTag(element, TAG.sequence, 'extension')
  const [id, second, third] = element.children
  if (id === undefined || second === undefined || element.children.length > 3) {
    throw malformed('extension is not an identifier and a value')
  }
  const value = third ?? second
  if ((value.tag & ~0x20) !== TAG.octetString) throw malformed('extnValue is no OCTET STRING')
  return {
    oid: parseOid(id, 'extnID'),
    critical: third !== undefined && parseBoolean(second, 'critical'),
    valueDer: parseOctets(value, 'extnValue'),
  }
}

/** DER of one Extension; `critical` is written only when true. */
function encodeExtension(extension: Extension): Uint8Array {
  return extension.critical
    ? encodeSequence(
        encodeOid(extension.oid),
        encodeBoolean(true),
        encodeOctetString(extension.valueDer),
      )
    : encodeSequence(encodeOid(extension.oid), encodeOctetString(extension.valueDer))
}

/** DER of Extensions, in the order given. */
export function encodeExtensions(extensions: readonly Extension[]): Uint8Array {
  return encodeSequence(...extensions.map(encodeExtension))
}

/** The extension with this OID. */
export function findExtension(
  extensions: readonly Extension[],
  oid: string,
): Extension | undefined {
  return extensions.find((extension) => extension.oid === oid)
}

/** The Extensions inside an explicit `[3]` or the like. */
export function readTaggedExtensions(parent: DerElement, tag: number, from: number): Extension[] {
  const tagged = findChild(parent, tag, from)
  const sequence = tagged?.children[0]
  return sequence === undefined ? [] : readExtensions(sequence)
}
