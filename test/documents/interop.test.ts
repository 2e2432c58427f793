import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { allRows } from '../interop/all-rows.ts'
import { formatDocument, parseDocument, sortRows } from '../interop/report.ts'
import type { PlayedRow } from '../interop/rows.ts'

const listed = allRows.map(({ client, claim }) => ({ client, claim }))

suite('the interop page', () => {
  test('docs/interop.md is what the runner writes for its rows', () => {
    const text = readFileSync(new URL('../../docs/interop.md', import.meta.url), 'utf8')
    assert.equal(text, formatDocument(parseDocument(text)))
  })

  test('docs/interop.md has the rows that npm run test:interop plays, and each passed', () => {
    const written = parseDocument(
      readFileSync(new URL('../../docs/interop.md', import.meta.url), 'utf8'),
    )
    assert.deepEqual(
      written.map(({ client, claim, result }) => ({ client, claim, result })),
      listed.map((row) => ({ ...row, result: 'passed' })),
    )
  })

  test('no two rows have the same client and story', () => {
    const names = listed.map(({ client, claim }) => `${client}: ${claim}`)
    assert.deepEqual(names, [...new Set(names)])
  })

  test('a row that failed once is not green, and what was not played or not listed is told', () => {
    const row = (claim: string, result: PlayedRow['result']): PlayedRow => ({
      client: 'a',
      claim,
      version: '1',
      result,
      seen: '',
    })
    const played = [row('one', 'passed'), row('one', 'failed'), row('stray', 'passed')]
    const sorted = sortRows(played, [
      { client: 'a', claim: 'one' },
      { client: 'a', claim: 'two' },
    ])
    assert.deepEqual(
      sorted.rows.map(({ claim, result }) => [claim, result]),
      [['one', 'failed']],
    )
    assert.deepEqual(
      sorted.unplayed.map(({ claim }) => claim),
      ['two'],
    )
    assert.deepEqual(
      sorted.unlisted.map(({ claim }) => claim),
      ['stray'],
    )
    assert.equal(parseDocument(formatDocument(played)).length, 3)
  })
})
