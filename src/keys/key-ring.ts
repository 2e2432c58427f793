import { createPublicKey, type KeyObject } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { ConnectorError, type RandomBytes, type Secret } from '../kernel/index.ts'
import { encodeKeyFile, loadKeyFile } from './key-file.ts'
import { encodeKeyName, type KeyName } from './key-name.ts'
import { createPrivateFile, makePrivateDirectory, systemCode } from './private-file.ts'

/** Smallest and largest RSA modulus, in bits. Beyond that a key is either weak or a way to keep us busy. */
const MIN_BITS = 2048
const MAX_BITS = 8192

/** The keys that open passwords of imported PFX, one encrypted file each. */
export interface KeyRing {
  /**
   * All names, sorted, as they were given when the keys were added; a damaged file has those of its path.
   *
   * @throws ConnectorError `key/unreadable` the folder cannot be read
   */
  list(): Promise<readonly KeyName[]>
  /**
   * The private key of that name, in any case; undefined when there is none.
   *
   * @throws ConnectorError `key/unreadable` the file is broken, open to others, or has another passphrase
   */
  find(name: KeyName): Promise<KeyObject | undefined>
  /**
   * Keeps a key, whole or not at all. A name that is taken keeps its key: passwords may be encrypted to it.
   *
   * @throws ConnectorError `key/unsuitable` not RSA, or not of 2048 to 8192 bits
   * @throws ConnectorError `key/conflict` the name is taken
   * @throws ConnectorError `key/unreadable` the disk refuses
   */
  add(name: KeyName, key: KeyObject): Promise<void>
}

/**
 * A key ring in a folder: `<provider>/<key>.key`, names in lower case and percent-encoded, each file an encrypted PKCS #8
 * as the CA's keys are, with the names as they were given in front. Does no I/O before it is asked something. Several
 * processes may use one folder.
 *
 * @param passphrase opens all keys
 */
export function openKeyRing(folder: string, passphrase: Secret, random: RandomBytes): KeyRing {
  const pathOf = ({ provider, key }: KeyName): string =>
    join(folder, encodeKeyName(provider), `${encodeKeyName(key)}.key`)

  return {
    async list() {
      const names: KeyName[] = []
      for (const provider of await listFolder(folder))
        for (const file of await listFolder(join(folder, provider)))
          if (file.endsWith('.key')) names.push(await readName(join(folder, provider, file)))
      return names.toSorted((a, b) => compare(a.provider, b.provider) || compare(a.key, b.key))
    },

    async find(name) {
      const path = pathOf(name)
      const files = await listFolder(dirname(path))
      return files.includes(`${encodeKeyName(name.key)}.key`)
        ? await loadKeyFile(path, passphrase)
        : undefined
    },

    async add(name, key) {
      verifySuitable(key)
      const path = pathOf(name)
      await makePrivateDirectory(dirname(path))
      const pkcs8Der = key.export({ format: 'der', type: 'pkcs8' })
      const pem = await encodeKeyFile(pkcs8Der, passphrase, random)
      pkcs8Der.fill(0)
      const text = `providerName: ${name.provider}\nkeyName: ${name.key}\n${pem}`
      if (await createPrivateFile(path, new TextEncoder().encode(text))) return
      throw new ConnectorError(
        'key/conflict',
        `the key ring has a key '${name.key}' of provider '${name.provider}' already; it stays, because passwords may be ` +
          'encrypted to it. Take another name',
      )
    },
  }
}

function verifySuitable(key: KeyObject): void {
  const bits = createPublicKey(key).asymmetricKeyDetails?.modulusLength ?? 0
  if (key.asymmetricKeyType === 'rsa' && bits >= MIN_BITS && bits <= MAX_BITS) return
  throw new ConnectorError(
    'key/unsuitable',
    `the key is ${key.asymmetricKeyType?.toUpperCase()}${bits > 0 ? ` of ${bits} bits` : ''}; ` +
      `passwords of imported PFX are encrypted with RSA of ${MIN_BITS} to ${MAX_BITS} bits`,
  )
}

async function listFolder(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (cause) {
    const code = systemCode(cause)
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw new ConnectorError('key/unreadable', `${folder} cannot be read (${code})`, { cause })
  }
}

async function readName(path: string): Promise<KeyName> {
  const text = await readFile(path, 'utf8').catch(() => '')
  const provider = /^providerName: (.+)$/m.exec(text)?.[1]
  const key = /^keyName: (.+)$/m.exec(text)?.[1]
  const isWhole =
    provider !== undefined && key !== undefined && path.endsWith(`${encodeKeyName(key)}.key`)
  if (isWhole) return { provider, key }
  return { provider: decodeName(basename(dirname(path))), key: decodeName(basename(path, '.key')) }
}

function decodeName(encoded: string): string {
  try {
    return decodeURIComponent(encoded)
  } catch {
    return encoded
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
