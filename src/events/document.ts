import { catalogue, formatEventId } from './catalogue.ts'
import { commonFields, eventFields } from './fields.ts'
import type { EventDefinition } from './types.ts'

/** The whole of docs/events.md, in Markdown. A test holds the file to it. */
export function describeEvents(): string {
  const microsoft = catalogue.filter((event) => event.id >= 1000)
  const own = catalogue.filter((event) => event.id < 1000)
  const names = Object.entries(eventFields)
  const groups = [...new Set(names.map(([, field]) => field.group))]
  const sections = [
    '# Events',
    '<!-- Generated from src/events by `npm run docs`. Do not edit. -->',
    [
      'Events go to two channels, as with Microsoft’s connector: **admin** holds exactly one event a request, its outcome;',
      '**operational** holds the steps on the way. Each is a file of JSON lines under `logs/` in the data directory',
      '(`admin.jsonl`, `operational.jsonl`), archived to `name-YYYYMMDDThhmmssZ.jsonl.gz` when it is full.',
      'IDs, names and fields are public contract: they are never given another meaning.',
    ].join('\n'),
    '## Events of Microsoft’s connector',
    [
      'IDs, names, channels and task categories are as Microsoft publishes them, irregularities included: 4000 is',
      '`ScrepRequestSuccess` (in code also `ScepRequestSuccess`), downloads of imports are 2202 and 2203, 3051 is final while',
      '3052 is tried again, and 1251 comes before 1250 in time. Levels are ours, because Microsoft publishes none.',
      '[event-stories.md](event-stories.md) names the tests that produce each, and those that nothing produces yet.',
    ].join('\n'),
    describeTable(microsoft),
    '## Events of this connector',
    'IDs below 1000 belong to no scenario; Microsoft publishes none in that range.',
    describeTable(own),
    '## Fields',
    [
      'Every record has the common fields; an event has those of the others that are known at that moment. No field ever',
      'holds a challenge, password, token, key or CSR. Texts are cut at 2048 octets, and control characters become spaces.',
    ].join('\n'),
    '### Common',
    [
      '| field | meaning |',
      '| --- | --- |',
      ...Object.entries(commonFields).map(([name, meaning]) => `| \`${name}\` | ${meaning} |`),
    ].join('\n'),
    ...groups.flatMap((group) => [
      `### ${group}`,
      [
        '| field | type | meaning |',
        '| --- | --- | --- |',
        ...names
          .filter(([, field]) => field.group === group)
          .map(([name, field]) => `| \`${name}\` | ${field.kind} | ${field.meaning} |`),
      ].join('\n'),
    ]),
  ]
  return `${sections.join('\n\n')}\n`
}

function describeTable(events: readonly EventDefinition[]): string {
  return [
    '| ID | name | channel | task category | level | meaning |',
    '| --- | --- | --- | --- | --- | --- |',
    ...events.map(
      (event) =>
        `| ${formatEventId(event.id)} | ${event.name} | ${event.channel} | ${event.taskCategory} | ${event.level} | ${event.message} |`,
    ),
  ].join('\n')
}
