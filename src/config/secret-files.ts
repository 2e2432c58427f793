import { readFileSync, statSync } from 'node:fs'
import { Secret } from '../kernel/index.ts'
import type { ConfigurationKey } from './key-list.ts'
import { formatPath, type Problem } from './problem.ts'
import { expandPath, findRaw, putRaw, type RawObject, type RawPath } from './raw-tree.ts'

const maxSecretBytes = 65_536

/**
 * Turns secrets into `Secret`: those that came from the environment, and the contents of `…File`. One that stands in the
 * configuration file itself is left as text, which the schema refuses.
 */
export function loadSecrets(
  raw: RawObject,
  keys: readonly ConfigurationKey[],
  isFromEnvironment: (path: RawPath) => boolean,
): readonly Problem[] {
  for (const path of listPaths(raw, keys, (key) => key.notes.isSecret === true)) {
    const value = findRaw(raw, path)
    if (typeof value === 'string' && isFromEnvironment(path)) putRaw(raw, path, new Secret(value))
  }
  const problems: Problem[] = []
  for (const key of keys) {
    const secretKey = key.notes.secretKey
    if (secretKey === undefined) continue
    for (const path of listPaths(raw, [key], () => true)) {
      const file = findRaw(raw, path)
      if (typeof file !== 'string' || file === '') continue
      const problem = loadSecretFile(raw, path, [...path.slice(0, -1), secretKey], file)
      if (problem !== undefined) problems.push(problem)
    }
  }
  return problems
}

function loadSecretFile(
  raw: RawObject,
  path: RawPath,
  secretPath: RawPath,
  file: string,
): Problem | undefined {
  const place = { path: formatPath(path), expected: 'a readable file with the secret' }
  if (findRaw(raw, secretPath) !== undefined) {
    return {
      path: place.path,
      found: 'given, and so is the secret itself',
      expected: 'one of the two',
      remedy: `remove ${formatPath(path)} or ${formatPath(secretPath)}`,
    }
  }
  try {
    if (statSync(file).size > maxSecretBytes) {
      return { ...place, found: `"${file}", which is too long`, remedy: 'give the right file' }
    }
    const secret = readFileSync(file, 'utf8').replace(/\r?\n$/, '')
    if (secret === '') {
      return { ...place, found: `"${file}", which is empty`, remedy: 'write the secret into it' }
    }
    putRaw(raw, secretPath, new Secret(secret))
    return undefined
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable'
    return {
      ...place,
      found: `"${file}", which cannot be read (${code})`,
      remedy: 'check the path and its permissions',
    }
  }
}

/** Paths of keys that exist in this tree, only where their condition holds. */
function listPaths(
  raw: RawObject,
  keys: readonly ConfigurationKey[],
  isWanted: (key: ConfigurationKey) => boolean,
): readonly RawPath[] {
  return keys.filter(isWanted).flatMap((key) =>
    expandPath(raw, key.path).filter((path) => {
      if (key.when === undefined) return true
      return findRaw(raw, [...path.slice(0, -1), key.when.key]) === key.when.value
    }),
  )
}
