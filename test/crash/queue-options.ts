import { parseArgs } from 'node:util'
import { readCount } from './options.ts'
import { type StoryName, storyNames } from './queue-stories.ts'

/** How many items two connectors share, and how hard they are treated. */
export interface QueueOptions {
  readonly story: StoryName
  readonly items: number
  /** How often one of the two is killed. */
  readonly kills: number
  /** Repeats the choices of a run: whom, when, faults, jumps of the clock. Not the timing of the machine. */
  readonly seed: number
  /** The whole run ends after this, as a violation. */
  readonly maxMinutes: number
  /** Keeps the data folders, for a look at what happened. */
  readonly keep: boolean
}

export const queueUsage = `node test/crash/queues.ts [options]
  --story <name>      ${storyNames.join(' or ')}; default revocation
  --items <n>         items in the queue; default 500
  --kills <n>         how often one of the two connectors is killed; default 20
  --seed <n>          repeats the choices of a run; default by the clock
  --max-minutes <n>   default 15
  --keep              keeps the data folders and says where they are`

/**
 * Reads the arguments.
 *
 * @throws TypeError an argument is unknown or out of range; the message says which
 */
export function parseQueueOptions(args: readonly string[]): QueueOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      story: { type: 'string', default: 'revocation' },
      items: { type: 'string', default: '500' },
      kills: { type: 'string', default: '20' },
      seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
      'max-minutes': { type: 'string', default: '15' },
      keep: { type: 'boolean', default: false },
    },
  })
  const story = storyNames.find((name) => name === values.story)
  if (story === undefined)
    throw new TypeError(`--story ${values.story} is none of ${storyNames.join(', ')}`)
  return {
    story,
    items: readCount('--items', values.items, 1, 50_000),
    kills: readCount('--kills', values.kills, 0, 10_000),
    seed: readCount('--seed', values.seed, 0, 2 ** 32 - 1),
    maxMinutes: readCount('--max-minutes', values['max-minutes'], 1, 600),
    keep: values.keep,
  }
}
