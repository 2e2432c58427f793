import { randomBytes, randomUUID, X509Certificate } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { ConnectorError, type Secret } from '../kernel/index.ts'
import { loadPassphrase } from '../keys/index.ts'
import { createDurableFile, lockFolder } from '../store/index.ts'
import { loadNamedText } from './named-files.ts'

/**
 * Makes the data folder where it is missing and takes it for this process alone: two on one folder would free each
 * other's leases and answer for each other's requests.
 *
 * @returns gives the folder back
 * @throws ConnectorError `store/conflict` another connector has it
 * @throws ConnectorError `config/invalid` it cannot be made; `store/unavailable` it cannot be written
 */
export function claimDataFolder(dataDir: string): () => void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new ConnectorError(
      'config/invalid',
      `dataDir: ${dataDir} cannot be made; make the folder for the account of the service, or choose another`,
      { cause },
    )
  }
  return lockFolder(join(dataDir, 'lock'))
}

/**
 * The name of this installation in events and as holder of leases: a GUID, made at the first start.
 *
 * @throws ConnectorError `config/invalid` the file is there and empty
 */
export function loadConnectorId(dataDir: string): string {
  const file = join(dataDir, 'connector-id')
  if (!existsSync(file)) createDurableFile(file, Buffer.from(`${randomUUID()}\n`), 0o644)
  const id = readFileSync(file, 'utf8').trim()
  if (id !== '') return id
  throw new ConnectorError(
    'config/invalid',
    `${file} is empty; delete it and a new name is made, or restore it from the backup`,
  )
}

/**
 * Reads the passphrase. One beside the data is made at the first start; one elsewhere must be there, or a restore or a
 * mount went wrong.
 *
 * @throws ConnectorError `key/unreadable` missing, open to other accounts, or too short
 */
export async function loadOrMakePassphrase(file: string, dataDir: string): Promise<Secret> {
  if (!existsSync(file) && file === join(dataDir, 'passphrase')) {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    createDurableFile(file, Buffer.from(`${randomBytes(32).toString('base64url')}\n`), 0o600)
  }
  return await loadPassphrase(file)
}

/**
 * Reads certificate and key of the device listener.
 *
 * @throws ConnectorError `config/invalid` a file cannot be read, or the first holds no certificate
 * @throws ConnectorError `key/unreadable` the key does not belong to it
 */
export function loadTls(tls: { readonly certificateFile: string; readonly keyFile: string }): {
  readonly certificatesPem: string
  readonly keyPem: string
  /** End of the first certificate, the listener's own. */
  readonly notAfter: Date
} {
  const certificatesPem = loadNamedText('listeners.device.tls.certificateFile', tls.certificateFile)
  let notAfter: Date
  try {
    notAfter = new X509Certificate(certificatesPem).validToDate
  } catch (cause) {
    throw new ConnectorError(
      'config/invalid',
      `listeners.device.tls.certificateFile: ${tls.certificateFile} holds no certificate; write PEM, the listener's own certificate first`,
      { cause },
    )
  }
  const keyPem = loadNamedText('listeners.device.tls.keyFile', tls.keyFile)
  try {
    createSecureContext({ cert: certificatesPem, key: keyPem })
  } catch (cause) {
    throw new ConnectorError(
      'key/unreadable',
      `listeners.device.tls.keyFile: ${tls.keyFile} is not the key of ${tls.certificateFile}, in PEM and without a passphrase`,
      { cause },
    )
  }
  return { certificatesPem, keyPem, notAfter }
}
