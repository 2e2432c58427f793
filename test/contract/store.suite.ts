import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe } from 'node:test'
import type { CurrentHarness, StoreHarness } from '../support/store-harness.ts'
import { describeChallenges } from './store-challenges.suite.ts'
import { describeCrlsAndLeases } from './store-crls-and-leases.suite.ts'
import { describeOutbox } from './store-outbox.suite.ts'
import { describePending } from './store-pending.suite.ts'
import { describeRegister } from './store-register.suite.ts'
import { describeRetention } from './store-retention.suite.ts'
import { describeWork } from './store-work.suite.ts'

/**
 * What src/store/ports.ts promises, sentence by sentence. Every engine passes it unchanged.
 *
 * @param open an empty store for each test
 */
export function describeStore(engine: string, open: () => Promise<StoreHarness>): void {
  describe(`store in ${engine}`, () => {
    let harness: StoreHarness | undefined
    beforeEach(async () => {
      harness = await open()
    })
    afterEach(async () => {
      await harness?.close()
      harness = undefined
    })
    const current: CurrentHarness = () => {
      assert.ok(harness !== undefined)
      return harness
    }
    describeRegister(current)
    describeOutbox(current)
    describeCrlsAndLeases(current)
    describePending(current)
    describeChallenges(current)
    describeWork(current)
    describeRetention(current)
  })
}
