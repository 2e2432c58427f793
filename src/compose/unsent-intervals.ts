import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { UnsentIntervals } from '../connector/index.ts'
import { writePrivateFile } from '../keys/index.ts'
import type { HealthInterval } from '../management/index.ts'

/** A day of all metrics takes a fifth of it. */
const MAX_CHARACTERS = 4 * 1024 * 1024

/** Keeps intervals in one file. One that cannot be read is begun anew: figures are not worth a start that fails. */
export function openUnsentIntervals(file: string): UnsentIntervals {
  let isEmpty = !existsSync(file)
  return {
    async load() {
      if (isEmpty) return []
      try {
        const text = await readFile(file, 'utf8')
        return text.length > MAX_CHARACTERS ? [] : parseIntervals(text)
      } catch {
        return []
      }
    },
    async save(intervals) {
      if (isEmpty && intervals.length === 0) return
      await writePrivateFile(file, new TextEncoder().encode(`${JSON.stringify(intervals)}\n`))
      isEmpty = intervals.length === 0
    },
  }
}

function parseIntervals(text: string): readonly HealthInterval[] {
  const parsed = JSON.parse(text) as readonly (HealthInterval & { from: string; to: string })[]
  return parsed.map((interval) => ({
    ...interval,
    from: new Date(interval.from),
    to: new Date(interval.to),
  }))
}
