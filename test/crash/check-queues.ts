import { createHash } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type EventRecord, readEvents } from '../../src/events/index.ts'
import type { ServedItem } from './queue-service.ts'
import type { QueueSite } from './queue-site.ts'
import type { QueueEnd, QueueStory } from './queue-story.ts'

/** What two connectors and their service know in the end, held against each other. */
export interface QueueAftermath {
  readonly violations: readonly string[]
  readonly items: number
  readonly succeeded: number
  readonly failed: number
  /** Items that were lent more than once. */
  readonly lentAgain: number
  /** Items that both connectors had in their journals. */
  readonly changedHands: number
  /** Results that the service did not want any more, or had already. */
  readonly uploadedInVain: number
  readonly adminEvents: Readonly<Record<string, number>>
  /** What the story counted. */
  readonly figures: Readonly<Record<string, number>>
}

/** What of a journal is not finished. */
export interface JournalDepth {
  readonly received: number
  readonly finished: number
  readonly unrecorded: number
}

/** Reads everything. */
export async function checkQueues(story: QueueStory, end: QueueEnd): Promise<QueueAftermath> {
  const { sites, served } = end
  const contexts = served.map(({ requestContext }) => requestContext)
  const logs = await Promise.all(sites.map(async (site) => await readAdmin(site, story)))
  const told = Map.groupBy(logs.flat(), ({ requestContextHash }) => requestContextHash ?? '')
  const known = sites.map((site) => new Set(listContextHashes(site)))
  const { violations, figures = {} } = await story.check(end)
  return {
    violations: [
      ...served.flatMap((item, index) => {
        const events = told.get(hashOf(item.requestContext).slice(0, 16)) ?? []
        return checkItem(index, story, item, events)
      }),
      ...sites.flatMap(checkHouse),
      ...violations,
    ],
    figures,
    items: contexts.length,
    succeeded: served.filter(({ state }) => state === 'succeeded').length,
    failed: served.filter(({ state }) => state === 'failedFinal').length,
    lentAgain: served.filter(({ attempt }) => attempt > 1).length,
    changedHands: contexts.filter((context) => known.every((hashes) => hashes.has(hashOf(context))))
      .length,
    uploadedInVain: served.flatMap(({ results }) =>
      results.filter(({ outcome }) => outcome !== 'recorded'),
    ).length,
    adminEvents: Object.fromEntries(
      sites.map(({ name }, index) => [name, logs[index]?.length ?? 0]),
    ),
  }
}

/** It ended as it should, by one result, and one Admin event over both logs says so. */
function checkItem(
  index: number,
  story: QueueStory,
  item: ServedItem,
  events: readonly EventRecord[],
): string[] {
  const expected = story.endOf(index)
  const wanted = story.adminEvents[expected]
  const recorded = item.results.filter(({ outcome }) => outcome === 'recorded')
  const ids = events.map(({ eventId, connectorId }) => `${eventId} of ${connectorId}`)
  return [
    ...(item.state === expected ? [] : [`item ${index}: ${item.state}, not ${expected}`]),
    ...(recorded.length === 1 ? [] : [`item ${index}: ${recorded.length} results recorded, not 1`]),
    ...(events.length === 1 && events[0]?.eventId === wanted
      ? []
      : [`item ${index}: Admin events ${ids.join(', ') || 'none'}, not one ${wanted}`]),
  ]
}

/** Nothing that is still to be done, and no halves. */
function checkHouse(site: QueueSite): string[] {
  const { received, finished, unrecorded } = loadDepth(site)
  const spool = join(site.dataDir, 'spool')
  const spooled = existsSync(spool) ? readdirSync(spool) : []
  const integrity = readRows(site, 'PRAGMA integrity_check').map((row) => row['integrity_check'])
  return [
    ...(received + finished + unrecorded === 0
      ? []
      : [`${site.name}: ${received} received, ${finished} finished, ${unrecorded} unrecorded`]),
    ...spooled
      .filter((file) => /\.(tmp|bad|entry)$/.test(file))
      .map((file) => `${site.name}: spool/${file} is left over`),
    ...(integrity.join() === 'ok'
      ? []
      : [`${site.name}: integrity_check: ${integrity.join('; ')}`]),
  ]
}

/** Also while the connector runs. Nothing where there is no journal yet. */
export function loadDepth(site: QueueSite): JournalDepth {
  const count = (where: string): number =>
    Number(readRows(site, `SELECT count(*) AS rows FROM work_item WHERE ${where}`)[0]?.['rows'])
  return {
    received: count("state = 'received'"),
    finished: count("state = 'finished'"),
    unrecorded: count("state = 'closed' AND is_recorded = 0"),
  }
}

function listContextHashes(site: QueueSite): readonly string[] {
  return readRows(site, 'SELECT context_hash FROM work_item').map((row) =>
    String(row['context_hash']),
  )
}

/** Of the database of a site, read only. */
export function readRows({ dataDir }: QueueSite, statement: string) {
  const database = new DatabaseSync(join(dataDir, 'connector.db'), { readOnly: true })
  try {
    return database.prepare(statement).all()
  } finally {
    database.close()
  }
}

async function readAdmin(
  { dataDir }: QueueSite,
  { adminEvents }: QueueStory,
): Promise<readonly EventRecord[]> {
  const wanted: readonly number[] = Object.values(adminEvents)
  const all = await readEvents(join(dataDir, 'logs'), {
    channel: 'admin',
    limit: Number.MAX_SAFE_INTEGER,
  })
  return all.filter(({ eventId }) => wanted.includes(eventId))
}

function hashOf(requestContext: string): string {
  return createHash('sha256').update(requestContext).digest('hex')
}
