import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { currentLogPath, listArchives } from './archives.ts'
import { parseRecord } from './record-line.ts'
import type { Channel, EventRecord } from './types.ts'

/** Which events are wanted; every condition that is given must hold. */
export interface EventQuery {
  /** Both when left out. */
  readonly channel?: Channel | undefined
  readonly id?: number | undefined
  readonly transactionId?: string | undefined
  readonly requestId?: string | undefined
  readonly notificationId?: string | undefined
  /** At this time or later. */
  readonly since?: Date | undefined
}

/**
 * Reads events from the logs and their archives, oldest first. Lines that are torn or foreign are passed over; a log
 * that does not exist is empty.
 *
 * @param query at most `limit` events, the youngest ones; default 1000
 */
export async function readEvents(
  directory: string,
  query: EventQuery & { readonly limit?: number | undefined } = {},
): Promise<EventRecord[]> {
  const limit = query.limit ?? 1000
  const channels: readonly Channel[] =
    query.channel === undefined ? ['admin', 'operational'] : [query.channel]
  const found = await Promise.all(
    channels.map((channel) => readChannel(directory, { ...query, channel }, limit)),
  )
  return found
    .flat()
    .sort((a, b) => a.timestamp.getTime() - b.timestamp.getTime() || a.instanceSeq - b.instanceSeq)
    .slice(-limit)
}

/**
 * The Admin event of a request, for deciding after a crash whether it was recorded. Looks at what is on disk.
 *
 * @returns the youngest one; undefined when there is none
 */
export async function findAdminEvent(
  directory: string,
  request: { readonly notificationId: string } | { readonly requestId: string },
  since?: Date,
): Promise<EventRecord | undefined> {
  const found = await readEvents(directory, { channel: 'admin', ...request, since, limit: 1 })
  return found[0]
}

/** Whether a record is wanted. */
export function isWanted(record: EventRecord, query: EventQuery): boolean {
  return (
    (query.channel === undefined || record.channel === query.channel) &&
    (query.id === undefined || record.eventId === query.id) &&
    (query.transactionId === undefined || record.transactionId === query.transactionId) &&
    (query.requestId === undefined || record.requestId === query.requestId) &&
    (query.notificationId === undefined || record.notificationId === query.notificationId) &&
    (query.since === undefined || record.timestamp >= query.since)
  )
}

async function readChannel(
  directory: string,
  query: EventQuery & { readonly channel: Channel },
  limit: number,
): Promise<EventRecord[]> {
  const archives = await listArchives(directory, query.channel)
  const paths = archives
    // The stamp has whole seconds, and may be later than the clock said, never earlier.
    .filter(({ closedAt }) => !query.since || closedAt.getTime() + 1000 > query.since.getTime())
    .map(({ path }) => path)
  let found: EventRecord[] = []
  // From the youngest file backwards, so that a small limit opens few of them.
  for (const path of [...paths, currentLogPath(directory, query.channel)].reverse()) {
    if (found.length >= limit) break
    found = [...(await readFileBackwards(path, query, limit - found.length)), ...found]
  }
  return found
}

async function readFileBackwards(
  path: string,
  query: EventQuery,
  limit: number,
): Promise<EventRecord[]> {
  const found: EventRecord[] = []
  const marks = listMarks(query)
  try {
    for await (const line of createInterface({ input: openLog(path) })) {
      if (!marks.every((mark) => line.includes(mark))) continue
      const record = parseRecord(line)
      if (record === undefined || !isWanted(record, query)) continue
      found.push(record)
      if (found.length >= 2 * limit) found.splice(0, found.length - limit)
    }
  } catch (cause) {
    if (!isMissingOrTorn(cause)) throw cause
  }
  return found.slice(-limit)
}

function openLog(path: string): Readable {
  const file = createReadStream(path)
  if (!path.endsWith('.gz')) return file
  const plain = createGunzip()
  file.on('error', (error) => plain.destroy(error))
  return file.pipe(plain)
}

/** Text that every wanted line holds, as `encodeRecord` writes it: most lines need not be parsed. */
function listMarks(query: EventQuery): string[] {
  const marks = query.id === undefined ? [] : [`"eventId":${query.id},`]
  for (const value of [query.transactionId, query.requestId, query.notificationId]) {
    if (value !== undefined) marks.push(JSON.stringify(value))
  }
  return marks
}

/** A file that was archived or deleted since it was listed, or a compressed one that ends too early. */
function isMissingOrTorn(cause: unknown): boolean {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  return code === 'ENOENT' || code === 'Z_BUF_ERROR' || code === 'Z_DATA_ERROR'
}
