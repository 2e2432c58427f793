import { createReadStream, createWriteStream } from 'node:fs'
import { readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { Channel } from './types.ts'

/** A log that is full: `admin-20261122T214501Z.jsonl.gz`, or without `.gz` until it is compressed. */
export interface Archive {
  readonly path: string
  /** When it was closed: no record in it is younger. */
  readonly closedAt: Date
  readonly isCompressed: boolean
}

/** Where a channel's lines go. */
export function currentLogPath(directory: string, channel: Channel): string {
  return join(directory, `${channel}.jsonl`)
}

/**
 * Archives of a channel, oldest first. Where a crash left one both plain and compressed, only the plain one is named:
 * it is whole, the other perhaps not.
 */
export async function listArchives(directory: string, channel: Channel): Promise<Archive[]> {
  const names = new Set(await listNames(directory))
  const archives: Archive[] = []
  for (const name of names) {
    const match = /^(admin|operational)-(\d{8}T\d{6}Z)\.jsonl(\.gz)?$/.exec(name)
    if (match === null || match[1] !== channel) continue
    const isCompressed = match[3] !== undefined
    if (isCompressed && names.has(name.slice(0, -'.gz'.length))) continue
    const closedAt = parseStamp(match[2] ?? '')
    archives.push({ path: join(directory, name), closedAt, isCompressed })
  }
  return archives.sort((a, b) => a.closedAt.getTime() - b.closedAt.getTime())
}

/** Moves the current log aside under a name that no archive has and that sorts after all of them. */
export async function archiveLog(directory: string, channel: Channel, now: Date): Promise<void> {
  const newest = (await listArchives(directory, channel)).at(-1)
  // Two archives within a second, or a clock that was set back: the next free second.
  const afterNewest = newest === undefined ? 0 : newest.closedAt.getTime() + 1000
  const stamp = formatStamp(new Date(Math.max(now.getTime(), afterNewest)))
  await rename(currentLogPath(directory, channel), join(directory, `${channel}-${stamp}.jsonl`))
}

/** Compresses what is not compressed yet, and deletes the oldest beyond `keep`. Safe to repeat after a crash. */
export async function compressArchives(
  directory: string,
  channel: Channel,
  keep: number,
): Promise<void> {
  const archives = await listArchives(directory, channel)
  for (const { path } of archives.splice(0, Math.max(0, archives.length - keep))) {
    await rm(path, { force: true })
    await rm(`${path}.gz`, { force: true })
  }
  for (const { path, isCompressed } of archives) {
    if (isCompressed) continue
    await pipeline(
      createReadStream(path),
      createGzip(),
      createWriteStream(`${path}.tmp`, { mode: 0o600 }),
    )
    await rename(`${path}.tmp`, `${path}.gz`)
    await rm(path, { force: true })
  }
}

async function listNames(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (cause) {
    // Before the first event there is no directory, and so no archive.
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return []
    throw cause
  }
}

/** `YYYYMMDDThhmmssZ`. */
function formatStamp(time: Date): string {
  return time.toISOString().replace(/[-:]|\.\d{3}/g, '')
}

function parseStamp(stamp: string): Date {
  return new Date(stamp.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'))
}
