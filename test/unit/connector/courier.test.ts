import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import {
  type Courier,
  createCourier,
  createPayloadCipher,
  type DeliveryPorts,
  type NotificationPauses,
} from '../../../src/connector/index.ts'
import { oweNotification } from '../../../src/connector/notification.ts'
import { ConnectorError } from '../../../src/kernel/index.ts'
import { createMemoryStore, type MemoryStore } from '../../support/memory-store.ts'
import { recordedJournal } from '../../support/recorded-journal.ts'
import { sampleIntent, sampleIssued, start } from '../../support/store-samples.ts'

const CHALLENGE = 'challenge that nobody may read'
const PAUSES: NotificationPauses = {
  onlineSeconds: [1, 5, 15],
  courierSeconds: [900, 3600],
  giveUpDays: 7,
}
const REQUEST_ID = '6f2a5a0e-3c1d-4d53-9a49-0f6f2c1f3a11'
const SECOND = 1000
const DAY = 86_400 * SECOND

/** A post office: a store with one success that is owed, a service that can refuse, and couriers over them. */
class Office {
  readonly store: MemoryStore = createMemoryStore()
  readonly cipher = createPayloadCipher(new Uint8Array(randomBytes(32)))
  readonly clock = { now: (): Date => new Date(this.nowMs) }
  readonly log = recordedJournal(this.clock)
  nowMs = start.getTime()
  calls = 0
  delivered = 0
  /** Throws what the service answers; nothing: it takes the notification. */
  refuse: ((signal: AbortSignal) => void | Promise<void>) | undefined
  replay: () => Promise<number> = async () => 0
  isKnown = true
  claims = Promise.withResolvers<void>()

  async owe(kind: 'success' | 'failure' = 'success'): Promise<string> {
    const intent = sampleIntent()
    const issued = sampleIssued(intent)
    const csrDer = new Uint8Array(Buffer.from(`CSR with ${CHALLENGE}`))
    const { transactionId } = intent
    const owed = oweNotification(
      kind === 'success'
        ? {
            kind,
            transactionId,
            csrDer,
            thumbprintHex: issued.thumbprintHex,
            serialHex: issued.serialHex,
            notAfter: issued.notAfter,
            issuer: 'CN=issuer',
            certificateAuthority: 'issuer',
            caConfiguration: 'connector-ca/issuing',
          }
        : { kind, transactionId, csrDer, hResult: -1, errorDescription: 'no' },
      { profile: 'default', requestId: REQUEST_ID },
      this.cipher,
      this.clock.now(),
    )
    const lease = new Date(this.nowMs + 60_000)
    await this.store.certificates.reserve(intent, 'one', lease, new Date(this.nowMs - 60_000))
    await this.store.certificates.complete(intent, issued, owed)
    return owed.id
  }

  courier(holder = 'one', strictPausesMs: readonly number[] = [1, 1]): Courier {
    const { store } = this
    const ports: DeliveryPorts = {
      outbox: {
        ...store.outbox,
        claimDue: async (...terms) => {
          this.claims.resolve()
          return await store.outbox.claimDue(...terms)
        },
      },
      notifierOf: () =>
        this.isKnown
          ? {
              notify: async (_notification, _activityId, signal) => {
                this.calls += 1
                await this.refuse?.(signal)
                this.delivered += 1
                return {}
              },
            }
          : undefined,
      cipher: this.cipher,
      journal: this.log.journal,
      clock: this.clock,
      pauses: PAUSES,
      holder,
      random: () => 0.5,
    }
    return createCourier(
      ports,
      {
        keepCompletion: async () => 'store',
        keepAbandonment: async () => 'store',
        keepRefusal: async () => 'store',
        replay: async () => await this.replay(),
      },
      { roundMs: 3_600_000, batch: 10, attemptMs: 1000, strictPausesMs },
    )
  }

  /** One round, to its end. */
  async round(holder = 'one'): Promise<void> {
    this.claims = Promise.withResolvers<void>()
    const courier = this.courier(holder)
    courier.start()
    await this.claims.promise
    await courier.stop()
  }

  async passTime(ms: number): Promise<void> {
    this.nowMs += ms
    await this.round()
  }
}

function away(retryAfterMs?: number): never {
  throw new ConnectorError('management/unavailable', 'HTTP 503', {
    isTransient: true,
    httpStatus: 503,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })
}

