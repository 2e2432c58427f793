import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { type Archive, currentLogPath, listArchives } from './archives.ts'
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

/** What the admin log knows of notifications. */
export interface RecordedNotifications {
  /** Notifications that have one of the wanted events. */
  readonly ids: ReadonlySet<string>
  /** Time of the oldest line that is still kept, of whatever event; undefined when the log is empty. */
  readonly keptSince: Date | undefined
}

/**
 * Which notifications have their Admin event on disk, for deciding after a crash whose was swallowed. Reads each log
 * once.
 *
 * @param eventIds the events that count
 * @param since lines before this time do not matter
 */
export async function listRecordedNotifications(
  directory: string,
  eventIds: readonly number[],
  since: Date,
): Promise<RecordedNotifications> {
  const archives = await listArchives(directory, 'admin')
  const current = currentLogPath(directory, 'admin')
  const ids = new Set<string>()
  for (const path of [...youngerThan(archives, since), current]) {
    for await (const record of readRecords(path, ['"notificationId":'])) {
      const { eventId, notificationId } = record
      if (notificationId !== undefined && eventIds.includes(eventId)) ids.add(notificationId)
    }
  }
  return { ids, keptSince: await findOldestTime([...archives.map(({ path }) => path), current]) }
}

async function findOldestTime(paths: readonly string[]): Promise<Date | undefined> {
  for (const path of paths)
    for await (const { timestamp } of readRecords(path, [])) return timestamp
  return undefined
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
  const paths = youngerThan(archives, query.since)
  let found: EventRecord[] = []
  // From the youngest file backwards, so that a small limit opens few of them.
  for (const path of [...paths, currentLogPath(directory, query.channel)].reverse()) {
    if (found.length >= limit) break
    found = [...(await readFileBackwards(path, query, limit - found.length)), ...found]
  }
  return found
}

/** Archives that may hold lines of this time or later. */
function youngerThan(archives: readonly Archive[], since: Date | undefined): readonly string[] {
  return (
    archives
      // The stamp has whole seconds, and may be later than the clock said, never earlier.
      .filter(({ closedAt }) => !since || closedAt.getTime() + 1000 > since.getTime())
      .map(({ path }) => path)
  )
}

async function readFileBackwards(
  path: string,
  query: EventQuery,
  limit: number,
): Promise<EventRecord[]> {
  const found: EventRecord[] = []
  for await (const record of readRecords(path, listMarks(query))) {
    if (!isWanted(record, query)) continue
    found.push(record)
    if (found.length >= 2 * limit) found.splice(0, found.length - limit)
  }
  return found.slice(-limit)
}

/** The records of a log in order. Lines that lack one of the marks are not parsed. */
async function* readRecords(path: string, marks: readonly string[]): AsyncGenerator<EventRecord> {
  try {
    for await (const line of createInterface({ input: openLog(path) })) {
      if (!marks.every((mark) => line.includes(mark))) continue
      const record = parseRecord(line)
      if (record !== undefined) yield record
    }
  } catch (cause) {
    if (!isMissingOrTorn(cause)) throw cause
  }
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
