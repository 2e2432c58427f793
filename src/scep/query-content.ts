import { ConnectorError, toHex } from '../kernel/index.ts'
import { parseLeadingElement, parseName, TAG } from '../pki/index.ts'
import type { ScepQuery } from './types.ts'

/** Serial numbers of 20 octets are the rule, of 32 are seen (REQ-80). */
const maxSerialOctets = 64

/**
 * Reads what a query asks about.
 *
 * @throws ConnectorError `pki/malformed` the content is no IssuerAndSubject or IssuerAndSerialNumber
 * @see RFC 8894, sections 3.3.3 (CertPoll), 3.3.4 (GetCert) and 3.3.5 (GetCRL)
 */
export function readQueryContent(
  messageType: ScepQuery['asked']['messageType'],
  content: Uint8Array,
): ScepQuery['asked'] {
  const { tag, children } = parseLeadingElement(content)
  const [issuer, second] = children
  if (tag !== TAG.sequence || issuer === undefined || second === undefined) {
    throw new ConnectorError('pki/malformed', `${messageType}: not a sequence of two`)
  }
  parseName(issuer.der)
  if (messageType === 'CertPoll') {
    parseName(second.der)
    return { messageType, issuerDer: issuer.der, subjectDer: second.der }
  }
  const { length } = second.value
  if (second.tag !== TAG.integer || length === 0 || length > maxSerialOctets) {
    throw new ConnectorError('pki/malformed', `${messageType}: the serial number is none`)
  }
  return { messageType, issuerDer: issuer.der, serialHex: toHex(second.value) }
}