describe('the rounds of the courier', () => {
  test('deliver what is due: 4008, then the Admin event of its kind', async () => {
    const office = new Office()
    await office.owe('success')
    await office.owe('failure')
    await office.round()
    assert.deepEqual(
      office.log.eventIds().sort((a, b) => a - b),
      [4000, 4001, 4008, 4008],
    )
    assert.equal(
      office.log.records.every(({ redelivered }) => redelivered === undefined),
      true,
    )
  })

  test('each failed attempt is a 4009 with its number and the next time; the last online one is the 4002', async () => {
    const office = new Office()
    office.refuse = () => away()
    await office.owe()
    await office.round()
    for (const pauseSeconds of PAUSES.onlineSeconds) await office.passTime(pauseSeconds * SECOND)
    const attempts = office.log.records.filter(({ eventId }) => eventId === 4009)
    assert.deepEqual(
      attempts.map(({ attempt, nextAttemptAt, timestamp, httpStatus, retryable }) => [
        attempt,
        ((nextAttemptAt?.getTime() ?? 0) - timestamp.getTime()) / SECOND,
        httpStatus,
        retryable,
      ]),
      [
        [1, 1, 503, true],
        [2, 5, 503, true],
        [3, 15, 503, true],
        [4, 900, 503, true],
      ],
    )
    assert.deepEqual(office.log.eventIds('admin'), [4002])
  })

  test('nothing is tried before its time', async () => {
    const office = new Office()
    office.refuse = () => away()
    await office.owe()
    await office.round()
    await office.passTime(SECOND - 1)
    assert.equal(office.calls, 1)
    await office.passTime(1)
    assert.equal(office.calls, 2)
  })

  test('what the service asks for is honoured where it is longer', async () => {
    const office = new Office()
    office.refuse = () => away(120 * SECOND)
    await office.owe()
    await office.round()
    await office.passTime(119 * SECOND)
    assert.equal(office.calls, 1)
    await office.passTime(SECOND)
    assert.equal(office.calls, 2)
  })

  test('delivered after the 4002 it is marked redelivered, without another Admin event', async () => {
    const office = new Office()
    office.refuse = () => away()
    await office.owe()
    await office.round()
    for (let hour = 0; hour < 5; hour += 1) await office.passTime(3600 * SECOND)
    office.refuse = undefined
    await office.passTime(3600 * SECOND)
    const success = office.log.records.find(({ eventId }) => eventId === 4008)
    assert.equal(success?.redelivered, true)
    assert.deepEqual(office.log.eventIds('admin'), [4002])
    await office.passTime(DAY)
    assert.equal(office.delivered, 1)
  })

  test('after its days a notification is given up, once, and tried no more', async () => {
    const office = new Office()
    office.refuse = () => away()
    const id = await office.owe()
    for (let day = 0; day < 12; day += 1) await office.passTime(DAY)
    assert.equal((await office.store.outbox.find(id))?.state, 'failed')
    assert.deepEqual(
      office.log.eventIds().filter((eventId) => eventId === 32 || eventId === 4002),
      [4002, 32],
    )
    const { calls } = office
    await office.passTime(DAY)
    assert.equal(office.calls, calls)
  })

  test('a profile that is gone is a failed attempt that names it', async () => {
    const office = new Office()
    office.isKnown = false
    await office.owe()
    await office.round()
    const [failed] = office.log.records.filter(({ eventId }) => eventId === 4009)
    assert.equal(failed?.errorCode, 'config/invalid')
    assert.match(failed.errorMessage ?? '', /profile default/)
  })

  test('two couriers at once deliver each notification once', async () => {
    const office = new Office()
    for (let count = 0; count < 25; count += 1) await office.owe()
    const one = office.courier('one')
    const two = office.courier('two')
    one.start()
    two.start()
    while ((await office.store.outbox.depth(office.clock.now())).due > 0)
      await new Promise((resolve) => setImmediate(resolve))
    await Promise.all([one.stop(), two.stop()])
    assert.equal(office.calls, 25)
    assert.equal(office.log.eventIds('admin').length, 25)
  })

  test('what a dead courier held is delivered when its lease is over', async () => {
    const office = new Office()
    const id = await office.owe()
    await office.store.outbox.claim(id, 'dead', office.clock.now(), new Date(office.nowMs + 60_000))
    await office.round()
    assert.equal(office.calls, 0)
    await office.passTime(60_000)
    assert.deepEqual(office.log.eventIds('admin'), [4000])
  })

  test('a spool that cannot be read does not keep the store’s notifications back', async () => {
    const office = new Office()
    office.replay = async () => {
      throw new ConnectorError('spool/unavailable', 'the disk refuses')
    }
    await office.owe()
    await office.round()
    assert.equal(office.delivered, 1)
  })

  test('a yes that cannot be written down is told again, and closes its request once', async () => {
    const office = new Office()
    await office.owe()
    office.store.faults.failWrite = (method) => method === 'outbox.markDelivered'
    await office.round()
    assert.deepEqual(office.log.eventIds(), [])
    office.store.faults.failWrite = undefined
    await office.passTime(60_000)
    assert.deepEqual(office.log.eventIds(), [4008, 4000])
    assert.equal(office.calls, 2)
  })

  test('stop waits for the attempts that run, and starts no more', async () => {
    const office = new Office()
    for (let count = 0; count < 11; count += 1) await office.owe()
    const answer = Promise.withResolvers<void>()
    const asked = Promise.withResolvers<void>()
    office.refuse = async () => {
      if (office.calls === 10) asked.resolve()
      await answer.promise
    }
    const courier = office.courier()
    courier.start()
    await asked.promise
    let hasStopped = false
    const stopped = courier.stop().then(() => {
      hasStopped = true
    })
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(hasStopped, false)
    answer.resolve()
    await stopped
    assert.equal(office.delivered, 10)
  })

  test('woken during a round it makes another one at once', async () => {
    const office = new Office()
    const courier = office.courier()
    office.refuse = async () => {
      if (office.calls > 1) return
      await office.owe()
      courier.wake()
    }
    await office.owe()
    courier.start()
    while (office.delivered < 2) await new Promise((resolve) => setImmediate(resolve))
    await courier.stop()
  })
})

