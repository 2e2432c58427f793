import { checkedTag, findChild, parseElement, TAG } from './der-reader.ts'
import { parseBoolean, parseSmallInteger } from './der-values.ts'
import { encodeBoolean, encodeInteger, encodeSequence } from './der-writer.ts'
import { OID } from './oids.ts'
import { type Extension } from './types.ts'

/** What basicConstraints say. `pathLength` counts intermediate certificates below; only for a CA. */
export interface BasicConstraints {
  readonly isCa: boolean
  readonly pathLength?: number
}

/** basicConstraints, critical (RFC 5280 demands it of a CA; for others it does no harm). */
export function encodeBasicConstraints(constraints: BasicConstraints): Extension {
  const parts: Uint8Array[] = []
  if (constraints.isCa) {
    parts.push(encodeBoolean(true))
    if (constraints.pathLength !== undefined) parts.push(encodeInteger(constraints.pathLength))
  }
  return { oid: OID.basicConstraints, critical: true, valueDer: encodeSequence(...parts) }
}

/** @throws ConnectorError `pki/malformed` */
export function parseBasicConstraints(valueDer: Uint8Array): BasicConstraints {
  const sequence = checkedTag(parseElement(valueDer), TAG.sequence, 'basicConstraints')
  const flag = findChild(sequence, TAG.boolean)
  const length = findChild(sequence, TAG.integer)
  const isCa = flag !== undefined && parseBoolean(flag, 'cA')
  return length === undefined
    ? { isCa }
    : { isCa, pathLength: parseSmallInteger(length, 'pathLenConstraint') }
}
