import { createPublicKey, hash, type KeyObject } from 'node:crypto'
import { unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { ConnectorError, equalBytes, type RandomBytes, type Secret } from '../../kernel/index.ts'
import {
  decodePem,
  encodePem,
  loadKeyFile,
  loadPrivateFile,
  systemCode,
  writeKeyFile,
  writePrivateFile,
} from '../../keys/index.ts'
import { parseCertificate } from '../../pki/index.ts'
import type { KeyedCertificate } from './authority.ts'

/** Names of the two files of a certificate, inside the folder of its authority. */
export interface KeyedFiles {
  readonly certificate: string
  readonly key: string
}

/** What a keyed certificate is in its authority; the first part of its file names. */
export type AuthorityRole = 'root' | 'issuing' | 'ra'

const LABEL = 'CERTIFICATE'

/**
 * Writes a certificate and its encrypted key under names of their own, which no other certificate has. Nothing counts
 * before a manifest names it.
 *
 * @throws ConnectorError `key/unreadable` the disk refuses
 */
export async function writeKeyed(
  directory: string,
  role: AuthorityRole,
  { certificateDer, key }: KeyedCertificate,
  passphrase: Secret,
  random: RandomBytes,
): Promise<KeyedFiles> {
  const name = `${role}-${hash('sha256', certificateDer, 'hex').slice(0, 16)}`
  const files = { certificate: `${name}.pem`, key: `${name}.key` }
  const pkcs8Der = key.export({ format: 'der', type: 'pkcs8' })
  await writeKeyFile(join(directory, files.key), pkcs8Der, passphrase, random)
  pkcs8Der.fill(0)
  const pem = encodePem(LABEL, certificateDer)
  await writePrivateFile(join(directory, files.certificate), new TextEncoder().encode(pem))
  return files
}

/**
 * Reads a certificate of an authority.
 *
 * @throws ConnectorError `key/unreadable` the file cannot be read or holds no certificate
 */
export async function loadCertificate(directory: string, file: string): Promise<Uint8Array> {
  const path = join(directory, file)
  const der = decodePem(LABEL, new TextDecoder().decode(await loadPrivateFile(path)))
  if (!der) throw new ConnectorError('key/unreadable', `${path} holds no PEM "${LABEL}"`)
  return der
}

/**
 * Reads a certificate and its key, and checks that they belong together.
 *
 * @throws ConnectorError `key/unreadable` a file cannot be read, or the passphrase is another one
 * @throws ConnectorError `ca/misconfigured` the key is not that of the certificate
 */
export async function loadKeyed(
  directory: string,
  files: KeyedFiles,
  passphrase: Secret,
): Promise<KeyedCertificate> {
  const certificateDer = await loadCertificate(directory, files.certificate)
  const key: KeyObject = await loadKeyFile(join(directory, files.key), passphrase)
  const spkiDer = createPublicKey(key).export({ format: 'der', type: 'spki' })
  if (!equalBytes(spkiDer, parseCertificate(certificateDer).spkiDer)) {
    throw new ConnectorError(
      'ca/misconfigured',
      `${join(directory, files.key)} is not the key of ${files.certificate}; restore both from one backup`,
    )
  }
  return { certificateDer, key }
}

/**
 * Removes files that no manifest names any more. Those that are gone already do not matter.
 *
 * @throws ConnectorError `key/unreadable` the disk refuses
 */
export async function removeKeyed(directory: string, files: KeyedFiles): Promise<void> {
  for (const name of [files.key, files.certificate]) {
    try {
      await unlink(join(directory, name))
    } catch (cause) {
      if (systemCode(cause) === 'ENOENT') continue
      const path = join(directory, name)
      throw new ConnectorError('key/unreadable', `${path} cannot be removed; delete it`, { cause })
    }
  }
}
