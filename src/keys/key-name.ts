import { ConnectorError } from '../kernel/index.ts'

/** The provider that Microsoft's import tool uses unless it is told another. */
export const DEFAULT_PROVIDER = 'Microsoft Software Key Storage Provider'

/** How the record of an imported PFX names the key that opens its password: CNG provider and key, without regard to case. */
export interface KeyName {
  readonly provider: string
  readonly key: string
}

/** Longest name of a folder or file that is left, with room for an extension, where names have 255 octets. */
const MAX_ENCODED = 240

/**
 * Checks a name that a person or a record gives.
 *
 * @throws ConnectorError `config/invalid` empty, with control characters or surrounding space, or too long to be a file
 */
export function parseKeyName(provider: string, key: string): KeyName {
  check('provider name', provider)
  check('key name', key)
  return { provider, key }
}

function check(what: string, text: string): void {
  const shown = text.slice(0, 80).replaceAll(/\p{C}/gu, '?')
  if (!/^[^\p{C}]+$/u.test(text) || text !== text.trim())
    throw new ConnectorError(
      'config/invalid',
      `${what} '${shown}' is empty, has control characters or begins or ends with space; give the name that the records have`,
    )
  if (encodeKeyName(text).length > MAX_ENCODED)
    throw new ConnectorError('config/invalid', `${what} '${shown}…' is too long; shorten it`)
}

/** A name as folder or file name: two names that differ in case only have the same, and none leaves its folder. */
export function encodeKeyName(text: string): string {
  return encodeURIComponent(text.toLowerCase()).replace(/^\./, '%2E')
}
