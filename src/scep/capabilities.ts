import { ConnectorError } from '../kernel/index.ts'
import { encodeAscii } from '../pki/index.ts'

/** What GetCACaps answers when nothing else is configured, in this order (REQ-27). */
export const defaultCapabilities: readonly string[] = [
  'Renewal',
  'SHA-1',
  'SHA-256',
  'SHA-512',
  'AES',
  'DES3',
  'SCEPStandard',
  'POSTPKIOperation',
]

/** What NDES is known to announce: clients then send by GET and encrypt with 3DES (REQ-32). */
export const ndesClassicCapabilities: readonly string[] = [
  'Renewal',
  'SHA-512',
  'SHA-256',
  'SHA-1',
  'DES3',
]

/** certmonger takes longer answers for something else. */
const maxOctets = 1024

/**
 * The capabilities that a profile announces: SCEPStandard goes when POSTPKIOperation, which it implies, is not there;
 * GetNextCACert comes when a next CA certificate is published (REQ-27, 31).
 */
export function findCapabilities(configured: readonly string[], hasNextCa = false): string[] {
  const isPostAllowed = configured.includes('POSTPKIOperation')
  const kept = configured.filter(
    (keyword) => keyword !== 'GetNextCACert' && (keyword !== 'SCEPStandard' || isPostAllowed),
  )
  return hasNextCa ? [...kept, 'GetNextCACert'] : kept
}

/** What is wrong with a list of capabilities, one sentence each; empty when clients can live with it (REQ-25 to 30). */
export function checkCapabilities(keywords: readonly string[]): string[] {
  const problems: string[] = []
  for (const keyword of keywords) {
    // strongSwan compares by the length of a line, so that an empty one would announce everything.
    if (!/^[!-~]+$/.test(keyword)) problems.push(`"${keyword}" is no keyword of visible ASCII`)
  }
  if (!['SHA-1', 'SHA-256', 'SHA-512'].some((keyword) => keywords.includes(keyword))) {
    problems.push('one of SHA-1, SHA-256, SHA-512 is needed: iOS refuses the server without')
  }
  if (!['AES', 'DES3'].some((keyword) => keywords.includes(keyword))) {
    problems.push('one of AES, DES3 is needed: iOS refuses the server without')
  }
  const length = keywords.reduce((sum, keyword) => sum + keyword.length + 1, 0)
  if (length > maxOctets) problems.push(`the list has ${length} octets, more than ${maxOctets}`)
  return problems
}

/**
 * Body of a GetCACaps answer: one keyword a line, each line ended by LF, no blank line.
 *
 * @throws ConnectorError `config/invalid` clients would misread the list; the message holds all problems
 * @see RFC 8894, section 3.5.2; REQ-24 to 30
 */
export function encodeCapabilities(keywords: readonly string[]): Uint8Array {
  const problems = checkCapabilities(keywords)
  if (problems.length > 0) {
    throw new ConnectorError('config/invalid', `capabilities: ${problems.join('; ')}`)
  }
  return new Uint8Array(encodeAscii(keywords.map((keyword) => `${keyword}\n`).join('')))
}
