import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCaptures } from '../../../src/connector/index.ts'
import { ConnectorError } from '../../../src/kernel/index.ts'
import type { CaptureRecord } from '../../../src/store/index.ts'
import { recordedJournal } from '../../support/recorded-journal.ts'
import { scepRules } from '../../support/scep-messages/codec-rules.ts'

const start = new Date('2026-06-01T12:00:00Z').getTime()

function setStage(change: Partial<CaptureRecord> = {}) {
  let now = start
  const clock = { now: () => new Date(now) }
  const { journal, eventIds, records } = recordedJournal(clock)
  const state = { record: undefined as CaptureRecord | undefined, isBroken: false, looks: 0 }
  state.record = {
    name: 'static-1',
    profile: 'static',
    until: new Date(start + 900_000),
    maxMessages: 100,
    maxBytes: 1_000_000,
    hasStarted: false,
    isStopped: false,
    messages: 0,
    bytes: 0,
    ...change,
  }
  const marks: string[] = []
  const files: string[] = []
  const work: Promise<unknown>[] = []
  const captures = createCaptures({
    folder: {
      directory: '/nowhere',
      order: () => Promise.reject(new Error('not here')),
      listOpen: async () => {
        state.looks += 1
        if (state.isBroken) throw new ConnectorError('store/unavailable', 'the disk is gone')
        return state.record === undefined || marks.includes('ended') ? [] : [state.record]
      },
      mark: async (_name, what) => void marks.push(what),
      write: async (_name, written) => {
        if (state.isBroken) throw new ConnectorError('store/unavailable', 'the disk is gone')
        files.push(...written.keys())
      },
    },
    codec: { open: () => Promise.reject(new ConnectorError('scep/malformed', 'no message')) },
    journal,
    clock,
    background: (running) => void work.push(running),
  })
  const enrol = captures.wrap({ name: 'static', scep: scepRules() }, async () => ({
    replyDer: new Uint8Array([5, 0]),
    outcome: 'issued',
  }))
  return {
    captures,
    state,
    marks,
    files,
    records,
    eventIds,
    advance: (ms: number) => {
      now += ms
    },
    send: async (bytes = 10) => {
      const { signal } = new AbortController()
      await enrol(new Uint8Array(bytes), { requestId: 'r', remoteAddress: '192.0.2.1', signal })
      await Promise.all(work)
    },
  }
}

test('REQ-194: nothing is kept before an order is taken up, and nothing after its time, to the millisecond', async () => {
  const { captures, files, marks, advance, send, eventIds } = setStage()
  await send()
  assert.deepEqual(files, [])
  await captures.refresh()
  await send()
  assert.deepEqual(files, ['0001-request.raw', '0001.json'])
  advance(900_000)
  await send()
  assert.equal(files.length, 2)
  await captures.refresh()
  await captures.refresh()
  assert.deepEqual(marks, ['started', 'ended'])
  assert.deepEqual(eventIds(), [18, 19])
})

test('REQ-194: so many messages and octets, and no more, before anybody looks', async () => {
  const byCount = setStage({ maxMessages: 2 })
  await byCount.captures.refresh()
  for (let i = 0; i < 5; i += 1) await byCount.send()
  assert.equal(byCount.files.length, 4)
  const bySize = setStage({ maxBytes: 2000 })
  await bySize.captures.refresh()
  for (let i = 0; i < 5; i += 1) await bySize.send(1500)
  assert.equal(bySize.files.filter((name) => name.endsWith('.json')).length, 2)
})

test('REQ-194: a day at the most, whatever the order says; what was over before a start ends at it', async () => {
  const forever = setStage({ until: new Date('2099-01-01') })
  await forever.captures.refresh()
  forever.advance(86_400_000)
  await forever.send()
  assert.deepEqual(forever.files, [])
  const late = setStage({ until: new Date(start), hasStarted: true, messages: 7 })
  await late.captures.refresh()
  assert.deepEqual(late.marks, ['ended'])
  assert.equal(late.records[0]?.count, 7)
})

test('a disk that refuses changes no answer, and is looked at once a minute', async () => {
  const { captures, state, advance, send } = setStage()
  await captures.refresh()
  state.isBroken = true
  await send()
  await assert.rejects(captures.refresh(), { code: 'store/unavailable' })
  const { looks } = state
  for (let i = 0; i < 10; i += 1) await captures.refresh()
  assert.equal(state.looks, looks)
  advance(60_000)
  await assert.rejects(captures.refresh(), { code: 'store/unavailable' })
})
