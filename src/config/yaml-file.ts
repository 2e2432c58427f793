import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import type { Problem } from './problem.ts'
import { isRawObject, type RawObject, type RawPath } from './raw-tree.ts'

const maxFileBytes = 1024 * 1024

/** A configuration file as written. */
export interface YamlFile {
  readonly raw: RawObject
  /** The line of a key, or of the nearest one above it. */
  lineOf(path: RawPath): number | undefined
  readonly problems: readonly Problem[]
}

/** Reads a YAML file. Whatever is wrong with it is a problem with its line; nothing is thrown. */
export function loadYamlFile(file: string): YamlFile {
  const lineOf = () => undefined
  const failed = (problem: Omit<Problem, 'file' | 'path'>): YamlFile => ({
    raw: {},
    lineOf,
    problems: [{ path: '', file, ...problem }],
  })
  let source: string
  try {
    source = readBounded(file)
  } catch (cause) {
    return failed({
      found: `unreadable (${cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)})`,
      expected: 'a YAML file of at most 1 MiB',
      remedy: 'check the path and its permissions',
    })
  }

  const lines = new LineCounter()
  const document = parseDocument(source, { lineCounter: lines, stringKeys: true })
  if (document.errors.length > 0) {
    return {
      raw: {},
      lineOf,
      problems: document.errors.map((error) => ({
        path: '',
        file,
        line: lines.linePos(error.pos[0]).line,
        // The code alone: the message of the parser repeats the line, which may hold anything.
        found: `not readable as YAML (${error.code.toLowerCase().replaceAll('_', ' ')})`,
        expected: 'valid YAML 1.2',
        remedy: 'check indentation, quotes and repeated keys on this line',
      })),
    }
  }
  const content = toPlain(document)
  if (content !== null && !isRawObject(content)) {
    return failed({
      found: Array.isArray(content) ? 'a list' : 'a single value or too many aliases',
      expected: 'keys and values',
      remedy: 'begin with a key such as "listeners:"',
    })
  }
  return {
    raw: content ?? {},
    problems: [],
    lineOf: (path) => {
      const offset = findOffset(document.contents, path)
      return offset === undefined ? undefined : lines.linePos(offset).line
    },
  }
}

function toPlain(document: { toJS(options: { maxAliasCount: number }): unknown }): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 })
  } catch {
    // Aliases that multiply, or that lead nowhere: reported as a value that is no section.
    return undefined
  }
}

function readBounded(file: string): string {
  const descriptor = openSync(file, 'r')
  try {
    if (fstatSync(descriptor).size > maxFileBytes) throw new RangeError('larger than 1 MiB')
    return readFileSync(descriptor, 'utf8')
  } finally {
    closeSync(descriptor)
  }
}

function findOffset(root: unknown, path: RawPath): number | undefined {
  let at: unknown = root
  let offset: number | undefined
  for (const step of path) {
    if (isMap(at)) {
      const pair = at.items.find((item) => isScalar(item.key) && item.key.value === step)
      if (pair === undefined) break
      offset = (pair.key as Node).range?.[0] ?? offset
      at = pair.value
    } else if (isSeq(at) && typeof step === 'number') {
      at = at.items[step]
      offset = (at as Node | undefined)?.range?.[0] ?? offset
    } else {
      break
    }
  }
  return offset
}
