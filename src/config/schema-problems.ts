import type * as z from 'zod'
import { type ConfigurationKey, describeType, environmentName } from './key-list.ts'
import { formatFound, formatPath, type Problem } from './problem.ts'
import { findRaw, isRawObject, type RawObject, type RawPath } from './raw-tree.ts'
import { findSimilar } from './suggestion.ts'

type Issue = z.core.$ZodIssue

/** Says what the schema found, in the words of the configuration. No value of a secret, and none of an unknown key. */
export function describeIssues(
  issues: readonly Issue[],
  raw: RawObject,
  keys: readonly ConfigurationKey[],
): readonly Problem[] {
  return issues.flatMap((issue) => {
    const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)))
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => describeUnknownKey([...path, key], raw, keys))
    }
    return [describeValue(issue, path, raw, keys)]
  })
}

function describeValue(
  issue: Issue,
  path: RawPath,
  raw: RawObject,
  keys: readonly ConfigurationKey[],
): Problem {
  const key = findKey(path, keys)
  const value = findRaw(raw, path)
  const isSecret = key?.notes.isSecret === true
  return {
    path: formatPath(path),
    found: isSecret && value !== undefined ? '[secret]' : formatFoundValue(value, key),
    expected: describeExpectation(issue, path, key),
    remedy: describeRemedy(path, value, key),
  }
}

function describeExpectation(
  issue: Issue,
  path: RawPath,
  key: ConfigurationKey | undefined,
): string {
  if (key === undefined) return issue.message
  if (key.notes.isSecret === true) return 'no secret in the configuration file'
  const expected = describeType(key.schema, key.notes)
  // Rules of our own say more than the type, unless the type was written to say it.
  const isElement = key.path.length < path.length
  const saysMore = issue.code === 'custom' && (isElement || key.notes.type === undefined)
  return saysMore ? `${expected} (${issue.message})` : expected
}

function describeRemedy(path: RawPath, value: unknown, key: ConfigurationKey | undefined): string {
  if (key === undefined) return 'see docs/configuration.md'
  const name = String(path.at(-1))
  if (key.notes.isSecret === true) {
    return `write it into a file and name that in ${name}File, or set ${environmentName(path)}`
  }
  if (name === 'url' && path[0] === 'proxy' && typeof value === 'string') {
    if (value.includes('@')) return 'move the credentials to proxy.username and proxy.passwordFile'
    if (!value.includes('://')) return `write the scheme as well: http://${value.slice(0, 60)}`
  }
  if (key.notes.example === undefined) return 'see docs/configuration.md'
  return value === undefined
    ? `add it, for example ${name}: ${key.notes.example}`
    : `write for example ${key.notes.example}`
}

function describeUnknownKey(
  path: RawPath,
  raw: RawObject,
  keys: readonly ConfigurationKey[],
): Problem {
  const name = String(path.at(-1))
  const parent = generalise(path.slice(0, -1))
  const beside = keys.filter(
    (key) => key.path.length === path.length && samePath(key.path.slice(0, -1), parent),
  )
  const names = [...new Set(beside.map((key) => key.path.at(-1) ?? ''))]
  const similar = findSimilar(name, names)
  const conditional = beside.find((key) => key.path.at(-1) === name)?.when
  const elsewhere = keys.find((key) => key.path.at(-1) === name && !key.path.includes('[]'))
  return {
    path: formatPath(path),
    found: 'an unknown key',
    expected: conditional
      ? `this key only with ${conditional.key}: ${conditional.value}`
      : `one of ${names.join(', ')}`,
    remedy: describeKeyRemedy(
      path,
      raw,
      conditional === undefined ? similar : undefined,
      elsewhere,
    ),
  }
}

function describeKeyRemedy(
  path: RawPath,
  raw: RawObject,
  similar: string | undefined,
  elsewhere: ConfigurationKey | undefined,
): string {
  if (similar !== undefined) return `did you mean ${similar}?`
  if (elsewhere !== undefined && path.length !== elsewhere.path.length) {
    return `did you mean ${elsewhere.path.join('.')}?`
  }
  return isRawObject(findRaw(raw, path)) ? 'remove the section' : 'remove it'
}

/** The key that a path leads to, or the list that it leads into. */
function findKey(path: RawPath, keys: readonly ConfigurationKey[]): ConfigurationKey | undefined {
  for (let length = path.length; length > 0; length--) {
    const wanted = generalise(path.slice(0, length))
    const found = keys.find((key) => samePath(key.path, wanted))
    if (found !== undefined) return found
  }
  return undefined
}

function generalise(path: RawPath): readonly string[] {
  return path.map((step) => (typeof step === 'number' ? '[]' : step))
}

function samePath(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((step, index) => step === b[index])
}

/** Sections and lists are told by their kind, and so is what stands in place of one: it may be a secret. */
function formatFoundValue(value: unknown, key: ConfigurationKey | undefined): string {
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (isRawObject(value)) return 'a section'
  const isScalar = value !== undefined && value !== null
  return isScalar && key !== undefined && key.kind !== 'value'
    ? 'a single value'
    : formatFound(value)
}
