import { encodeSequence } from './der-writer.ts'
import { parseGeneralNames } from './general-names.ts'
import { OID } from './oids.ts'
import { type Extension, type GeneralName } from './types.ts'

/** subjectAltName from whole GeneralName elements. Critical when the subject is empty (RFC 5280, section 4.2.1.6). */
export function encodeSubjectAltName(namesDer: readonly Uint8Array[], critical = false): Extension {
  return { oid: OID.subjectAltName, critical, valueDer: encodeSequence(...namesDer) }
}

/**
 * Entries of a subjectAltName, in order.
 *
 * @throws ConnectorError `pki/malformed`
 */
export function parseSubjectAltName(valueDer: Uint8Array): GeneralName[] {
  return parseGeneralNames(valueDer)
}
