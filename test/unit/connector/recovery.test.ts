import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, test } from 'node:test'
import { recoverAdminEvents } from '../../../src/connector/recovery.ts'
import { createJournal, type EventRecord, events } from '../../../src/events/index.ts'
import { createMemoryStore, type MemoryStore } from '../../support/memory-store.ts'
import { later, sampleIntent, sampleIssued, sampleOwed } from '../../support/store-samples.ts'

const ADMIN_SUCCESS = events.ScrepRequestSuccess.id

/** A start of the connector after its death: a store, and what the Admin log holds. */
class Restart {
  readonly store: MemoryStore = createMemoryStore()
  readonly logged = new Set<string>()
  keptSince: Date | undefined
  readonly written: EventRecord[] = []
  reads = 0

  /** A success that was delivered so many seconds after `start`. */
  async deliver(atSeconds: number, createdAtSeconds = atSeconds - 1): Promise<string> {
    const id = await this.owe(createdAtSeconds)
    await this.store.outbox.claim(id, 'one', later(atSeconds), later(atSeconds + 60))
    await this.store.outbox.markDelivered(id, 'one', later(atSeconds))
    return id
  }

  async owe(createdAtSeconds: number): Promise<string> {
    const owed = sampleOwed({ createdAt: later(createdAtSeconds) })
    const intent = sampleIntent()
    await this.store.certificates.reserve(intent, 'one', later(60), later(-60))
    await this.store.certificates.complete(intent, sampleIssued(intent), owed)
    return owed.id
  }

  async fail(id: string, state: 'due' | 'exhausted', atSeconds: number): Promise<void> {
    await this.store.outbox.claim(id, 'one', later(atSeconds), later(atSeconds + 60))
    const attempt = { state, nextDueAt: later(atSeconds), error: 'HTTP 500' }
    await this.store.outbox.markAttempt(id, 'one', attempt)
  }

  async recover(): Promise<readonly (readonly [number, string | undefined])[]> {
    const journal = createJournal({
      identity: {
        connectorId: randomUUID(),
        connectorName: 'test',
        connectorVersion: '0',
        machineName: 'test',
      },
      sinks: [
        {
          write: (record) => this.written.push(record),
          flush: async () => undefined,
          close: async () => undefined,
        },
      ],
      clock: { now: () => later(100_000) },
    })
    const before = this.written.length
    const count = await recoverAdminEvents({
      outbox: this.store.outbox,
      journal,
      loadRecorded: async () => {
        this.reads += 1
        return { ids: this.logged, keptSince: this.keptSince }
      },
    })
    const written = this.written.slice(before)
    assert.equal(written.length, count)
    return written.map(({ eventId, notificationId }) => [eventId, notificationId])
  }
}

describe('Admin events that a crash swallowed', () => {
  test('are written, however long the connector was down', async () => {
    const restart = new Restart()
    restart.logged.add(await restart.deliver(1))
    const swallowed = await restart.deliver(2)
    assert.deepEqual(await restart.recover(), [[ADMIN_SUCCESS, swallowed]])
  })

  test('are found at the end of thousands of deliveries, in the order of delivery', async () => {
    const restart = new Restart()
    for (let second = 0; second < 2500; second += 1)
      restart.logged.add(await restart.deliver(second))
    const first = await restart.deliver(2501)
    const second = await restart.deliver(2502)
    assert.deepEqual(await restart.recover(), [
      [ADMIN_SUCCESS, first],
      [ADMIN_SUCCESS, second],
    ])
    assert.equal(restart.reads, 1)
  })

  test('are all found when the log lost more than one batch', async () => {
    const restart = new Restart()
    restart.logged.add(await restart.deliver(0))
    for (let second = 1; second < 2500; second += 1) await restart.deliver(second)
    assert.equal((await restart.recover()).length, 2499)
  })

  test('are not written for what the log has, nor for what is still due', async () => {
    const restart = new Restart()
    restart.logged.add(await restart.deliver(1))
    await restart.fail(await restart.owe(2), 'due', 3)
    assert.deepEqual(await restart.recover(), [])
  })

  test('an exhausted notification gets its 4002', async () => {
    const restart = new Restart()
    const id = await restart.owe(1)
    await restart.fail(id, 'exhausted', 2)
    assert.deepEqual(await restart.recover(), [[events.ScepRequestUploadFailure.id, id]])
  })

  test('what is older than the oldest line of the log is left alone', async () => {
    const restart = new Restart()
    await restart.deliver(1)
    const late = await restart.owe(2)
    await restart.fail(late, 'exhausted', 3)
    await restart.store.outbox.claim(late, 'one', later(20), later(80))
    await restart.store.outbox.markDelivered(late, 'one', later(20))
    restart.keptSince = later(10)
    assert.deepEqual(await restart.recover(), [])
  })

  test('a request older than the log, delivered at once after its first line, is written', async () => {
    const restart = new Restart()
    restart.keptSince = later(10)
    const swallowed = await restart.deliver(11, 9)
    assert.deepEqual(await restart.recover(), [[ADMIN_SUCCESS, swallowed]])
  })
})
