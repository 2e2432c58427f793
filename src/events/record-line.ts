import { commonFields, eventFields } from './fields.ts'
import type { EventFields, EventRecord } from './types.ts'

/** Longest line that is read back, in characters. Longer ones were not written by us. */
export const maxLineLength = 256 * 1024

const timeFields = Object.keys(eventFields).filter(
  (name) => eventFields[name as keyof EventFields].kind === 'time',
)
const requiredText = ['eventName', 'channel', 'level', 'taskCategory', 'message'] as const

// Encoding is the dearest part of recording, and every sink asks for the same line, one after the other.
let last: { readonly record: EventRecord; readonly line: string } | undefined

/** One JSON object without a line feed at its end. The fields stand as the journal puts them: common ones first. */
export function encodeRecord(record: EventRecord): string {
  if (last?.record === record) return last.line
  const line = JSON.stringify(record)
  last = { record, line }
  return line
}

/**
 * Reads what `encodeRecord` writes. Fields that this version does not know are left out.
 *
 * @returns undefined for anything else: a torn line, a foreign one
 */
export function parseRecord(line: string): EventRecord | undefined {
  if (line.length > maxLineLength || !line.startsWith('{')) return undefined
  const raw = parseObject(line)
  if (raw === undefined) return undefined
  const timestamp = parseTime(raw['timestamp'])
  if (timestamp === undefined || typeof raw['eventId'] !== 'number') return undefined
  if (requiredText.some((name) => typeof raw[name] !== 'string')) return undefined
  const record: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(raw)) {
    if (Object.hasOwn(eventFields, name) || Object.hasOwn(commonFields, name)) record[name] = value
  }
  record['timestamp'] = timestamp
  for (const name of timeFields) {
    if (record[name] !== undefined) record[name] = parseTime(record[name])
  }
  // Identity, channel and level were checked as far as readers rely on them; the rest is display.
  return record as unknown as EventRecord
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    // A line that was torn by a crash is no failure: the reader goes on with the next one.
    return undefined
  }
}

function parseTime(value: unknown): Date | undefined {
  if (typeof value !== 'string') return undefined
  const time = new Date(value)
  return Number.isNaN(time.getTime()) ? undefined : time
}
