const MAX_WAIT_MS = 24 * 3_600_000

/**
 * Reads the header `Retry-After`: whole seconds or an HTTP date.
 *
 * @returns milliseconds from `now`, 0 for a date in the past, at most a day; undefined when absent or unreadable
 * @see RFC 9110, section 10.2.3
 */
export function parseRetryAfter(value: string | undefined, now: Date): number | undefined {
  const text = value?.trim()
  if (text === undefined || text === '') return undefined
  if (/^\d{1,9}$/.test(text)) return Math.min(Number(text) * 1000, MAX_WAIT_MS)
  // Date.parse reads far more than HTTP dates, '12' among them: only weekday names begin one.
  const at = /^[A-Za-z]{3,9},? /.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(at) ? undefined : Math.min(Math.max(at - now.getTime(), 0), MAX_WAIT_MS)
}
