import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createHealth, type HealthCheck, type HealthFinding } from '../../../src/connector/index.ts'
import { ConnectorError } from '../../../src/kernel/index.ts'

const OK: HealthFinding = { status: 'ok', reason: 'all is well' }

function checkOf(run: HealthCheck['run'], change: Partial<HealthCheck> = {}): HealthCheck {
  return { name: 'part', maxAgeMs: 1000, timeoutMs: 1000, run, ...change }
}

function movable() {
  let now = 0
  return { now: () => new Date(now), advance: (ms: number) => (now += ms) }
}

describe('health', () => {
  test('names each check with its finding and when it was made', async () => {
    const clock = movable()
    clock.advance(5)
    const health = createHealth([checkOf(async () => OK)], clock)
    assert.deepEqual(await health.check(), [{ ...OK, name: 'part', checkedAt: new Date(5) }])
  })

  test('a finding is kept for its age, and made anew afterwards', async () => {
    const clock = movable()
    let runs = 0
    const health = createHealth(
      [
        checkOf(async () => {
          runs += 1
          return OK
        }),
      ],
      clock,
    )
    await health.check()
    clock.advance(999)
    await health.check()
    assert.equal(runs, 1)
    clock.advance(1)
    await health.check()
    assert.equal(runs, 2)
  })

  test('a failure is looked at again after five seconds, however long a finding is good', async () => {
    const clock = movable()
    const findings: HealthFinding[] = [{ status: 'failed', reason: 'one blip' }, OK]
    const run = async () => findings.shift() ?? OK
    const health = createHealth([checkOf(run, { maxAgeMs: 60_000 })], clock)
    await health.check()
    clock.advance(4_999)
    assert.equal((await health.check())[0]?.status, 'failed')
    clock.advance(1)
    assert.equal((await health.check())[0]?.status, 'ok')
  })

  test('a clock that was set back does not keep a finding for ever', async () => {
    const clock = movable()
    let runs = 0
    const count = async (): Promise<HealthFinding> => {
      runs += 1
      return OK
    }
    const health = createHealth([checkOf(count)], clock)
    clock.advance(1_000_000)
    await health.check()
    clock.advance(-900_000)
    await health.check()
    assert.equal(runs, 2)
  })

  test('callers at the same time share one run', async () => {
    let runs = 0
    const answer = Promise.withResolvers<HealthFinding>()
    const health = createHealth(
      [
        checkOf(async () => {
          runs += 1
          return await answer.promise
        }),
      ],
      movable(),
    )
    const both = Promise.all([health.check(), health.check()])
    answer.resolve(OK)
    assert.equal((await both).flat().length, 2)
    assert.equal(runs, 1)
  })

  test('a check that throws has failed, with the reason', async () => {
    const broken = checkOf(async () => {
      throw new ConnectorError('store/unavailable', 'the disk is full')
    })
    const [result] = await createHealth([broken], movable()).check()
    assert.equal(result?.status, 'failed')
    assert.match(result.reason, /store\/unavailable: the disk is full/)
  })

  test('a check that hangs has failed, and the others are answered', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const time = new AbortController()
    t.mock.method(AbortSignal, 'timeout', () => time.signal)
    const hanging = checkOf(async () => await Promise.withResolvers<never>().promise)
    const health = createHealth([hanging, checkOf(async () => OK, { name: 'other' })], movable())
    const checked = health.check()
    time.abort()
    const [first, second] = await checked
    assert.equal(first?.status, 'failed')
    assert.match(first.reason, /1000 ms/)
    assert.equal(second?.status, 'ok')
  })
})
