import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  createHealthEvents,
  createReminder,
  createWorkerEvents,
  recordExpiring,
  type SpokenCheck,
} from '../../../src/compose/health-events.ts'
import { type EventFields, events, type Journal } from '../../../src/events/index.ts'

const start = new Date('2026-11-22T00:00:00Z')

function createListener() {
  const heard: { readonly name: string; readonly fields: EventFields | undefined }[] = []
  const journal: Journal = {
    record: (event, fields) => heard.push({ name: event.name, fields }),
    debug: () => undefined,
    child: () => journal,
  }
  return { journal, heard, names: () => heard.map(({ name }) => name) }
}

const store: SpokenCheck = {
  name: 'store',
  maxAgeMs: 1,
  timeoutMs: 1,
  run: async () => ({ status: 'ok', reason: '' }),
  spokenOf: { lost: events.StoreUnavailable, back: events.StoreRecovered },
}

function resultOf(status: 'ok' | 'degraded' | 'failed', afterMs = 0, name = 'store') {
  const checkedAt = new Date(start.getTime() + afterMs)
  return [{ name, status, reason: `it is ${status}`, checkedAt }]
}

describe('what is recorded of health', () => {
  test('an outage is told once when it begins and once when it ends, with its length', () => {
    const { journal, heard, names } = createListener()
    const record = createHealthEvents([store], journal)
    record(resultOf('ok'))
    record(resultOf('failed', 1000))
    record(resultOf('failed', 2000))
    record(resultOf('ok', 61_000))
    record(resultOf('ok', 62_000))
    assert.deepEqual(names(), ['StoreUnavailable', 'StoreRecovered'])
    assert.equal(heard[0]?.fields?.errorMessage, 'it is failed')
    assert.equal(heard[1]?.fields?.durationMs, 60_000)
  })

  test('what is degraded still works, and a check that nobody speaks of is silent', () => {
    const { journal, names } = createListener()
    const record = createHealthEvents([store], journal)
    record(resultOf('degraded'))
    record(resultOf('failed', 0, 'logs'))
    assert.deepEqual(names(), [])
    record(resultOf('failed'))
    record(resultOf('degraded', 5))
    assert.deepEqual(names(), ['StoreUnavailable', 'StoreRecovered'])
  })

  test('lost workers are told once, with how many', () => {
    const { journal, heard } = createListener()
    const figures = { restarts: 0, lastLoss: 'worker/died: exit 1' }
    const record = createWorkerEvents(() => figures, journal)
    record()
    figures.restarts = 3
    record()
    record()
    assert.deepEqual(
      heard.map(({ name, fields }) => [name, fields?.count, fields?.errorMessage]),
      [['WorkerReplaced', 3, 'worker/died: exit 1']],
    )
  })

  test('a certificate is told of when its end is near for its kind, and after it', () => {
    const { journal, heard } = createListener()
    const inDays = (days: number) => new Date(start.getTime() + days * 86_400_000)
    recordExpiring(
      [
        { kind: 'ca', name: 'far', notAfter: inDays(91) },
        { kind: 'ca', name: 'near', notAfter: inDays(89) },
        { kind: 'ra', name: 'far', notAfter: inDays(29) },
        { kind: 'ra', name: 'over', notAfter: inDays(-1) },
      ],
      { now: () => start },
      journal,
    )
    assert.deepEqual(
      heard.map(({ fields }) => fields?.detail),
      ['ca near: 89 days left', 'ra over: it has ended'],
    )
  })

  test('a reminder lets the same be said again after its pause, and something new at once', () => {
    let at = start.getTime()
    const mayRepeat = createReminder({ now: () => new Date(at) }, 1000)
    assert.deepEqual([mayRepeat('a'), mayRepeat('a'), mayRepeat('b')], [true, false, true])
    at += 1000
    assert.equal(mayRepeat('b'), true)
  })
})
