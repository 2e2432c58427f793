import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createTurns } from '../../../src/connector/turns.ts'

describe('turns', () => {
  test('work for one key is done one after the other, in the order of arrival', async () => {
    const turns = createTurns()
    const story: string[] = []
    const take = async (name: string): Promise<void> =>
      await turns.take('key', async () => {
        story.push(`${name} begins`)
        await new Promise((resolve) => setImmediate(resolve))
        story.push(`${name} ends`)
      })
    await Promise.all([take('a'), take('b'), take('c')])
    assert.deepEqual(
      story,
      ['a', 'b', 'c'].flatMap((name) => [`${name} begins`, `${name} ends`]),
    )
  })

  test('work for other keys goes on beside it', async () => {
    const turns = createTurns()
    const first = Promise.withResolvers<void>()
    const held = turns.take('one', async () => await first.promise)
    assert.equal(await turns.take('two', async () => 'done'), 'done')
    first.resolve()
    await held
  })

  test('work that fails gives its own error to its own caller, and the next has its turn', async () => {
    const turns = createTurns()
    const failed = turns.take('key', async () => {
      throw new Error('mine')
    })
    const next = turns.take('key', async () => 'done')
    await assert.rejects(failed, /mine/)
    assert.equal(await next, 'done')
  })

  test('nothing is remembered of keys that are done', async () => {
    const turns = createTurns()
    const work = Array.from({ length: 20 }, async (_, index) => {
      await turns.take(`key ${index % 5}`, async () => undefined)
    })
    assert.equal(turns.size, 5)
    await Promise.all(work)
    assert.equal(turns.size, 0)
  })
})
