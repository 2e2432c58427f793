import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createDuties } from '../../../src/connector/index.ts'
import { recordedJournal } from '../../support/recorded-journal.ts'

const nextTurn = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve))

describe('duties', () => {
  test('run at once and again after each end', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    let runs = 0
    const duties = createDuties(recordedJournal().journal)
    duties.add('count', 1000, async () => {
      runs += 1
    })
    await nextTurn()
    assert.equal(runs, 1)
    t.mock.timers.tick(999)
    await nextTurn()
    assert.equal(runs, 1)
    t.mock.timers.tick(1)
    await nextTurn()
    assert.equal(runs, 2)
    await duties.stop()
  })

  test('never two of a kind at once, however long one takes', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    let runs = 0
    const end = Promise.withResolvers<void>()
    const duties = createDuties(recordedJournal().journal)
    duties.add('slow', 1000, async () => {
      runs += 1
      await end.promise
    })
    t.mock.timers.tick(10_000)
    await nextTurn()
    assert.equal(runs, 1)
    end.resolve()
    await duties.stop()
  })

  test('one that fails is on record by name, and goes on', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const { journal, records } = recordedJournal()
    let runs = 0
    const duties = createDuties(journal)
    duties.add('broken', 1000, async () => {
      runs += 1
      throw new Error('the reason')
    })
    await nextTurn()
    t.mock.timers.tick(1000)
    await nextTurn()
    assert.equal(runs, 2)
    assert.match(records[0]?.detail ?? '', /broken/)
    assert.match(records[0]?.errorMessage ?? '', /the reason/)
    await duties.stop()
  })

  test('stop waits for what runs and starts nothing more', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    let runs = 0
    let hasStopped = false
    const end = Promise.withResolvers<void>()
    const duties = createDuties(recordedJournal().journal)
    duties.add('slow', 1000, async () => {
      runs += 1
      await end.promise
    })
    const stopped = duties.stop().then(() => {
      hasStopped = true
    })
    await nextTurn()
    assert.equal(hasStopped, false)
    end.resolve()
    await stopped
    t.mock.timers.tick(10_000)
    duties.add('late', 1000, async () => {
      runs += 1
    })
    await nextTurn()
    assert.equal(runs, 1)
  })
})
