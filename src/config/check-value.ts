import * as z from 'zod'
import { configurationKeys } from './load.ts'
import type { Problem } from './problem.ts'
import { putRaw, type RawObject } from './raw-tree.ts'
import { describeIssues } from './schema-problems.ts'

/** Names under `features`, in the order of the schema. */
export const featureNames: readonly string[] = configurationKeys
  .filter(({ path }) => path[0] === 'features' && path.length === 2)
  .flatMap(({ path }) => path.slice(1))

/**
 * Checks one value for itself, as it would stand at this path (`intune.tenant`; `[]` is any element of a list).
 *
 * @throws TypeError the configuration has no such key
 */
export function checkValue(path: string, value: unknown): Problem | undefined {
  const key = configurationKeys.find((one) => one.path.join('.').replaceAll('.[]', '[]') === path)
  if (key === undefined) throw new TypeError(`the configuration has no key ${path}`)
  const parsed = z.core.safeParse(key.schema, value)
  if (parsed.success) return undefined
  const at = key.path.map((step) => (step === '[]' ? 0 : step))
  const raw: RawObject = {}
  putRaw(raw, at, value)
  const issues = parsed.error.issues.map((issue) => ({ ...issue, path: [...at, ...issue.path] }))
  return describeIssues(issues, raw, configurationKeys)[0]
}
