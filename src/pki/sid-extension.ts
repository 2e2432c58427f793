import { checkedTag, parseElement, TAG } from './der-reader.ts'
import { parseOctets, parseOid } from './der-values.ts'
import { encodeAscii, encodeElement, encodeOctetString } from './der-writer.ts'
import { encodeOtherName } from './general-names.ts'
import { OID } from './oids.ts'
import { type Extension } from './types.ts'

/**
 * Microsoft's SID extension (strong mapping, KB5014754), not critical. The caller has verified that the SID belongs to
 * the subject.
 *
 * @param sid `S-1-5-…`, ASCII
 */
export function encodeSidExtension(sid: string): Extension {
  const value = encodeOctetString(encodeAscii(sid))
  const valueDer = encodeElement(TAG.sequence, encodeOtherName(OID.ntdsObjectSid, value))
  return { oid: OID.ntdsCaSecurity, critical: false, valueDer }
}

/**
 * The SID inside Microsoft's SID extension; undefined when it holds none.
 *
 * @throws ConnectorError `pki/malformed`
 */
export function parseSidExtension(valueDer: Uint8Array): string | undefined {
  const sequence = checkedTag(parseElement(valueDer), TAG.sequence, 'SID extension')
  for (const name of sequence.children) {
    const [type, explicit] = name.children
    const value = explicit?.children[0]
    if (type === undefined || value === undefined || parseOid(type) !== OID.ntdsObjectSid) continue
    return Buffer.from(parseOctets(value, 'SID')).toString('latin1')
  }
  return undefined
}
