import { ConnectorError } from '../../kernel/index.ts'
import {
  type ContentRecipient,
  getChild,
  openContent,
  parseElement,
  parseOctets,
  parseSmallInteger,
  parseText,
  TAG,
} from '../../pki/index.ts'
import { ESCROW_VERSION, type EscrowContent } from './escrow.ts'

const MAX_CHAIN = 8

/**
 * Opens an escrow copy with the first of our keys that it is sealed for.
 *
 * @throws ConnectorError `key/unknown` it is sealed for none of them; another connector may open it
 * @throws ConnectorError `pki/malformed`, `pki/unsupported-algorithm` it does not open, or holds something else
 */
export function openEscrow(
  cms: Uint8Array,
  identities: readonly ContentRecipient[],
): EscrowContent {
  const content = openForAny(cms, identities)
  try {
    return parseEscrow(content)
  } finally {
    content.fill(0)
  }
}

function openForAny(cms: Uint8Array, identities: readonly ContentRecipient[]): Uint8Array {
  for (const identity of identities) {
    try {
      const content = openContent(cms, identity)
      if (content === undefined)
        throw new ConnectorError('pki/malformed', 'the escrow copy does not decrypt')
      return content
    } catch (error) {
      if (!(error instanceof ConnectorError) || error.code !== 'key/unknown') throw error
    }
  }
  throw new ConnectorError('key/unknown', 'the escrow copy is not for this connector')
}

function parseEscrow(content: Uint8Array): EscrowContent {
  const sequence = parseElement(content)
  const version = parseSmallInteger(getChild(sequence, 0, TAG.integer, 'version'), 'version')
  const chain = getChild(sequence, 3, TAG.sequence, 'chain').children
  if (version !== ESCROW_VERSION || chain.length > MAX_CHAIN)
    throw new ConnectorError(
      'pki/malformed',
      'the escrow copy has another version, or a long chain',
    )
  const octets = (index: number, what: string): Uint8Array =>
    Uint8Array.from(parseOctets(getChild(sequence, index, TAG.octetString, what), what))
  return {
    keyDer: octets(1, 'key'),
    certificateDer: octets(2, 'certificate'),
    deviceId: parseText(getChild(sequence, 4, TAG.utf8String, 'device'), 'device'),
    chain: chain.map((der) => Uint8Array.from(parseOctets(der, 'certificate of the chain'))),
  }
}
