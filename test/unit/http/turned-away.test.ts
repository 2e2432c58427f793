import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventFields, Journal } from '../../../src/events/index.ts'
import { createTurnedAway } from '../../../src/http/turned-away.ts'

const visitor = { requestId: 'r', remoteAddress: '192.0.2.7' }

function listen() {
  const heard: (readonly [string, EventFields | undefined])[] = []
  const journal: Journal = {
    record: (event, fields) => heard.push([event.name, fields]),
    debug: () => undefined,
    child: () => journal,
  }
  return { heard, journal }
}

test('who is turned away is told with its address, each kind by its own event', () => {
  const { heard, journal } = listen()
  const turnedAway = createTurnedAway(journal, () => 0)
  for (const outcome of ['limited', 'malformed', 'busy'] as const)
    turnedAway.record(outcome, 'default', visitor)
  assert.deepEqual(
    heard.map(([name]) => name),
    ['RateLimitExceeded', 'ScepMessageUnreadable', 'RequestShed'],
  )
  assert.deepEqual(heard[0]?.[1], { ...visitor, profile: 'default', count: 1 })
})

test('a flood is one line in ten seconds, and no request is left out of the count', () => {
  const { heard, journal } = listen()
  let at = 0
  const turnedAway = createTurnedAway(journal, () => at)
  for (at = 0; at <= 10_000; at += 100) turnedAway.record('limited', 'default', visitor)
  assert.deepEqual(
    heard.map(([, fields]) => fields?.count),
    [1, 100],
  )
})

test('what the enrolment answered is not told again', () => {
  const { heard, journal } = listen()
  const turnedAway = createTurnedAway(journal, () => 0)
  for (const outcome of ['issued', 'refused', 'challenge-refused', 'failed', 'error'] as const)
    turnedAway.record(outcome, 'default', visitor)
  assert.deepEqual(heard, [])
})
