import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'

const text = readFileSync(join(resolve(import.meta.dirname, '../..'), 'docs/operations.md'), 'utf8')

test('the contents of docs/operations.md name its chapters, which are numbered without gaps', () => {
  const chapters = [...text.matchAll(/^## (\d+)\. (.+)$/gm)].map(([, number = '', title = '']) => ({
    number: Number(number),
    title,
  }))
  assert.ok(chapters.length > 10)
  assert.deepEqual(
    chapters.map(({ number }) => number),
    chapters.map((_, index) => index + 1),
  )
  const contents = [...text.matchAll(/^\d+\. \[.+\]\(#.+\)$/gm)].map(([line]) => line)
  assert.deepEqual(
    contents,
    chapters.map(({ number, title }) => `${number}. [${title}](#${anchorOf(number, title)})`),
  )
})

/** As web views of Markdown make it of a heading. */
function anchorOf(number: number, title: string): string {
  const words = title.toLowerCase().replaceAll(/[^a-z0-9 -]/g, '')
  return `${number}-${words.replaceAll(' ', '-')}`
}
