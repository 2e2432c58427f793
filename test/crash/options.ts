import { parseArgs } from 'node:util'

/** How hard the connector is treated, and for how long. */
export interface CrashOptions {
  readonly kills: number
  /** Before them: how often the first start of all, which makes every key, is cut off. */
  readonly firstStartKills: number
  /** Repeats the choices of a run: moments, faults, which request is sent again. Not the timing of the machine. */
  readonly seed: number
  /** Clients that enrol at the same time. */
  readonly parallel: number
  /** The whole run ends after this, as a violation. */
  readonly maxMinutes: number
  /** Keeps the data folder, for a look at what happened. */
  readonly keep: boolean
}

export const usage = `node test/crash/kill.ts [options]
  --kills <n>         how often the connector is killed; default 50
  --first-kills <n>   how often the first start is cut off; default 4
  --seed <n>          repeats the choices of a run; default by the clock
  --parallel <n>      clients at the same time; default 8
  --max-minutes <n>   default 10
  --keep              keeps the data folder and says where it is`

/**
 * Reads the arguments.
 *
 * @throws TypeError an argument is unknown or out of range; the message says which
 */
export function parseOptions(args: readonly string[]): CrashOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      kills: { type: 'string', default: '50' },
      'first-kills': { type: 'string', default: '4' },
      seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
      parallel: { type: 'string', default: '8' },
      'max-minutes': { type: 'string', default: '10' },
      keep: { type: 'boolean', default: false },
    },
  })
  return {
    kills: readCount('--kills', values.kills, 1, 10_000),
    firstStartKills: readCount('--first-kills', values['first-kills'], 0, 1000),
    seed: readCount('--seed', values.seed, 0, 2 ** 32 - 1),
    parallel: readCount('--parallel', values.parallel, 1, 64),
    maxMinutes: readCount('--max-minutes', values['max-minutes'], 1, 600),
    keep: values.keep,
  }
}

/** @throws TypeError naming the option */
export function readCount(name: string, text: string, least: number, most: number): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isSafeInteger(value) && value >= least && value <= most)
    return value
  throw new TypeError(`${name} ${text}: not a whole number from ${least} to ${most}`)
}
