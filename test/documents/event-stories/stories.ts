import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { catalogue, events } from '../../../src/events/index.ts'

const root = join(import.meta.dirname, '../../..')

/** A test whose name says which of Microsoft's events it asserts. */
export interface Story {
  readonly eventId: number
  /** Path from the root of the project. */
  readonly file: string
  /** The claim, without the numbers. */
  readonly claim: string
  /** Whether the file asserts the event anywhere but in names: by its number, or by its name in code. */
  readonly isAsserted: boolean
}

/** Microsoft's events, by rising ID. */
export const published = catalogue.filter(({ id }) => id >= 1000)

/** The literal name of a test that holds `event 3052: …` or `events 3020, 3050: …`. A skipped or planned one tells nothing. */
const namePattern =
  /\btest(\.skip|\.todo)?\(\s*(['"`])((?:(?!\2).)*?\bevents? (\d{4}(?:, \d{4})*): (?:(?!\2).)*)\2/gs

/** Reads the names of all tests. */
export function listStories(): readonly Story[] {
  return readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(?:test|suite)\.ts$/.test(name))
    .sort()
    .flatMap((name) => listStoriesOf(join(root, 'test', name)))
}

function listStoriesOf(file: string): readonly Story[] {
  const text = readFileSync(file, 'utf8')
  const asserted = text.replaceAll(namePattern, '')
  return [...text.matchAll(namePattern)].flatMap(([, skipped, , name = '', numbers = '']) =>
    skipped === undefined
      ? numbers.split(', ').map((number) => ({
          eventId: Number(number),
          file: relative(root, file),
          claim: claimOf(name),
          isAsserted: isIn(asserted, Number(number)),
        }))
      : [],
  )
}

/** Without numbers of events and requirements. */
function claimOf(name: string): string {
  return name
    .replace(/\bevents? \d{4}(?:, \d{4})*: /, '')
    .replace(/^REQ-\d+(?:, (?:REQ-)?\d+)*: /, '')
    .replaceAll(/\s+/g, ' ')
}

function isIn(text: string, id: number): boolean {
  const names = Object.entries(events).flatMap(([name, event]) => (event.id === id ? [name] : []))
  return [`\\b${id}\\b`, ...names.map((name) => `\\bevents\\.${name}\\b`)].some((pattern) =>
    new RegExp(pattern).test(text),
  )
}

/** The published events that no test produces, by number and name. */
export function listUntold(stories: readonly Story[]): readonly string[] {
  const told = new Set(stories.map(({ eventId }) => eventId))
  return published.filter(({ id }) => !told.has(id)).map(({ id, name }) => `${id} ${name}`)
}

/**
 * docs/event-stories.md: each published event with the tests that produce it.
 *
 * @throws Error naming the events that have none
 */
export function renderStories(stories: readonly Story[]): string {
  const untold = listUntold(stories)
  if (untold.length > 0) throw new Error(`no test tells of ${untold.join(', ')}`)
  const told = Map.groupBy(stories, ({ eventId }) => eventId)
  return [
    '# Which test produces which event',
    '',
    'Generated from the names of the tests by `npm run docs`; a test fails when this page is not what they say. A name says',
    '`event 3052: …` or `events 3020, 3050: …`, and the file must assert each of them. Run the stories of one event:',
    '',
    '```sh',
    "npx node --test --test-name-pattern='events? [0-9, ]*3052' 'test/**/*.test.ts'",
    '```',
    '',
    'Admin events end a request or an item, and there is exactly one for each: the stories over HTTP look at their whole log for that',
    '(`test/support/admin-once.ts`), and so does `node test/crash/queues.ts` with two connectors on one queue.',
    '',
    `Each of the ${published.length} published events has a story.`,
    '',
    '| ID | Name | Channel | Stories |',
    '| --- | --- | --- | --- |',
    ...published.map(
      ({ id, name, channel }) =>
        `| ${id} | ${name} | ${channel} | ${(told.get(id) ?? []).map(cellOf).join('<br>')} |`,
    ),
    '',
  ].join('\n')
}

function cellOf({ file, claim }: Story): string {
  return `\`${file}\`: ${claim.replaceAll('|', '\\|')}`
}
