import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { createPayloadCipher, createSafekeeping } from '../../../src/connector/index.ts'
import { ConnectorError } from '../../../src/kernel/index.ts'
import type { Spool, SpoolEntry } from '../../../src/store/index.ts'
import { assertFailsWith } from '../../support/assert-fails-with.ts'
import { createMemoryStore, type MemoryStore } from '../../support/memory-store.ts'
import { recordedJournal } from '../../support/recorded-journal.ts'
import {
  later,
  sampleIntent,
  sampleIssued,
  sampleOwed,
  sampleRefusal,
} from '../../support/store-samples.ts'

const SAVED = 71
const REPLAYED = 70
const UNREADABLE = 72
const UNKEPT = 4010

/** A safekeeping over a store and a disk that can refuse. */
class Safe {
  readonly store: MemoryStore = createMemoryStore()
  readonly log = recordedJournal()
  readonly files = new Map<string, SpoolEntry>()
  readonly unreadable: string[] = []
  isDiskBroken = false
  /** Runs when the spool has been listed, before its answer arrives. */
  onListed: (() => Promise<void>) | undefined
  lists = 0
  readonly keeping = this.open()

  /** Another life of the same safekeeping; with another key when one is given. */
  open(dataKey: Uint8Array = new Uint8Array(32)) {
    return createSafekeeping({
      certificates: this.store.certificates,
      spool: this.spool(),
      cipher: createPayloadCipher(dataKey),
      journal: this.log.journal,
      clock: { now: () => later(1) },
    })
  }

  spool(): Spool {
    const check = (): void => {
      if (this.isDiskBroken) throw new ConnectorError('spool/unavailable', 'the disk refuses')
    }
    return {
      save: async (entry) => {
        check()
        this.files.set(entry.id, entry)
      },
      list: async () => {
        check()
        this.lists += 1
        const entries = [...this.files.values()]
        await this.onListed?.()
        return { entries, unreadable: this.unreadable.splice(0) }
      },
      remove: async (id) => {
        check()
        this.files.delete(id)
      },
    }
  }

  /** A certificate that was signed while the store was away. */
  async spoolCompletion(keeping = this.keeping) {
    const intent = sampleIntent()
    const issued = sampleIssued(intent)
    const owed = sampleOwed({ serialHex: issued.serialHex })
    await this.store.certificates.reserve(intent, 'one', later(60), later(-60))
    this.store.faults.failWrites = true
    const keptIn = await keeping.keepCompletion(intent, issued, owed, this.log.journal)
    this.store.faults.failWrites = false
    assert.equal(keptIn, 'spool')
    return { intent, issued, owed }
  }
}

describe('keeping', () => {
  test('goes to the store while that can be written, and says nothing', async () => {
    const safe = new Safe()
    const intent = sampleIntent()
    const kept = await safe.keeping.keepCompletion(
      intent,
      sampleIssued(intent),
      undefined,
      safe.log.journal,
    )
    assert.equal(kept, 'store')
    assert.equal(safe.files.size, 0)
    assert.deepEqual(safe.log.eventIds(), [])
  })

  test('goes to one sealed file while the store is away', async () => {
    const safe = new Safe()
    const { issued, intent } = await safe.spoolCompletion()
    const [entry] = safe.files.values()
    const octets = Buffer.from(entry?.payload ?? [])
    assert.equal(octets.indexOf(issued.certificateDer), -1)
    assert.equal(octets.indexOf(intent.subject), -1)
    assert.deepEqual(safe.log.eventIds(), [SAVED])
  })

  test('is event 4010 when the disk refuses as well', async () => {
    const safe = new Safe()
    safe.store.faults.failWrites = true
    safe.isDiskBroken = true
    const { log } = safe
    const intent = sampleIntent()
    const kept = [
      await safe.keeping.keepCompletion(intent, sampleIssued(intent), undefined, log.journal),
      await safe.keeping.keepAbandonment('4A', 'no', sampleOwed(), log.journal),
      await safe.keeping.keepRefusal(sampleRefusal(), sampleOwed(), log.journal),
    ]
    assert.deepEqual(kept, ['nowhere', 'nowhere', 'nowhere'])
    assert.deepEqual(log.eventIds(), [UNKEPT, UNKEPT, UNKEPT])
  })

  test('a bare refusal is never spooled: a flood of them must not fill the disk', async () => {
    const safe = new Safe()
    safe.store.faults.failWrites = true
    const kept = await safe.keeping.keepRefusal(sampleRefusal(), undefined, safe.log.journal)
    assert.equal(kept, 'nowhere')
    assert.equal(safe.files.size, 0)
    assert.deepEqual(safe.log.eventIds(), [])
  })

  test('what contradicts the store is not spooled', async () => {
    const safe = new Safe()
    const intent = sampleIntent()
    const { log, keeping } = safe
    await keeping.keepCompletion(intent, sampleIssued(intent), undefined, log.journal)
    const kept = await keeping.keepCompletion(intent, sampleIssued(intent), undefined, log.journal)
    assert.equal(kept, 'nowhere')
    assert.equal(safe.files.size, 0)
    assert.equal(log.records.at(-1)?.errorCode, 'store/conflict')
  })
})

