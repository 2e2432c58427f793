import * as z from 'zod'
import { type ConfigurationKey, environmentName, unwrap } from './key-list.ts'
import { formatPath, type Problem } from './problem.ts'
import { putRaw, type RawObject, type RawPath } from './raw-tree.ts'
import { findSimilar } from './suggestion.ts'

/** Read by commands, not by the schema. */
const otherNames = new Set(['CONNECTOR_CONFIG'])

/** Where the environment has put values. */
export interface EnvironmentSource {
  readonly path: RawPath
  readonly name: string
}

/**
 * Lays the `CONNECTOR_` variables over a tree: one key each, or a whole list or map as JSON. Empty variables count as unset.
 *
 * @returns what was put where, and variables that are no key or cannot be read; values are not repeated
 */
export function applyEnvironment(
  raw: RawObject,
  environment: Readonly<Record<string, string | undefined>>,
  keys: readonly ConfigurationKey[],
): { readonly sources: readonly EnvironmentSource[]; readonly problems: readonly Problem[] } {
  const sources: EnvironmentSource[] = []
  const problems: Problem[] = []
  const known = compileNames(keys)
  // Whole lists before their elements, and elements in order: each index may add one.
  const names = Object.keys(environment)
    .filter((name) => name.startsWith('CONNECTOR_') && !otherNames.has(name))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))

  for (const name of names) {
    const value = environment[name]
    if (value === undefined || value === '') continue
    const match = findKey(name, known)
    if (match === undefined) {
      problems.push(describeUnknown(name, keys))
      continue
    }
    const { key, path } = match
    const parsed = parseValue(value, key)
    if (parsed.kind === 'unreadable') {
      problems.push({
        path: formatPath(path),
        environment: name,
        found: key.notes.isSecret === true ? '[secret]' : 'not readable as JSON',
        expected: key.kind === 'list' ? 'a JSON list' : 'JSON',
        remedy: 'quote the JSON for the shell',
      })
    } else if (putRaw(raw, path, parsed.value)) {
      sources.push({ path, name })
    } else {
      problems.push({
        path: formatPath(path),
        environment: name,
        found: 'an index that skips elements',
        expected: 'the next index of the list, counted from 0',
        remedy: 'number the elements without gaps',
      })
    }
  }
  return { sources, problems }
}

interface CompiledName {
  readonly key: ConfigurationKey
  readonly pattern: RegExp
}

function compileNames(keys: readonly ConfigurationKey[]): readonly CompiledName[] {
  const compiled: CompiledName[] = []
  for (const key of keys) {
    const name = environmentName(key.path)
    compiled.push({ key, pattern: new RegExp(`^${name.replaceAll('_n', '_(\\d{1,2})')}$`) })
  }
  return compiled
}

function findKey(
  name: string,
  known: readonly CompiledName[],
): { readonly key: ConfigurationKey; readonly path: RawPath } | undefined {
  for (const { key, pattern } of known) {
    if (key.kind === 'section') continue
    const match = pattern.exec(name)
    if (match === null) continue
    let index = 0
    const path = key.path.map((step) => (step === '[]' ? Number(match[++index]) : step))
    return { key, path }
  }
  return undefined
}

type Parsed = { readonly kind: 'value'; readonly value: unknown } | { readonly kind: 'unreadable' }

/** Text as the key's type reads it. What does not fit stays text, for the schema to report. */
function parseValue(text: string, key: ConfigurationKey): Parsed {
  if (key.notes.isSecret === true) return { kind: 'value', value: text }
  if (key.kind === 'list') return parseJson(text)
  return parseAs(text, key.schema)
}

function parseAs(text: string, schema: z.core.$ZodType): Parsed {
  const inner = unwrap(schema).schema
  if (inner instanceof z.ZodNumber) {
    return { kind: 'value', value: /^-?\d{1,15}$/.test(text) ? Number(text) : text }
  }
  if (inner instanceof z.ZodBoolean) {
    return { kind: 'value', value: parseBoolean(text) ?? text }
  }
  if (inner instanceof z.ZodRecord) return parseJson(text)
  if (inner instanceof z.ZodArray) return parseList(text, inner.element)
  if (inner instanceof z.ZodUnion) return parseAlternatives(text, inner.options)
  return { kind: 'value', value: text }
}

/** JSON, or the elements with commas between them. */
function parseList(text: string, element: z.core.$ZodType): Parsed {
  if (text.trimStart().startsWith('[')) return parseJson(text)
  const parts = text.split(',').map((part) => parseAs(part.trim(), element))
  return {
    kind: 'value',
    value: parts.map((part) => (part.kind === 'value' ? part.value : undefined)),
  }
}

function parseAlternatives(text: string, options: readonly z.core.$ZodType[]): Parsed {
  for (const option of options) {
    const inner = unwrap(option).schema
    const candidate =
      inner instanceof z.ZodLiteral
        ? ({ kind: 'value', value: parseBoolean(text) ?? text } as const)
        : parseAs(text, option)
    if (candidate.kind === 'value' && z.safeParse(option, candidate.value).success) return candidate
  }
  return { kind: 'value', value: text }
}

function parseBoolean(text: string): boolean | undefined {
  if (text === 'true') return true
  return text === 'false' ? false : undefined
}

function parseJson(text: string): Parsed {
  try {
    return { kind: 'value', value: JSON.parse(text) as unknown }
  } catch {
    // Becomes a problem at the caller, without the text: it may hold a secret.
    return { kind: 'unreadable' }
  }
}

function describeUnknown(name: string, keys: readonly ConfigurationKey[]): Problem {
  const names = keys
    .filter((key) => key.kind !== 'section')
    .map((key) => environmentName(key.path).replaceAll('_n', '_0'))
  const similar = findSimilar(name, names)
  return {
    path: '',
    environment: name,
    found: 'a variable that is no key',
    expected: 'CONNECTOR_ and the path of a key',
    remedy: similar === undefined ? 'remove it' : `did you mean ${similar}?`,
  }
}
