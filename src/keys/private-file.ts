import { randomUUID } from 'node:crypto'
import { link, mkdir, open, rename, rm, unlink } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { ConnectorError, Secret } from '../kernel/index.ts'

const GROUP_AND_WORLD = 0o077

/** Largest file that this room reads. Keys, certificates and manifests are a few kilobytes. */
const MAX_FILE_BYTES = 64 * 1024

/**
 * Reads a file that holds a secret, after checking that only its owner can.
 *
 * The mode is checked on the open descriptor, so that the file cannot be exchanged between check and read.
 *
 * @throws ConnectorError `key/unreadable` missing, not a regular file, too large, or open to group or world
 */
export async function loadPrivateFile(path: string): Promise<Uint8Array> {
  try {
    await using file = await open(path, 'r')
    const status = await file.stat()
    if (!status.isFile()) throw unreadable(path, 'is not a regular file; name the file itself')
    const mode = status.mode & 0o777
    if ((mode & GROUP_AND_WORLD) !== 0) {
      throw unreadable(
        path,
        `has mode 0${mode.toString(8)}, so other accounts can reach it; run: chmod 600 '${path}'`,
      )
    }
    if (status.size > MAX_FILE_BYTES) {
      throw unreadable(path, `is ${status.size} bytes long; at most ${MAX_FILE_BYTES} are read`)
    }
    return new Uint8Array(await file.readFile())
  } catch (cause) {
    if (cause instanceof ConnectorError) throw cause
    throw unreadable(path, `cannot be read (${systemCode(cause)})`, cause)
  }
}

/**
 * Reads a secret that a person keeps in a file: the first line, with every space that it has.
 *
 * @throws ConnectorError `key/unreadable` as `loadPrivateFile`, not UTF-8, or the line is empty
 */
export async function loadSecretLine(path: string): Promise<Secret> {
  const bytes = await loadPrivateFile(path)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw unreadable(path, 'is not UTF-8; save it as that', cause)
  }
  const line = text.split(/\r?\n/, 1)[0] ?? ''
  if (line === '') throw unreadable(path, 'has an empty first line; write the secret there')
  return new Secret(line)
}

/**
 * Writes a whole file or none: temporary name beside it, mode 0600, fsync, rename, fsync of the directory.
 * Replaces what was there.
 *
 * @throws ConnectorError `key/unreadable` the disk refuses
 */
export async function writePrivateFile(path: string, bytes: Uint8Array): Promise<void> {
  await placeFile(path, bytes, (temporary) => rename(temporary, path))
}

/**
 * Writes a whole file unless one of that name exists, safely against other processes that do the same.
 *
 * @returns false when the name was taken already: nothing was changed
 * @throws ConnectorError `key/unreadable` the disk refuses
 */
export async function createPrivateFile(path: string, bytes: Uint8Array): Promise<boolean> {
  let isOurs = true
  await placeFile(path, bytes, async (temporary) => {
    try {
      // A link, unlike a rename, refuses to replace: of two processes exactly one wins.
      await link(temporary, path)
    } catch (cause) {
      if (systemCode(cause) !== 'EEXIST') throw cause
      isOurs = false
    }
    await unlink(temporary)
  })
  return isOurs
}

/** Makes a directory that only its owner can enter, and its parents. One that exists is left as it is. */
export async function makePrivateDirectory(path: string): Promise<void> {
  try {
    const firstMade = await mkdir(path, { recursive: true, mode: 0o700 })
    // A key is as durable as the names of the directories above it.
    if (firstMade !== undefined) await syncNames(resolve(path), firstMade)
  } catch (cause) {
    throw unreadable(path, `cannot be made (${systemCode(cause)})`, cause)
  }
}

/** The `code` of a system error, such as `ENOENT`; a fixed word for other throws. */
export function systemCode(cause: unknown): string {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string'
    ? cause.code
    : 'unknown error'
}

/** Brings the names of new directories to the disk, from `path` up to the first one that was made. */
async function syncNames(path: string, firstMade: string): Promise<void> {
  const parent = dirname(path)
  await using directory = await open(parent, 'r')
  await directory.sync()
  if (path.length > firstMade.length) await syncNames(parent, firstMade)
}

async function placeFile(
  path: string,
  bytes: Uint8Array,
  place: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`
  try {
    {
      await using file = await open(temporary, 'wx', 0o600)
      await file.writeFile(bytes)
      await file.sync()
    }
    await place(temporary)
    await using directory = await open(dirname(path), 'r')
    await directory.sync()
  } catch (cause) {
    // The first failure is the one to tell; a leftover is encrypted and counts for nothing.
    await rm(temporary, { force: true }).catch(() => undefined)
    throw unreadable(path, `cannot be written (${systemCode(cause)})`, cause)
  }
}

function unreadable(path: string, what: string, cause?: unknown): ConnectorError {
  return new ConnectorError(
    'key/unreadable',
    `${path} ${what}`,
    cause === undefined ? {} : { cause },
  )
}
