import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { enrolDevice } from '../../src/cli/enrolment-client/index.ts'
import type { Configuration } from '../../src/config/index.ts'
import { Secret } from '../../src/kernel/index.ts'
import { isOnCrl } from '../support/read-crl.ts'
import { startTestConnector, type TestConnector } from '../support/running-connector.ts'
import { type ServiceBeside, startServiceBeside } from '../support/service-beside.ts'

const FIVE_MINUTES_MS = 300_000
const ALMOST_A_DAY_MS = 24 * 3_600_000 - 2 * FIVE_MINUTES_MS

describe('a connector service that is away for a day', () => {
  let beside: ServiceBeside
  let stage: TestConnector
  let shiftMs = 0
  const clock = { now: () => new Date(Date.now() + shiftMs) }
  before(async () => {
    beside = await startServiceBeside(clock)
    stage = await startTestConnector(configured, undefined, clock)
  })
  after(async () => {
    // What the stop finds wrong is what this file should fail with, not a simulator that keeps the process alive.
    try {
      await stage.remove()
    } finally {
      await beside.remove()
    }
  })

  function configured(configuration: Configuration): Configuration {
    return beside.configure({
      ...configuration,
      features: { ...configuration.features, revocation: true },
    })
  }

  async function enrol(commonName: string): Promise<string> {
    const subject = `CN=${commonName}`
    const challenge = new Secret('secret')
    const url = stage.scepUrl('static')
    const device = await enrolDevice({ url, subject, challenge, key: 'rsa2048' })
    return new X509Certificate(device.chainPem).serialNumber
  }

  async function loadIntervals() {
    const { value } = await beside.control<{ value: readonly { id: string }[] }>(
      'GET',
      'connectors',
    )
    return await beside.control<{
      readonly intervals: readonly { readonly metricName: string; readonly successCount: number }[]
      readonly repeated: number
    }>('GET', `connectors/${value[0]?.id}/health`)
  }

  test('devices enrol meanwhile, and what the service is owed arrives when it is back, once', async () => {
    await stage.waitForEvents({ id: 5000 }, (found) => found.length > 0)
    const serialNumber = await enrol('wiped')
    for (const hop of ['ocs-upload', 'ocs-health'])
      await beside.control('POST', 'faults', { hop, fault: '503' })
    await beside.control('POST', 'work/revocation', { serialNumber })
    await stage.waitForEvents({ id: 3101 }, (found) => found.length > 0)
    for (const hop of ['ocs-download', 'ocs-leases', 'ocs-discovery', 'ocs-enrolment'])
      await beside.control('POST', 'faults', { hop, fault: '503' })
    await enrol('meanwhile')
    assert.equal(await isOnCrl(stage.connector.deviceUrl, serialNumber), true)
    await stage.stop()
    assert.equal((await stage.events({ id: 3000 })).length, 0)

    shiftMs = ALMOST_A_DAY_MS
    stage = await startTestConnector(configured, stage.dataDir, clock)
    await stage.waitForEvents({ id: 68 }, (found) => found.length > 0)
    await stage.stop()

    shiftMs += FIVE_MINUTES_MS
    await beside.control('DELETE', 'faults')
    stage = await startTestConnector(configured, stage.dataDir, clock)
    await stage.waitForEvents({ id: 3000 }, (found) => found.length === 1)
    const [item] = await beside.itemsOf('revocation')
    assert.equal(item?.state, 'succeeded')
    assert.equal(item.results.filter(({ outcome }) => outcome === 'recorded').length, 1)
    const { intervals, repeated } = await loadIntervals()
    assert.equal(repeated, 0)
    const issued = intervals.filter(({ metricName }) => metricName === 'scepIssue')
    assert.equal(
      issued.reduce((sum, { successCount }) => sum + successCount, 0),
      2,
      JSON.stringify(intervals),
    )
  })
})
