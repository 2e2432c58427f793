import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import {
  createJournal,
  type EventRecord,
  type EventSink,
  events,
  type JournalIdentity,
} from '../../../src/events/index.ts'

export const identity: JournalIdentity = {
  connectorId: 'c-1',
  connectorName: 'test',
  connectorVersion: '0.0.0',
  machineName: 'machine',
}

/** A folder of its own for each test, deleted afterwards. */
export async function makeDirectory(context: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'events-'))
  context.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** A clock that stands still until it is moved. */
export function makeClock(start = '2026-11-22T21:45:01.123Z') {
  let at = new Date(start).getTime()
  return {
    now: () => new Date(at),
    advance: (ms: number) => {
      at += ms
    },
  }
}

/** Keeps records in memory. */
export function makeMemorySink(): EventSink & { readonly records: EventRecord[] } {
  const records: EventRecord[] = []
  return {
    records,
    write: (record) => {
      records.push(record)
    },
    flush: async () => undefined,
    close: async () => undefined,
  }
}

/** A record as the journal makes it. */
export function makeRecord(
  fields: { transactionId?: string; detail?: string } = {},
  event: (typeof events)[keyof typeof events] = events.ScepRequestReceived,
  clock = makeClock(),
): EventRecord {
  const sink = makeMemorySink()
  createJournal({ identity, sinks: [sink], clock }).record(event, fields)
  const [record] = sink.records
  if (record === undefined) throw new TypeError('the journal wrote nothing')
  return record
}
