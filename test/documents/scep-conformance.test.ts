import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { listProofs, renderConformance, verdictOf } from './scep-conformance/conformance.ts'
import { chapters } from './scep-conformance/requirements.ts'

const proofs = listProofs()
const numbers = chapters.flatMap(({ requirements }) => requirements.map(([number]) => number))

suite('conformance to the SCEP specification', () => {
  test('all 195 requirements are listed, each once', () => {
    assert.deepEqual(
      numbers.toSorted((a, b) => a - b),
      Array.from({ length: 195 }, (_, index) => index + 1),
    )
  })

  test('names of tests are found, and name requirements that exist', () => {
    assert.ok(proofs.length > 300, `only ${proofs.length} found`)
    const known = new Set(numbers)
    assert.deepEqual(
      proofs.filter(({ requirement }) => !known.has(requirement)),
      [],
    )
  })

  test('every requirement has a test whose name begins with its number, or a reason why not', () => {
    const proven = new Set(proofs.map(({ requirement }) => requirement))
    const bare = numbers.filter((number) => {
      const { verdict, remark } = verdictOf(number)
      return verdict === 'not met' ? remark === '' : !proven.has(number)
    })
    assert.deepEqual(bare, [])
  })

  test('docs/scep-conformance.md is what the names of the tests say; npm run docs writes it', () => {
    assert.equal(
      readFileSync(new URL('../../docs/scep-conformance.md', import.meta.url), 'utf8'),
      renderConformance(proofs),
    )
  })
})
