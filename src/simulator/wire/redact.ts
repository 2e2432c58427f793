import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Answer, Call } from './answer.ts'
import { parseBodyText } from './body-text.ts'

/** Stands where a secret stood. */
const redacted = '[redacted]'

/** Members that are never shown, in requests and answers, whatever they hold. */
const secretName = /secret|assertion(?!_type)|token$|password|challenge/i

/** Header names whose values are never shown. */
const secretHeader = /auth|cookie|secret|token|key|password/i

/** Longer texts are shown as their hash: the CSR holds the challenge, and nothing else that is long is worth reading. */
const maxShownCharacters = 1000
const maxDepth = 8

/** Bodies that stay longer than this are shown as their hash, so that 10,000 of them fit into memory. */
const maxShownJsonCharacters = 8192

/** A text that is not shown: enough to compare it with one that the reader has. */
export interface HiddenText {
  readonly sha256: string
  readonly length: number
}

/** Headers as received, without secrets. */
export function redactHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const shown: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    const text = Array.isArray(value) ? value.join(', ') : (value ?? '')
    shown[name] = secretHeader.test(name) ? redacted : text.slice(0, maxShownCharacters)
  }
  return shown
}

/** Path and query without secrets, for those who put them there by mistake. */
export function redactUrl({ path, query }: Call): string {
  const shown = new URLSearchParams()
  for (const [name, value] of query) shown.append(name, secretName.test(name) ? redacted : value)
  const text = shown.size === 0 ? path : `${path}?${shown.toString()}`
  return text.slice(0, maxShownCharacters)
}

/**
 * A request body for people: a form or JSON as an object without secrets, the CSR as its SHA-256 and length. A body
 * that can be read as neither is shown as its hash only.
 */
export function redactBody({ headers, body }: Call): unknown {
  if (body.byteLength === 0) return null
  const text = parseBodyText(body)
  if (headers['content-type']?.startsWith('application/x-www-form-urlencoded')) {
    return showJson(Object.fromEntries(new URLSearchParams(text)))
  }
  try {
    return showJson(JSON.parse(text))
  } catch {
    // Nobody can say where the secrets are in it.
    return hide(text)
  }
}

/** An answer for people, without tokens. */
export function redactAnswer({ status, headers, json, text }: Answer): unknown {
  return {
    status,
    headers: headers ?? {},
    body: json === undefined ? (text?.slice(0, maxShownCharacters) ?? null) : showJson(json),
  }
}

function showJson(value: unknown): unknown {
  const shown = redactJson(value)
  const text = JSON.stringify(shown)
  return text.length > maxShownJsonCharacters ? hide(text) : shown
}

function redactJson(value: unknown, name = '', depth = 0): unknown {
  if (name === 'certificateRequest') return hide(typeof value === 'string' ? value : '')
  if (typeof value === 'string') {
    if (secretName.test(name)) return redacted
    return value.length > maxShownCharacters ? hide(value) : value
  }
  if (typeof value !== 'object' || value === null) return value
  if (depth === maxDepth) return redacted
  if (Array.isArray(value)) return value.map((entry) => redactJson(entry, name, depth + 1))
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [key, redactJson(entry, key, depth + 1)]),
  )
}

function hide(text: string): HiddenText {
  return { sha256: createHash('sha256').update(text).digest('hex'), length: text.length }
}
