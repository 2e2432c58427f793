import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { HealthAnswer, OpenService } from '../../../../src/management/index.ts'
import { type Simulator, startSimulator } from '../../../../src/simulator/index.ts'
import { openServiceClient } from '../../../support/open-service-client.ts'

describe('what a service wants in its answer to a health message', () => {
  let dataDir: string
  let simulator: Simulator
  let client: OpenService
  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'wishes-'))
    simulator = await startSimulator({ dataDir, httpsPort: 0, controlPort: 0 })
    client = openServiceClient(simulator)
    await client.keepEnrolled(AbortSignal.timeout(10_000))
  })
  after(async () => {
    await client.close()
    await simulator.close()
    await rm(dataDir, { recursive: true })
  })

  async function reportUnder(settings: object): Promise<HealthAnswer> {
    const answer = await fetch(`${simulator.controlUrl}/control/open-service`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(settings),
    })
    assert.equal(answer.status, 200)
    const call = { activityId: randomUUID(), signal: AbortSignal.timeout(10_000) }
    const queues = { journalPending: 0, spoolPending: 0, oldestSpoolSeconds: 0 }
    const report = { sentAt: new Date(), uptimeSeconds: 1, intervals: [], observations: [], queues }
    return await client.health.report(report, call)
  }

  test('healthSeconds is the time until the next message', async () => {
    assert.equal((await reportUnder({ healthSeconds: 60 })).everyMs, 60_000)
  })

  test('versionInfo is its word on our version; without it there is none', async () => {
    assert.equal((await reportUnder({})).support, undefined)
    const supportEndsDateTime = '2026-08-01T00:00:00Z'
    const versionInfo = { latest: '1.4.1', status: 'deprecated', supportEndsDateTime }
    assert.deepEqual((await reportUnder({ versionInfo })).support, {
      status: 'deprecated',
      latest: '1.4.1',
      supportEndsAt: new Date(supportEndsDateTime),
    })
  })

  test('pollSeconds is the pause between downloads whose answer names none', async () => {
    await reportUnder({ pollSeconds: 17 })
    const queue = client.queue('revocation')
    const download = async () =>
      await queue.download({
        activityId: randomUUID(),
        signal: AbortSignal.timeout(10_000),
        maxItems: 1,
        waitSeconds: 0,
        leaseSeconds: 60,
      })
    assert.equal((await download()).pollAfterMs, 17_000)
    const { connectorId } = client.current()?.record ?? {}
    await fetch(`${simulator.controlUrl}/control/connectors/${connectorId}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ paused: true }),
    })
    assert.equal((await download()).pollAfterMs, 60_000)
  })
})
