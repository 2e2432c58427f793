import { ConnectorError, toHex } from '../kernel/index.ts'
import { encodeSequence, parseLeadingElement, parseName, TAG } from '../pki/index.ts'
import type { ScepQuery } from './types.ts'

type Asked = ScepQuery['asked']

/** Serial numbers of 20 octets are the rule, of 32 are seen (REQ-80). */
const maxSerialOctets = 64

/** No CA has this name. */
const nobody = encodeSequence()

/**
 * Reads what a query asks about. Content that is no such question, because it is something else or did not decrypt, is read
 * as a question about a name that no CA has: GetCert and GetCRL are answered like any about what does not exist. A poll is
 * found by its signer and transaction, so its content changes no answer.
 *
 * A query proves nothing about its content, and CBC lets anybody bend the envelope of somebody else until it begins like
 * one. Any difference between content that can be read and content that cannot would read challenges octet by octet
 * (REQ-100).
 *
 * @see RFC 8894, sections 3.3.3 (CertPoll), 3.3.4 (GetCert) and 3.3.5 (GetCRL)
 */
export function readQueryContent(messageType: Asked['messageType'], content: Uint8Array): Asked {
  try {
    return parseQueryContent(messageType, content)
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error
    return messageType === 'CertPoll'
      ? { messageType, issuerDer: nobody, subjectDer: nobody }
      : { messageType, issuerDer: nobody, serialHex: '00' }
  }
}

function parseQueryContent(messageType: Asked['messageType'], content: Uint8Array): Asked {
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