describe('strict delivery', () => {
  const patient = (): AbortSignal => new AbortController().signal

  test('is true only after the yes', async () => {
    const office = new Office()
    const id = await office.owe()
    office.refuse = () => {
      if (office.calls < 3) away()
    }
    assert.equal(await office.courier().deliverNow(id, patient()), true)
    assert.deepEqual(office.log.eventIds(), [4009, 4009, 4008, 4000])
  })

  test('is false when its attempts are used up, and the rounds stay away meanwhile', async () => {
    const office = new Office()
    const id = await office.owe()
    office.refuse = async () => {
      await office.round()
      away()
    }
    assert.equal(await office.courier().deliverNow(id, patient()), false)
    assert.equal(office.calls, 3)
  })

  test('does not try beside a round that is at it, but hears of its yes', async () => {
    const office = new Office()
    const id = await office.owe()
    const courier = office.courier('one', [0, 0, 0, 0, 0, 0, 0, 0])
    let told: Promise<boolean> | undefined
    office.refuse = async () => {
      told ??= courier.deliverNow(id, patient())
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    await office.round()
    assert.equal(await told, true)
    assert.equal(office.calls, 1)
  })

  test('ends when its time is over', async () => {
    const office = new Office()
    const id = await office.owe()
    const time = new AbortController()
    office.refuse = () => {
      time.abort()
      away()
    }
    assert.equal(await office.courier('one', [60_000]).deliverNow(id, time.signal), false)
    assert.equal(office.calls, 1)
  })

  test('what is withdrawn is never delivered, and has its 4002', async () => {
    const office = new Office()
    const id = await office.owe()
    assert.equal(await office.courier().withdraw(id), 'withdrawn')
    assert.deepEqual(office.log.eventIds(), [4002])
    await office.passTime(8 * DAY)
    assert.equal(office.calls, 0)
    assert.equal((await office.store.outbox.find(id))?.lastError?.startsWith('withdrawn'), true)
  })

  test('what was delivered cannot be withdrawn, nor what somebody delivers right now', async () => {
    const office = new Office()
    const id = await office.owe()
    const fates: string[] = []
    office.refuse = async () => {
      fates.push(await office.courier().withdraw(id))
    }
    await office.round()
    fates.push(await office.courier().withdraw(id))
    assert.deepEqual(fates, ['busy', 'delivered'])
    assert.deepEqual(office.log.eventIds('admin'), [4000])
  })
})

describe('what the outbox keeps', () => {
  test('is sealed: the challenge stands in no octet of it', async () => {
    const office = new Office()
    const id = await office.owe()
    const record = await office.store.outbox.find(id)
    const octets = Buffer.from(record?.payload ?? [])
    assert.equal(octets.indexOf(CHALLENGE), -1)
    assert.ok(!JSON.stringify({ ...record, payload: undefined }).includes(CHALLENGE))
  })

  test('names the request that brought it about, and so do the events of its delivery', async () => {
    const office = new Office()
    await office.owe()
    await office.round()
    const told = office.log.records.map(({ eventId, requestId }) => ({ eventId, requestId }))
    assert.deepEqual(told, [
      { eventId: 4008, requestId: REQUEST_ID },
      { eventId: 4000, requestId: REQUEST_ID },
    ])
  })

  test('under another data key is a failed attempt, and never half read', async () => {
    const office = new Office()
    await office.owe()
    const other = new Office()
    Object.assign(other, { store: office.store })
    await other.round()
    const [failed] = other.log.records.filter(({ eventId }) => eventId === 4009)
    assert.equal(failed?.errorCode, 'key/unreadable')
    assert.equal(other.calls, 0)
  })
})
