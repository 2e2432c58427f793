import { ConnectorError, Secret } from '../kernel/index.ts'
import { loadPrivateFile } from './private-file.ts'

/** Shortest passphrase that is accepted, in characters. */
const MIN_PASSPHRASE_CHARACTERS = 16

/**
 * Reads the passphrase that protects the keys of an authority: the first line, without surrounding white space.
 *
 * @throws ConnectorError `key/unreadable` the file cannot be read, other accounts can reach it, or the line is shorter than
 *   16 characters
 */
export async function loadPassphrase(path: string): Promise<Secret> {
  const text = new TextDecoder().decode(await loadPrivateFile(path))
  const line = (text.split(/\r?\n/, 1)[0] ?? '').trim()
  const characters = line.length
  if (characters < MIN_PASSPHRASE_CHARACTERS) {
    throw new ConnectorError(
      'key/unreadable',
      `${path}: the first line has ${characters} characters; a passphrase has at least ` +
        `${MIN_PASSPHRASE_CHARACTERS}, for example the output of: openssl rand -base64 32`,
    )
  }
  return new Secret(line)
}
