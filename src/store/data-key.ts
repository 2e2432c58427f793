import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { ConnectorError, equalBytes, type Secret } from '../kernel/index.ts'
import { createDurableFile } from './durable-file.ts'

const KEY_BYTES = 32
const SALT_BYTES = 16
const NONCE_BYTES = 12
const TAG_BYTES = 16
const FILE_BYTES = SALT_BYTES + NONCE_BYTES + KEY_BYTES + TAG_BYTES

/** 32 MiB and about 0.1 s: once a start. */
const SCRYPT = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 }

/**
 * Loads the key under which the outbox and the spool keep their payloads; makes it at the first start. The file holds
 * salt, nonce and the key under AES-256-GCM with a key drawn from the passphrase by scrypt; mode 0600. Two processes at
 * once end up with the same key.
 *
 * @returns 32 octets
 * @throws ConnectorError `key/unreadable` wrong passphrase, or the file is not what we wrote
 */
export function loadDataKey(file: string, passphrase: Secret): Uint8Array {
  const wrappingKeyOf = createDerivation(passphrase)
  const sealed = readIfThere(file) ?? createDataKey(file, wrappingKeyOf)
  try {
    if (sealed.byteLength !== FILE_BYTES) throw new RangeError(`${sealed.byteLength} octets`)
    const salt = sealed.subarray(0, SALT_BYTES)
    const nonce = sealed.subarray(SALT_BYTES, SALT_BYTES + NONCE_BYTES)
    const decipher = createDecipheriv('aes-256-gcm', wrappingKeyOf(salt), nonce)
    decipher.setAuthTag(sealed.subarray(FILE_BYTES - TAG_BYTES))
    const body = sealed.subarray(SALT_BYTES + NONCE_BYTES, FILE_BYTES - TAG_BYTES)
    return new Uint8Array(Buffer.concat([decipher.update(body), decipher.final()]))
  } catch (cause) {
    throw new ConnectorError(
      'key/unreadable',
      `${file} does not open with this passphrase; give the passphrase it was made with, or restore the file from the backup`,
      { cause },
    )
  }
}

function createDataKey(file: string, wrappingKeyOf: Derivation): Uint8Array {
  const salt = randomBytes(SALT_BYTES)
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', wrappingKeyOf(salt), nonce)
  const sealed = Buffer.concat([
    salt,
    nonce,
    cipher.update(randomBytes(KEY_BYTES)),
    cipher.final(),
    cipher.getAuthTag(),
  ])
  // Whoever was first, its key is the one: both processes read it.
  createDurableFile(file, sealed, 0o600)
  return readFileSync(file)
}

function readIfThere(file: string): Uint8Array | undefined {
  try {
    return readFileSync(file)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw new ConnectorError('key/unreadable', `${file} cannot be read: check its owner and mode`, {
      cause: error,
    })
  }
}

type Derivation = (salt: Uint8Array) => Buffer

/** Remembers its last salt: a first start reads what it has just written, and need not pay twice. */
function createDerivation(passphrase: Secret): Derivation {
  let last: { readonly salt: Uint8Array; readonly key: Buffer } | undefined
  return (salt) => {
    if (last === undefined || !equalBytes(last.salt, salt))
      last = { salt, key: scryptSync(passphrase.reveal(), salt, 32, SCRYPT) }
    return last.key
  }
}
