import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

interface LockedPackage {
  readonly version?: string
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const lock = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')) as {
  readonly packages: Readonly<Record<string, LockedPackage>>
}
const packages = Object.entries(lock.packages)

test('the lock names the package of every platform', () => {
  const missing = packages.flatMap(([where, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) =>
        lock.packages[`node_modules/${name}`] === undefined &&
        lock.packages[`${where}/node_modules/${name}`] === undefined,
    ),
  )
  // npm writes no entry for a platform whose package it cannot see, and then refuses its own lock in `npm ci`.
  assert.deepEqual(missing, [])
  assert.ok(packages.length > 100)
})

test('the lock names a version for every package', () => {
  const without = packages.filter(([, { version }]) => version === undefined)
  assert.deepEqual(
    without.map(([where]) => where),
    [],
  )
})
