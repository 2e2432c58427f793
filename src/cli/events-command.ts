import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { InvalidArgumentError } from 'commander'
import {
  type Channel,
  type EventQuery,
  type EventRecord,
  encodeRecord,
  followEvents,
  formatRecord,
  readEvents,
} from '../events/index.ts'
import { ConnectorError } from '../kernel/index.ts'
import { findConfiguration } from './configuration.ts'

interface EventsOptions {
  readonly follow?: boolean
  readonly id?: number
  readonly transaction?: string
  readonly channel?: Channel
  readonly since?: Date
  readonly limit: number
  readonly json?: boolean
}

/** `certconnector events`: reads the admin and the operational log, also of a connector that runs. */
export function addEventsCommand(program: Command): void {
  program
    .command('events')
    .description('show what happened, from the admin and the operational log')
    .option('-f, --follow', 'go on with what happens from now on, until interrupted')
    .option('--id <id>', 'only events with this ID', parseCount)
    .option('--transaction <transactionId>', 'only events of this SCEP transaction')
    .option('--channel <channel>', 'admin or operational', parseChannel)
    .option('--since <time>', 'only from this time on, ISO 8601', parseTime)
    .option('--limit <count>', 'at most so many, the youngest', parseCount, 200)
    .option('--json', 'one JSON line an event, as in the file')
    .action(async (options: EventsOptions, command: Command) => {
      const { configuration } = findConfiguration(command)
      const directory = resolve(configuration.dataDir, 'logs')
      if (!existsSync(directory) && options.follow !== true)
        throw new ConnectorError(
          'store/unavailable',
          `${directory} does not exist; give --config, or run the command where the connector runs`,
        )
      const print = (record: EventRecord): void => {
        process.stdout.write(
          `${options.json === true ? encodeRecord(record) : formatRecord(record)}\n`,
        )
      }
      const query = {
        channel: options.channel,
        id: options.id,
        transactionId: options.transaction,
        since: options.since,
      }
      if (options.follow === true) {
        await follow(directory, { ...query, limit: options.limit }, print)
        return
      }
      const found = await readEvents(directory, { ...query, limit: options.limit })
      for (const record of found) print(record)
      if (found.length === 0) process.stderr.write(`no such event in ${directory}\n`)
    })
}

/** What is there, then what comes, until the process is asked to end. None is missed and none is shown twice. */
async function follow(
  directory: string,
  query: EventQuery & { readonly limit: number },
  print: (record: EventRecord) => void,
): Promise<void> {
  const ending = new AbortController()
  process.once('SIGINT', () => ending.abort())
  process.once('SIGTERM', () => ending.abort())
  const coming = followEvents(directory, { ...query, signal: ending.signal })
  // Following begins before reading: what is written in between comes by both ways.
  const first = coming.next()
  const found = await readEvents(directory, query)
  for (const record of found) print(record)
  const shown = new Set(found.map(encodeRecord))
  for (let next = await first; next.done !== true; next = await coming.next())
    if (!shown.has(encodeRecord(next.value))) print(next.value)
}

function parseCount(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('expected a number')
  return Number(text)
}

function parseChannel(text: string): Channel {
  if (text !== 'admin' && text !== 'operational')
    throw new InvalidArgumentError('expected admin or operational')
  return text
}

function parseTime(text: string): Date {
  const time = new Date(text)
  if (Number.isNaN(time.getTime()))
    throw new InvalidArgumentError('expected a time such as 2026-11-22T03:00Z')
  return time
}
