import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'

interface Step {
  readonly number: number
  /** The first word or words, up to the first mark. */
  readonly name: string
}

function read(path: string): string {
  return readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')
}

function listSteps(text: string, pattern: RegExp): readonly Step[] {
  return [...text.matchAll(pattern)].map(({ groups }) => ({
    number: Number(groups?.['number']),
    name: groups?.['name'] ?? '',
  }))
}

/** `1. **Open.** …` at the start of a line. */
const documented = listSteps(
  read('docs/enrolment.md'),
  /^(?<number>\d+)\. \*\*(?<name>[^*.?]+)[.?]?\*\*/gm,
)

/** `// 1. Open: …` in the steps of the enrolment. */
const coded = listSteps(
  read('src/connector/scep-enrolment.ts'),
  /^\s*\/\/ (?<number>\d+)\. (?<name>.+)$/gm,
)

/** All steps of a work loop stand in a few files; each step is in one of them. */
function readLoop(): string {
  const folder = new URL('../src/connector/work/', import.meta.url)
  return readdirSync(folder)
    .map((name) => read(`src/connector/work/${name}`))
    .join('\n')
}

for (const [chapter, where, code, count] of [
  ['The loop', 'src/connector/work', readLoop(), 7],
  ['One revocation', 'src/connector/revocation.ts', read('src/connector/revocation.ts'), 4],
  [
    'One certificate with its key',
    'src/connector/pkcs-issuance.ts',
    read('src/connector/pkcs-issuance.ts'),
    10,
  ],
  [
    'One certificate sealed again',
    'src/connector/pkcs-recrypt.ts',
    read('src/connector/pkcs-recrypt.ts'),
    5,
  ],
  ['One import', 'src/connector/pfx-import.ts', read('src/connector/pfx-import.ts'), 5],
] as const)
  test(`docs/queues.md, ${chapter}, and ${where} have the same ${count} steps`, () => {
    const text = read('docs/queues.md').split(`## ${chapter}\n`)[1]?.split('\n## ')[0] ?? ''
    const told = listSteps(text, /^(?<number>\d+)\. \*\*(?<name>[^*.?]+)[.?]?\*\*/gm)
    const done = listSteps(code, /^\s*\/\/ (?<number>\d+)\. (?<name>[A-Z][a-z ]+):/gm)
    assert.deepEqual(
      told.map(({ number }) => number),
      Array.from({ length: count }, (_, index) => index + 1),
    )
    assert.deepEqual(
      done.toSorted((a, b) => a.number - b.number),
      told,
    )
  })

describe('docs/enrolment.md and src/connector/scep-enrolment.ts', () => {
  test('have the same nine steps, in order', () => {
    const nine = [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert.deepEqual(
      documented.map(({ number }) => number),
      nine,
    )
    assert.deepEqual(
      coded.map(({ number }) => number),
      nine,
    )
  })

  for (const [index, { number, name }] of documented.entries())
    test(`call step ${number} “${name}”`, () => {
      const words = coded[index]?.name ?? ''
      assert.match(words, new RegExp(String.raw`^${name}\b`))
    })
})
