import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { describe, test } from 'node:test'
import { describeConfiguration } from '../../src/config/index.ts'
import { catalogue } from '../../src/events/index.ts'

const repository = resolve(import.meta.dirname, '../..')
const documents = ['.', 'docs', 'docs/decisions', 'certs'].flatMap((folder) =>
  readdirSync(join(repository, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
)
/** Without GUIDs, whose digits are no events. */
const operations = readFileSync(join(repository, 'docs/operations.md'), 'utf8').replaceAll(
  /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g,
  '',
)

describe('what documents refer to', () => {
  for (const name of documents)
    test(`${name}: its links lead somewhere`, () => {
      const text = readFileSync(join(repository, name), 'utf8')
      for (const [, target = ''] of text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g))
        if (!/^https?:/.test(target))
          assert.ok(existsSync(resolve(repository, dirname(name), target)), target)
      for (const [path] of text.matchAll(/\b(?:docs|certs|test|src)\/[\w./-]+\.(?:md|ts|conf)\b/g))
        assert.ok(existsSync(join(repository, path)), path)
    })

  test('operations.md: events have the names of the catalogue, and all are there', () => {
    const byId = new Map(catalogue.map(({ id, name }) => [String(id).padStart(4, '0'), name]))
    const named = [...operations.matchAll(/\b([0-5]\d{3}) ((?:Sc|Rate|RequestS)[A-Za-z]+)/g)]
    assert.ok(named.length >= 5)
    for (const [, id = '', name] of named) assert.equal(name, byId.get(id))
    for (const [, id = ''] of operations.matchAll(/\b(4\d{3}|00\d\d)\b(?![\d.]|\s*characters)/g))
      assert.ok(byId.has(id) || id === '4096', `event ${id}`)
  })

  test('operations.md: every key of the configuration that it names exists', () => {
    const reference = describeConfiguration()
    const sections = [...reference.matchAll(/^## (\w+)$/gm)].map(([, name]) => name)
    const named = [
      ...operations.matchAll(new RegExp(`\`((?:${sections.join('|')})(?:\\[\\])?\\.[\\w.]+)`, 'g')),
    ].flatMap(([, key]) => (key === undefined || /\.(?:yaml|db)$/.test(key) ? [] : key))
    assert.ok(named.length > 10)
    for (const key of named)
      assert.ok(new RegExp(`\`${key.replaceAll(/[.[\]]/g, '\\$&')}[\`.]`).test(reference), key)
    const rest =
      'sanKinds|validityDays|allowedEkus|requestsPerMinute|trustProxy|giveUpDays|notifyMode'
    for (const key of rest.split('|')) assert.ok(reference.includes(`.${key}\``), key)
  })
})
