import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { listStories, listUntold, published, renderStories } from './event-stories/stories.ts'

const stories = listStories()

suite('stories of events', () => {
  test('61 events are published, and stories name only those', () => {
    assert.equal(published.length, 61)
    const known = new Set(published.map(({ id }) => id))
    assert.deepEqual(
      stories.filter(({ eventId }) => !known.has(eventId)),
      [],
    )
  })

  test('names of tests are found', () => {
    assert.ok(stories.length > 30, `only ${stories.length} found`)
  })

  test('a test whose name says an event stands in a file that asserts it', () => {
    assert.deepEqual(
      stories.filter(({ isAsserted }) => !isAsserted),
      [],
    )
  })

  test('every published event has a story', () => {
    assert.deepEqual(listUntold(stories), [])
  })

  test('an event that loses its stories is named', () => {
    const others = stories.filter(({ eventId }) => eventId !== 3032)
    assert.ok(others.length < stories.length)
    assert.deepEqual(listUntold(others), ['3032 RevokeDigicertRequest'])
    assert.throws(() => renderStories(others), /3032 RevokeDigicertRequest/)
  })

  test('docs/event-stories.md is what the names of the tests say; npm run docs writes it', () => {
    assert.equal(
      readFileSync(new URL('../../docs/event-stories.md', import.meta.url), 'utf8'),
      renderStories(stories),
    )
  })
})
