import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Authority, rollAuthority, rotateRa } from '../../../src/ca/index.ts'
import {
  addCaDuties,
  type ComposedAuthorities,
  type ComposedAuthority,
  caCertificatesOf,
  loadAuthorities,
} from '../../../src/compose/authorities.ts'
import { createNextCaAnswer } from '../../../src/compose/next-ca.ts'
import { demonstrationConfiguration } from '../../../src/config/index.ts'
import { createJournal, type EventRecord } from '../../../src/events/index.ts'
import { Secret } from '../../../src/kernel/index.ts'
import type { CrlRegister, Store } from '../../../src/store/index.ts'
import type { CryptoKeys, CryptoPool } from '../../../src/workers/index.ts'

const passphrase = new Secret('a passphrase of this test')
let now = new Date()
const clock = { now: () => now }
const nothingOnRecord: Pick<CrlRegister, 'status'> = {
  status: async () => ({ takenNumber: 0, outdatedSince: undefined, published: undefined }),
}

function raOf(composed: ComposedAuthority): Uint8Array | undefined {
  const [generation] = composed.authority.generations
  assert.ok(generation)
  return caCertificatesOf(composed, generation)[0]
}

describe('an RA that was rotated beside a connector that runs', () => {
  let dataDir = ''
  let authorities: ComposedAuthorities
  const held: CryptoKeys[] = []
  const recorded: EventRecord[] = []
  const works = new Map<string, () => Promise<unknown>>()

  before(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'ra-takeover-'))
    const demonstration = demonstrationConfiguration(dataDir)
    const ca = demonstration.ca.map((one) => ({
      ...one,
      rootKey: 'p256' as const,
      issuingKey: 'p256' as const,
    }))
    authorities = await loadAuthorities(
      { ...demonstration, ca },
      passphrase,
      clock,
      nothingOnRecord,
    )
    const pool: Pick<CryptoPool, 'updateKeys'> = {
      updateKeys: async (keys) => {
        held.push(keys)
      },
    }
    const sink = {
      write: (record: EventRecord) => void recorded.push(record),
      flush: async () => undefined,
      close: async () => undefined,
    }
    addCaDuties(
      { add: (name, _everyMs, work) => void works.set(name, work), stop: async () => undefined },
      authorities,
      new Map(),
      {
        store: {} as Store,
        holder: 'one',
        pool: pool as CryptoPool,
        passphrase,
        clock,
        journal: createJournal({
          identity: {
            connectorId: 'x',
            connectorName: 'x',
            connectorVersion: 'x',
            machineName: 'x',
          },
          sinks: [sink],
          clock,
        }),
      },
    )
  })
  after(() => rmSync(dataDir, { recursive: true, force: true }))

  const composed = () => {
    const found = authorities.get('default')
    assert.ok(found)
    return found
  }

  test('is left alone while nothing has changed', async () => {
    await works.get('RA of default')?.()
    assert.equal(held.length, 0)
    assert.equal(recorded.length, 0)
  })

  test('is taken over: the threads hold both keys, and devices are told the new certificate', async () => {
    const before = raOf(composed())
    const rotated: Authority = await rotateRa(composed().directory, passphrase, {
      now: new Date(),
      random: randomBytes,
    })
    await works.get('RA of default')?.()
    const after = raOf(composed())
    assert.notDeepEqual(after, before)
    assert.deepEqual(after, rotated.generations[0]?.ras[0]?.certificateDer)
    assert.deepEqual(
      held.at(-1)?.ras.map(({ certificateDer }) => certificateDer),
      [after, before],
    )
    assert.deepEqual(
      recorded.map(({ eventName }) => eventName),
      ['RaRenewed'],
    )
  })

  test('the next CA that was made beside it is taken over, its keys first, and on its date it is current', async () => {
    const handOverAt = new Date(now.getTime() + 3_600_000)
    await rollAuthority(composed().directory, passphrase, {
      names: { name: 'Demonstration CA' },
      issuingKey: 'p256',
      handOverAt,
      hasNewRoot: false,
      now,
      random: randomBytes,
    })
    recorded.length = 0
    await works.get('RA of default')?.()
    assert.deepEqual(
      held.at(-1)?.issuers.map(({ caId, crlUrl }) => [caId, crlUrl?.replace(/.*\//, '')]),
      [
        ['default', 'default.crl'],
        ['default.2', 'default.2.crl'],
      ],
    )
    const answers = createNextCaAnswer(composed(), clock)
    assert.ok(answers())
    const updates = held.length

    now = handOverAt
    assert.equal(answers(), undefined)
    await works.get('RA of default')?.()
    await works.get('RA of default')?.()
    assert.equal(held.length, updates + 1)
    const [first] = held.at(-1)?.ras.filter(({ isCurrent }) => isCurrent) ?? []
    assert.deepEqual(
      first?.certificateDer,
      composed().authority.generations[1]?.ras[0]?.certificateDer,
    )
    assert.deepEqual(
      recorded.map(({ eventName, caId }) => [eventName, caId]),
      [
        ['NextCaPublished', 'default.2'],
        ['CaHandedOver', 'default.2'],
      ],
    )
  })
})
