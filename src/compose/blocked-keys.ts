import { ConnectorError } from '../kernel/index.ts'
import { loadNamedText } from './named-files.ts'

/**
 * Reads the keys that are never certified: SHA-256 over the SubjectPublicKeyInfo in hexadecimal, one a line, colons or
 * not; what follows a `#`, and empty lines, are comments.
 *
 * @throws ConnectorError `config/invalid` the file cannot be read, or a line is something else
 */
export function loadBlockedKeys(file: string | undefined): ReadonlySet<string> {
  if (file === undefined) return new Set()
  const keys = new Set<string>()
  const lines = loadNamedText('blockedKeysFile', file).split(/\r?\n/)
  for (const [index, line] of lines.entries()) {
    const text = line.replace(/#.*/, '').trim()
    if (text === '') continue
    const hex = text.replaceAll(':', '').toUpperCase()
    if (!/^[0-9A-F]{64}$/.test(hex))
      throw new ConnectorError(
        'config/invalid',
        `blockedKeysFile: line ${index + 1} of ${file} is no SHA-256 in hexadecimal; write 64 digits or remove it`,
      )
    keys.add(hex)
  }
  return keys
}
