import { checkedTag, malformed, parseElement, TAG } from './der-reader.ts'
import { parseText } from './der-text.ts'
import { parseOid } from './der-values.ts'

/**
 * The name of a certificate template (1.3.6.1.4.1.311.20.2), in any string type: Microsoft writes BMPString, sscep and
 * strongSwan UTF8String (REQ-113).
 *
 * @param valueDer the octets of the extension
 * @throws ConnectorError `pki/malformed`
 */
export function parseTemplateName(valueDer: Uint8Array): string {
  const name = parseText(parseElement(valueDer), 'template name')
  if (name === '' || name.length > 256) throw malformed('a template name has 1 to 256 characters')
  return name
}

/**
 * The OID of a template information (1.3.6.1.4.1.311.21.7): SEQUENCE { OID, major OPTIONAL, minor OPTIONAL }. The versions
 * choose nothing and are not read (REQ-114).
 *
 * @param valueDer the octets of the extension
 * @throws ConnectorError `pki/malformed`
 */
export function parseTemplateOid(valueDer: Uint8Array): string {
  const [id, ...versions] = checkedTag(
    parseElement(valueDer),
    TAG.sequence,
    'template information',
  ).children
  if (id === undefined || versions.length > 2 || versions.some(({ tag }) => tag !== TAG.integer))
    throw malformed('template information is not an OID and at most two versions')
  return parseOid(id, 'template')
}
