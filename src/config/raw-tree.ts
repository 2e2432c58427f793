/** Values as they were written, before anything is checked. */
export type RawObject = Record<string, unknown>
export type RawPath = readonly (string | number)[]

export function isRawObject(value: unknown): value is RawObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The value at a path; undefined where a step does not exist. */
export function findRaw(root: unknown, path: RawPath): unknown {
  let at = root
  for (const step of path) {
    if (Array.isArray(at) && typeof step === 'number') at = at[step]
    else if (isRawObject(at) && Object.hasOwn(at, step)) at = at[step]
    else return undefined
  }
  return at
}

/**
 * Puts a value at a path and makes the sections on the way. A step that is no section is left alone: the schema reports it.
 *
 * @returns false when an index skips elements, or a step is no section
 */
export function putRaw(root: RawObject, path: RawPath, value: unknown): boolean {
  let at: unknown = root
  for (const [index, step] of path.entries()) {
    const isLast = index === path.length - 1
    const empty = typeof path[index + 1] === 'number' ? [] : {}
    if (Array.isArray(at) && typeof step === 'number') {
      if (step > at.length) return false
      if (isLast) at[step] = value
      else at[step] ??= empty
      at = at[step]
    } else if (isRawObject(at) && typeof step === 'string') {
      if (isLast) define(at, step, value)
      else if (findRaw(at, [step]) === undefined || at[step] === null) define(at, step, empty)
      at = at[step]
    } else {
      return false
    }
  }
  return true
}

/** The paths that a pattern with `[]` stands for in this tree; the last step need not exist. */
export function expandPath(root: unknown, pattern: readonly string[]): RawPath[] {
  let paths: RawPath[] = [[]]
  for (const step of pattern) {
    paths = paths.flatMap((path): RawPath[] => {
      if (step !== '[]') return [[...path, step]]
      const list = findRaw(root, path)
      return Array.isArray(list) ? list.map((_, index) => [...path, index]) : []
    })
  }
  return paths
}

function define(target: RawObject, key: string, value: unknown): void {
  Object.defineProperty(target, key, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  })
}
