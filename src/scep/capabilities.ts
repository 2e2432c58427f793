import { ConnectorError } from '../kernel/index.ts'
import { encodeAscii } from '../pki/index.ts'

/** certmonger takes longer answers for something else. */
const maxOctets = 1024

/**
 * Body of a GetCACaps answer: one keyword a line, each line ended by LF, no blank line. Which keywords are wise is for the
 * configuration to say; here counts only that clients read what was meant.
 *
 * @throws ConnectorError `config/invalid` clients would misread the list; the message holds all problems
 * @see RFC 8894, section 3.5.2; REQ-24 to 29
 */
export function encodeCapabilities(keywords: readonly string[]): Uint8Array {
  // strongSwan compares by the length of a line, so that an empty one would announce everything.
  const problems = keywords
    .filter((keyword) => !/^[!-~]+$/.test(keyword))
    .map((keyword) => `${JSON.stringify(keyword)} is no keyword of visible ASCII`)
  const text = keywords.map((keyword) => `${keyword}\n`).join('')
  if (text.length > maxOctets) {
    problems.push(`the list has ${text.length} octets, more than ${maxOctets}`)
  }
  if (problems.length > 0) {
    throw new ConnectorError('config/invalid', `capabilities: ${problems.join('; ')}`)
  }
  return new Uint8Array(encodeAscii(text))
}
