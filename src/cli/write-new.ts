import { open } from 'node:fs/promises'
import { ConnectorError } from '../kernel/index.ts'

/**
 * Writes a file that is not there yet.
 *
 * @throws ConnectorError `config/invalid` it is, or cannot be written
 */
export async function writeNew(
  path: string,
  content: string | Uint8Array,
  mode: number,
): Promise<void> {
  try {
    const file = await open(path, 'wx', mode)
    await file.writeFile(content)
    await file.close()
  } catch (cause) {
    throw new ConnectorError(
      'config/invalid',
      `--out: ${path} cannot be written; give another prefix`,
      { cause },
    )
  }
}
