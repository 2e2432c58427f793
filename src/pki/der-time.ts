import { checkedTag, type DerElement, malformed, TAG } from './der-reader.ts'

/**
 * UTCTime or GeneralizedTime, with or without seconds, in Zulu time or with an offset (REQ-80).
 *
 * @throws ConnectorError `pki/malformed`
 * @see RFC 5280, section 4.1.2.5: two-digit years below 50 are in this century
 */
export function parseTime(element: DerElement, what: string): Date {
  const isLong = element.tag === TAG.generalizedTime
  if (!isLong) checkedTag(element, TAG.utcTime, what)
  const octets = element.value
  const text =
    octets.length <= 32
      ? Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('latin1')
      : ''
  const match = (isLong ? longTime : shortTime).exec(text)
  if (match === null) throw malformed(`${what} is no time`)
  const part = (index: number): number => Number(match[index] ?? 0)
  const year = isLong ? part(1) : part(1) + (part(1) < 50 ? 2000 : 1900)
  const [month, day, hour, minute, second] = [part(2), part(3), part(4), part(5), part(6)]
  const local = Date.UTC(year, month - 1, day, hour, minute, second)
  const date = new Date(year < 100 ? new Date(local).setUTCFullYear(year) : local)
  const isReal =
    date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60
  if (!isReal || second > 60) throw malformed(`${what} is not on the calendar`)
  const offset = (part(9) * 60 + part(10)) * 60_000
  return new Date(date.getTime() + (match[8] === '-' ? offset : -offset))
}

const shortTime = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?()(?:Z|([+-])(\d\d)(\d\d))$/
const longTime = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?([.,]\d{1,9})?(?:Z|([+-])(\d\d)(\d\d))?$/
