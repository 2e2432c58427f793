import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'

const root = new URL('../../', import.meta.url)
const text = readFileSync(new URL('docs/scep-coverage.md', root), 'utf8')

interface Row {
  readonly name: string
  readonly verdict: string
  readonly code: string
  readonly tests: string
  readonly remark: string
}

const rows: readonly Row[] = text
  .split('\n')
  .filter((line) => line.startsWith('| ') && !/^\| (?:REQ|Rule|---)/.test(line))
  .map((line) => {
    const [name = '', verdict = '', code = '', tests = '', remark = ''] = line
      .slice(2, -1)
      .split('|')
      .map((cell) => cell.trim())
    return { name, verdict, code, tests, remark }
  })

/** Whole numbers from first to last. */
function numbers(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}

test('every requirement of the chapters that are built stands once in docs/scep-coverage.md', () => {
  const built = [
    ...numbers(1, 48),
    ...numbers(53, 139),
    ...numbers(143, 145),
    ...numbers(163, 180),
    ...numbers(187, 193),
    195,
  ]
  const found = rows.map(({ name }) => name).filter((name) => /^\d+$/.test(name))
  assert.deepEqual(
    found.map(Number).sort((a, b) => a - b),
    built,
  )
})

test('every path in it exists', () => {
  const paths = [...text.matchAll(/`((?:src|test|docs)\/[^`]+)`/g)].map(([, path = '']) => path)
  assert.ok(paths.length > 200)
  const missing = paths.filter((path) => !existsSync(new URL(path, root)))
  assert.deepEqual([...new Set(missing)], [])
})

test('a verdict is one of three; what is met names its code, what is missing is said', () => {
  for (const { name, verdict, code, tests, remark } of rows) {
    assert.ok(['met', 'met in part', 'not met'].includes(verdict), name)
    if (verdict !== 'not met') assert.match(code, /^`/, name)
    if (verdict !== 'met' || tests === '–') assert.notEqual(remark, '', name)
  }
})
