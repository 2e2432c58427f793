import { eventFields, type FieldKind } from './fields.ts'
import type { EventFields } from './types.ts'

/** Longest text of one field, in octets of UTF-8. */
const maxTextBytes = 2048

const placeholder = '[redacted]'

// Control characters of C0 and C1, line and paragraph separators, and marks that turn the direction of text.
const controls =
  // oxlint-disable-next-line no-control-regex -- control characters are what this looks for
  /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g

const secrets: readonly { readonly pattern: RegExp; readonly replacement: string }[] = [
  {
    pattern: /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*-----|$)/g,
    replacement: placeholder,
  },
  { pattern: /\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi, replacement: `$1 ${placeholder}` },
  { pattern: /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_.-]*/g, replacement: placeholder },
  {
    pattern:
      /\b((?:client_?secret|client_assertion|access_token|refresh_token|pass(?:word|phrase|wd)?|challenge(?:password)?|secret|api_?key)["']?\s*[=:]\s*["']?)[^\s"',;&]+/gi,
    replacement: `$1${placeholder}`,
  },
  { pattern: /\/\/[^\s/@]+:[^\s/@]+@/g, replacement: `//${placeholder}@` },
]

// Challenges, requests and keys are long runs of base64; nothing that an operator reads is.
const shortestRun = 128
const longRun = /[A-Za-z0-9+/_-]{128,}={0,2}/g

// Every pattern above needs one of these. Most text has none, and one look is cheaper than five.
const suspicious = /PRIVATE KEY|eyJ|bearer|basic|token|secret|pass|challenge|api_?key|assertion|@/i
const plain = /^[\x20-\x7e]*$/

/**
 * Makes text fit for one line of a log: no control characters, nothing that looks like a secret, at most 2 KiB.
 *
 * The last line of defence: callers do not pass secrets. It knows private keys, tokens, credentials in URLs, named
 * passwords and long base64; a short secret without a name it cannot know.
 */
export function redactText(text: string): string {
  let clean = text.length > maxTextBytes ? text.slice(0, maxTextBytes) : text
  if (!plain.test(clean)) clean = clean.toWellFormed().replace(controls, ' ')
  if (suspicious.test(clean)) {
    for (const { pattern, replacement } of secrets) clean = clean.replace(pattern, replacement)
  }
  if (clean.length >= shortestRun) clean = clean.replace(longRun, placeholder)
  return cutText(clean, text.length > maxTextBytes)
}

const kinds: ReadonlyMap<string, FieldKind> = new Map(
  Object.entries(eventFields).map(([name, { kind }]) => [name, kind]),
)

/** What may be written of an event's fields, and the names of those that may not. */
export interface CleanFields {
  readonly fields: EventFields
  readonly refused: readonly string[]
}

/**
 * Keeps the fields of the schema whose values have the right type; refuses all others by name. Undefined is left out.
 * A number that is not finite and a date that is none are refused.
 */
export function redactFields(fields: EventFields): CleanFields {
  const clean: Record<string, unknown> = {}
  const refused: string[] = []
  for (const [name, value] of Object.entries(fields) as [string, unknown][]) {
    if (value === undefined) continue
    const kind = kinds.get(name)
    if (kind !== undefined && hasKind(value, kind)) {
      clean[name] = typeof value === 'string' ? redactText(value) : value
    } else {
      refused.push(/^\w{1,40}$/.test(name) ? name : '?')
    }
  }
  return { fields: clean, refused }
}

function hasKind(value: unknown, kind: FieldKind): boolean {
  switch (kind) {
    case 'text':
      return typeof value === 'string'
    case 'number':
      return typeof value === 'number' && Number.isFinite(value)
    case 'boolean':
      return typeof value === 'boolean'
    case 'time':
      return value instanceof Date && !Number.isNaN(value.getTime())
  }
}

function cutText(clean: string, wasCut: boolean): string {
  // No character takes more than three octets for each of its UTF-16 units.
  if (!wasCut && clean.length * 3 <= maxTextBytes) return clean
  const bytes = Buffer.from(clean, 'utf8')
  if (!wasCut && bytes.byteLength <= maxTextBytes) return clean
  // Three octets are kept for the mark; a character that was cut in half is dropped.
  const head = bytes.subarray(0, maxTextBytes - 3).toString('utf8')
  return `${head.replace(/\uFFFD+$/, '')}…`
}
