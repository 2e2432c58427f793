import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ConnectorError } from '../kernel/index.ts'

/**
 * Writes the CA certificate that clients must trust, whole or not at all. It is new at every start.
 *
 * @returns absolute path
 * @throws ConnectorError `config/invalid` the folder cannot be made or written
 */
export async function recordCaFile(dataDir: string, caPem: string): Promise<string> {
  const path = resolve(join(dataDir, 'simulator-ca.pem'))
  const temporary = `${path}.${process.pid}.tmp`
  try {
    await mkdir(dataDir, { recursive: true })
    await writeFile(temporary, caPem, { mode: 0o644 })
    await rename(temporary, path)
    return path
  } catch (cause) {
    throw new ConnectorError(
      'config/invalid',
      `simulator dataDir: cannot write ${path}. Choose a folder that this user may write.`,
      { cause },
    )
  }
}
