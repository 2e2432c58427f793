import type { CertificationRequest } from '../../pki/index.ts'

type Pairs = CertificationRequest['nameValuePairs']

const DAY_MS = 86_400_000

/**
 * When a certificate shall end that is asked for by the pair ValidityPeriod (Days, Weeks, Months, Years) and
 * ValidityPeriodUnits (how many), counted from `from`. Android exchanges the two, which is put right here.
 *
 * @returns undefined when nothing is asked for; `malformed` when something is that cannot be understood
 * @see REQ-116 to 118; whoever asks limits the answer
 */
export function findRequestedEnd(pairs: Pairs, from: Date): Date | 'malformed' | undefined {
  const period = findValue(pairs, 'validityperiod')
  const units = findValue(pairs, 'validityperiodunits')
  if (period === undefined && units === undefined) return undefined
  const isExchanged = /^\d+$/.test(period ?? '')
  const word = (isExchanged ? units : period)?.toLowerCase()
  const digits = (isExchanged ? period : units) ?? ''
  const count = /^\d{1,4}$/.test(digits) ? Number(digits) : 0
  if (count === 0 || word === undefined) return 'malformed'
  switch (word) {
    case 'days':
      return new Date(from.getTime() + count * DAY_MS)
    case 'weeks':
      return new Date(from.getTime() + count * 7 * DAY_MS)
    case 'months':
      return addMonths(from, count)
    case 'years':
      return addMonths(from, count * 12)
    default:
      return 'malformed'
  }
}

function findValue(pairs: Pairs, name: string): string | undefined {
  return pairs.find((pair) => pair.name.toLowerCase() === name)?.value.trim()
}

/** The same day of a later month, or its last one: a month from 31 January ends in February. */
export function addMonths(from: Date, count: number): Date {
  const end = new Date(from)
  end.setUTCMonth(end.getUTCMonth() + count)
  if (end.getUTCDate() !== from.getUTCDate()) end.setUTCDate(0)
  return end
}