describe('replaying', () => {
  test('brings certificate and notification into the store and removes the file', async () => {
    const safe = new Safe()
    const { intent, issued, owed } = await safe.spoolCompletion()
    assert.equal(await safe.keeping.replay(), 1)
    const record = await safe.store.certificates.findBySerial(intent.caId, issued.serialHex)
    assert.equal(record?.state, 'issued')
    assert.deepEqual(record.certificateDer, issued.certificateDer)
    assert.deepEqual((await safe.store.outbox.find(owed.id))?.payload, owed.payload)
    assert.equal(safe.files.size, 0)
    assert.deepEqual(safe.log.eventIds(), [SAVED, REPLAYED])
  })

  test('brings refusals and abandonments with the failure that is owed', async () => {
    const safe = new Safe()
    const intent = sampleIntent()
    await safe.store.certificates.reserve(intent, 'one', later(60), later(-60))
    const owed = [sampleOwed({ kind: 'failure' }), sampleOwed({ kind: 'failure' })]
    safe.store.faults.failWrites = true
    const { serialHex } = intent.order
    await safe.keeping.keepAbandonment(serialHex, 'no', owed[0], safe.log.journal)
    await safe.keeping.keepRefusal(sampleRefusal(), owed[1], safe.log.journal)
    safe.store.faults.failWrites = false
    assert.equal(await safe.keeping.replay(), 2)
    assert.equal((await safe.store.outbox.list(['due'], 10)).length, 2)
    assert.equal((await safe.store.certificates.count()).abandoned, 1)
    assert.equal((await safe.store.certificates.listRefusals(10)).length, 1)
  })

  test('stops while the store is away and goes on later', async () => {
    const safe = new Safe()
    await safe.spoolCompletion()
    safe.store.faults.failWrites = true
    await assertFailsWith(safe.keeping.replay(), 'store/unavailable')
    assert.equal(safe.files.size, 1)
    safe.store.faults.failWrites = false
    assert.equal(await safe.keeping.replay(), 1)
  })

  test('after a crash between store and disk changes nothing the second time', async () => {
    const safe = new Safe()
    const { owed } = await safe.spoolCompletion()
    const files = [...safe.files]
    await safe.keeping.replay()
    for (const [id, entry] of files) safe.files.set(id, entry)
    assert.equal(await safe.open().replay(), 1)
    assert.equal((await safe.store.outbox.list(['due'], 10)).length, 1)
    assert.equal((await safe.store.outbox.find(owed.id))?.state, 'due')
  })

  test('an entry of another data key is reported once, left where it is, and does not stop the others', async () => {
    const safe = new Safe()
    await safe.spoolCompletion(safe.open(new Uint8Array(randomBytes(32))))
    await safe.spoolCompletion()
    assert.equal(await safe.keeping.replay(), 1)
    assert.equal(await safe.keeping.replay(), 0)
    assert.equal(safe.files.size, 1)
    assert.deepEqual(
      safe.log.eventIds().filter((id) => id === UNREADABLE),
      [UNREADABLE],
    )
  })

  test('an entry that contradicts the store is reported once and does not stop the others', async () => {
    const safe = new Safe()
    const { intent } = await safe.spoolCompletion()
    await safe.spoolCompletion()
    await safe.store.certificates.complete(intent, sampleIssued(intent), undefined)
    assert.equal(await safe.keeping.replay(), 1)
    assert.equal(await safe.keeping.replay(), 0)
    assert.equal(safe.files.size, 1)
    const reported = safe.log.records.filter(({ eventId }) => eventId === UNREADABLE)
    assert.deepEqual(
      reported.map(({ errorCode }) => errorCode),
      ['store/conflict'],
    )
  })

  test('names what the spool had to move aside', async () => {
    const safe = new Safe()
    safe.unreadable.push('torn.entry')
    await safe.keeping.replay()
    assert.equal(safe.log.records[0]?.detail, 'torn.entry')
  })

  test('does not ask the disk while nothing can be there', async () => {
    const safe = new Safe()
    await safe.keeping.replay()
    await safe.keeping.replay()
    assert.equal(safe.lists, 1)
  })

  test('does not forget what is saved while it runs', async () => {
    const safe = new Safe()
    await safe.spoolCompletion()
    safe.onListed = async () => {
      safe.onListed = undefined
      await safe.spoolCompletion()
    }
    assert.equal(await safe.keeping.replay(), 1)
    assert.equal(await safe.keeping.replay(), 1)
    assert.equal(safe.files.size, 0)
  })

  test('twice at once replays each entry once', async () => {
    const safe = new Safe()
    await safe.spoolCompletion()
    const counts = await Promise.all([safe.keeping.replay(), safe.keeping.replay()])
    assert.deepEqual(counts, [1, 0])
  })

  test('fails when the disk does, and looks again later', async () => {
    const safe = new Safe()
    await safe.spoolCompletion()
    safe.isDiskBroken = true
    await assertFailsWith(safe.keeping.replay(), 'spool/unavailable')
    safe.isDiskBroken = false
    assert.equal(await safe.keeping.replay(), 1)
  })
})
