import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { operations, queues } from '../../src/management/open-service/wire/operations.ts'
import { renderOpenApi } from './open-connector-service/openapi.ts'

const file = readFileSync('docs/open-connector-service.json', 'utf8')
const prose = readFileSync('docs/open-connector-service.md', 'utf8')

describe('docs/open-connector-service', () => {
  test('the OpenAPI file is what the schemas of the wire say (npm run docs)', () => {
    assert.equal(file, renderOpenApi())
  })

  test('every reference of the OpenAPI file leads somewhere', () => {
    const document = JSON.parse(file) as { components: Record<string, Record<string, unknown>> }
    const references = [...file.matchAll(/"#\/components\/(\w+)\/(\w+)"/g)]
    assert.ok(references.length > 50)
    for (const [text, kind = '', name = ''] of references)
      assert.ok(document.components[kind]?.[name] !== undefined, text)
  })

  test('the prose names every call', () => {
    const paths = [
      ...Object.values(operations).map(({ path }) => path),
      ...Object.values(queues).flatMap(({ download, upload }) => [download.path, upload.path]),
    ]
    for (const path of paths) {
      const name = path.split('/').at(-1) ?? path
      assert.ok(prose.includes(name), `${path} is not in the prose`)
    }
  })
})
