import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { ConnectorError } from '../kernel/index.ts'
import type { Spool, SpoolEntry } from './ports.ts'

/** Largest payload of an entry. A completion with its CSR and certificate is some 10 KiB. */
const MAX_PAYLOAD_BYTES = 1 << 20
/** Entries read at once; the rest follow when these are replayed. */
const MAX_LISTED = 500
const SUFFIX = '.entry'
/** First octets of a file: name and version of its layout. Then the time, 8 octets, and the payload. */
const MAGIC = Buffer.from('spool1\n\0', 'latin1')
const HEADER_BYTES = MAGIC.length + 8
/** A temporary file as old as this was left by a crash: nobody was told that its entry is saved. */
const ABANDONED_MS = 3_600_000

/**
 * A spool in a directory, which is made (0700) with the first entry. One file an entry, `<id>.entry`, mode 0600,
 * complete or absent. Several processes may use one directory.
 */
export function openSpool(directory: string): Spool {
  const folder = resolve(directory)

  return {
    async save({ id, savedAt, payload }) {
      checkId(id)
      if (payload.byteLength > MAX_PAYLOAD_BYTES)
        throw new ConnectorError(
          'spool/unavailable',
          `spool entry ${id} has ${payload.byteLength} octets; the limit is ${MAX_PAYLOAD_BYTES}`,
        )
      await saving(folder, async () => {
        await makeDirectory(folder)
        await writeDurably(folder, `${id}${SUFFIX}`, encodeEntry(savedAt, payload))
      })
    },

    async list() {
      return await saving(folder, async () => {
        const names = await listOldest(folder)
        const entries: SpoolEntry[] = []
        const unreadable: string[] = []
        for (const name of names) {
          const entry = await loadEntry(folder, name)
          if (entry === 'gone') continue
          if (entry === 'unreadable') {
            await rename(join(folder, name), join(folder, `${name}.bad`))
            unreadable.push(name)
          } else entries.push(entry)
        }
        entries.sort((a, b) => a.savedAt.getTime() - b.savedAt.getTime())
        return { entries, unreadable }
      })
    },

    async remove(id) {
      checkId(id)
      await saving(folder, async () => {
        await rm(join(folder, `${id}${SUFFIX}`), { force: true })
        await syncDirectory(folder)
      })
    },
  }
}

// The id is a file name: it must not be able to leave the directory.
function checkId(id: string): void {
  if (!/^[A-Za-z0-9-]{1,128}$/.test(id))
    throw new ConnectorError(
      'internal/bug',
      `spool id ${JSON.stringify(id.slice(0, 128))} is not made of 1 to 128 letters, digits and hyphens`,
    )
}

function encodeEntry(savedAt: Date, payload: Uint8Array): Uint8Array {
  const time = Buffer.alloc(8)
  time.writeDoubleBE(savedAt.getTime())
  return Buffer.concat([MAGIC, time, payload])
}

// Whether the payload is whole is told by its seal; here only what is needed to list it.
function parseEntry(name: string, content: Buffer): SpoolEntry | undefined {
  if (content.length < HEADER_BYTES || !content.subarray(0, MAGIC.length).equals(MAGIC))
    return undefined
  const savedAt = new Date(content.readDoubleBE(MAGIC.length))
  if (Number.isNaN(savedAt.getTime())) return undefined
  return {
    id: name.slice(0, -SUFFIX.length),
    savedAt,
    payload: new Uint8Array(content.subarray(HEADER_BYTES)),
  }
}

async function loadEntry(
  folder: string,
  name: string,
): Promise<SpoolEntry | 'gone' | 'unreadable'> {
  const path = join(folder, name)
  try {
    const { size } = await stat(path)
    if (size > HEADER_BYTES + MAX_PAYLOAD_BYTES) return 'unreadable'
    const isNamedRight = /^[A-Za-z0-9-]{1,128}$/.test(name.slice(0, -SUFFIX.length))
    return (isNamedRight && parseEntry(name, await readFile(path))) || 'unreadable'
  } catch (error) {
    // Another process of this host replayed it between listing and reading.
    if (hasCode(error, 'ENOENT')) return 'gone'
    if (hasCode(error, 'EISDIR')) return 'unreadable'
    throw error
  }
}

/** Names of entries, at most MAX_LISTED, those written first; sweeps what crashes left half written. */
async function listOldest(folder: string): Promise<readonly string[]> {
  const found: { readonly name: string; readonly writtenAt: number }[] = []
  for (const name of await readNames(folder)) {
    const isEntry = name.endsWith(SUFFIX)
    if (!isEntry && !name.endsWith('.tmp')) continue
    const info = await stat(join(folder, name)).catch((error: unknown) => {
      if (hasCode(error, 'ENOENT')) return undefined
      throw error
    })
    if (info === undefined) continue
    if (isEntry) found.push({ name, writtenAt: info.mtimeMs })
    else if (Date.now() - info.mtimeMs > ABANDONED_MS) await rm(join(folder, name), { force: true })
  }
  return found
    .sort((a, b) => a.writtenAt - b.writtenAt)
    .slice(0, MAX_LISTED)
    .map(({ name }) => name)
}

async function readNames(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
}

async function makeDirectory(folder: string): Promise<void> {
  const made = await mkdir(folder, { recursive: true, mode: 0o700 })
  // An entry is as durable as the name of its directory.
  if (made !== undefined) await syncDirectory(dirname(made))
}

async function writeDurably(folder: string, name: string, content: Uint8Array): Promise<void> {
  const temporary = join(folder, `${name}.${randomUUID()}.tmp`)
  try {
    const handle = await open(temporary, 'wx', 0o600)
    try {
      await handle.writeFile(content)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, join(folder, name))
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw error
  }
  await syncDirectory(folder)
}

async function syncDirectory(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function saving<Result>(folder: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof ConnectorError) throw error
    throw new ConnectorError('spool/unavailable', `the spool ${folder} cannot be used`, {
      cause: error,
      isTransient: true,
    })
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
