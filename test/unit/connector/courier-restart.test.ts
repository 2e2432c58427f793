import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createDeviceRequest, createStage, type Stage } from '../../support/enrolment-stage.ts'

/** An instance that died while it told the management service, and its next life. */
async function dieWhileTelling(notifyMode: 'deferred' | 'strict'): Promise<Stage> {
  const dead = await createStage()
  const telling = Promise.withResolvers<void>()
  dead.faults.notify = async () => {
    telling.resolve()
    await new Promise(() => undefined)
  }
  void dead.enrol(createDeviceRequest(), { notifyMode })
  if (notifyMode === 'deferred') {
    while ((await dead.store.outbox.depth(dead.clock.now())).due === 0)
      await new Promise(setImmediate)
    void dead.deliverDue()
  }
  await telling.promise
  return await createStage({ beside: dead })
}

describe('a courier after the death of its instance', () => {
  for (const notifyMode of ['deferred', 'strict'] as const)
    test(`tells what was under way in ${notifyMode} mode without waiting for its lease`, async () => {
      const next = await dieWhileTelling(notifyMode)
      // A strict notification is due for the rounds after this time, and leased for a second longer.
      next.clock.advance(30_500)
      await next.deliverDue()
      assert.equal(next.told.length, 0, 'the lease of the dead is in the way')
      await next.courier.releaseLeases()
      await next.deliverDue()
      assert.equal(next.told.length, 1)
      assert.deepEqual(next.eventIds(), [4008, 4000])
    })
})
