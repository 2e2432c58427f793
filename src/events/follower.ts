import { type FileHandle, open, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { currentLogPath } from './archives.ts'
import { type EventQuery, isWanted } from './reader.ts'
import { maxLineLength, parseRecord } from './record-line.ts'
import type { Channel, EventRecord } from './types.ts'

export interface FollowOptions extends EventQuery {
  /** Ends the iteration, without an error. */
  readonly signal: AbortSignal
  /** How often the files are looked at, in milliseconds. Default 250. */
  readonly pollMs?: number | undefined
  /** `end` (default) gives events that are written from now on, `start` also those already in the current files. */
  readonly from?: 'start' | 'end' | undefined
}

/**
 * Gives events as they are written, across archiving, until `signal` aborts. Begins at the first `next()`. A line appears
 * when it is whole. A log that does not exist yet is waited for.
 */
export async function* followEvents(
  directory: string,
  options: FollowOptions,
): AsyncGenerator<EventRecord, void, undefined> {
  const channels: readonly Channel[] =
    options.channel === undefined ? ['admin', 'operational'] : [options.channel]
  const tails = channels.map((channel) => new Tail(currentLogPath(directory, channel)))
  try {
    if (options.from !== 'start') await Promise.all(tails.map((tail) => tail.skip()))
    while (!options.signal.aborted) {
      const lines = await Promise.all(tails.map((tail) => tail.read()))
      const records = lines.flat().flatMap((line) => parseRecord(line) ?? [])
      records.sort(
        (a, b) => a.timestamp.getTime() - b.timestamp.getTime() || a.instanceSeq - b.instanceSeq,
      )
      for (const record of records) {
        if (isWanted(record, options)) yield record
      }
      if (records.length === 0) await pause(options.pollMs ?? 250, options.signal)
    }
  } finally {
    await Promise.all(tails.map((tail) => tail.close()))
  }
}

/** A file that grows and is now and then replaced by a new one of the same name. */
class Tail {
  readonly #path: string
  #handle: FileHandle | undefined
  #position = 0

  constructor(path: string) {
    this.#path = path
  }

  async skip(): Promise<void> {
    this.#handle = await openIfThere(this.#path)
    this.#position = (await this.#handle?.stat())?.size ?? 0
  }

  /** Whole lines since the last call. */
  async read(): Promise<string[]> {
    // Asked before reading: what was written into the old file until it was replaced is read in this same call.
    const wasReplaced = await this.#isReplaced()
    const lines = this.#handle === undefined ? [] : await this.#readLines(this.#handle)
    // A file may hold more than one call reads: it is left only when it is at its end.
    if (!wasReplaced || lines.length > 0) return lines
    await this.close()
    this.#handle = await openIfThere(this.#path)
    return this.#handle === undefined ? [] : await this.#readLines(this.#handle)
  }

  async close(): Promise<void> {
    await this.#handle?.close()
    this.#handle = undefined
    this.#position = 0
  }

  async #isReplaced(): Promise<boolean> {
    if (this.#handle === undefined) return true
    const there = await stat(this.#path).catch(() => undefined)
    const ours = await this.#handle.stat()
    return there !== undefined && (there.ino !== ours.ino || ours.size < this.#position)
  }

  async #readLines(handle: FileHandle): Promise<string[]> {
    const chunk = Buffer.alloc(1024 * 1024)
    const { bytesRead } = await handle.read(chunk, 0, chunk.byteLength, this.#position)
    if (bytesRead === 0) return []
    const end = chunk.subarray(0, bytesRead).lastIndexOf(0x0a) + 1
    if (end === 0 && bytesRead < maxLineLength) return []
    // Text without any line feed that is longer than a line can be is passed over.
    const taken = end === 0 ? bytesRead : end
    this.#position += taken
    return chunk.subarray(0, taken).toString('utf8').split('\n')
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r')
  } catch (cause) {
    // Not written yet, or between two files: the next look finds it.
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
    throw cause
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal })
  } catch (cause) {
    if (!signal.aborted) throw cause
  }
}
