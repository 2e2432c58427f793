import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Authority, rotateRa } from '../../../src/ca/index.ts'
import {
  addCaDuties,
  type ComposedAuthorities,
  type ComposedAuthority,
  caCertificatesOf,
  loadAuthorities,
} from '../../../src/compose/authorities.ts'
import { demonstrationConfiguration } from '../../../src/config/index.ts'
import { createJournal, type EventRecord } from '../../../src/events/index.ts'
import { Secret, systemClock } from '../../../src/kernel/index.ts'
import type { Store } from '../../../src/store/index.ts'
import type { CryptoKeys, CryptoPool } from '../../../src/workers/index.ts'

const passphrase = new Secret('a passphrase of this test')

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
    authorities = await loadAuthorities({ ...demonstration, ca }, passphrase, systemClock)
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
        clock: systemClock,
        journal: createJournal({
          identity: {
            connectorId: 'x',
            connectorName: 'x',
            connectorVersion: 'x',
            machineName: 'x',
          },
          sinks: [sink],
          clock: systemClock,
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
    const now = raOf(composed())
    assert.notDeepEqual(now, before)
    assert.deepEqual(now, rotated.generations[0]?.ras[0]?.certificateDer)
    assert.deepEqual(
      held.at(-1)?.ras.map(({ certificateDer }) => certificateDer),
      [now, before],
    )
    assert.deepEqual(
      recorded.map(({ eventName }) => eventName),
      ['RaRenewed'],
    )
  })
})
