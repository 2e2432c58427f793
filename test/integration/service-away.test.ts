import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { enrolDevice } from '../../src/cli/enrolment-client/index.ts'
import type { Configuration } from '../../src/config/index.ts'
import { Secret } from '../../src/kernel/index.ts'
import { type Simulator, startSimulator } from '../../src/simulator/index.ts'
import { isOnCrl } from '../support/read-crl.ts'
import { startTestConnector, type TestConnector } from '../support/running-connector.ts'

const FIVE_MINUTES_MS = 300_000
const ALMOST_A_DAY_MS = 24 * 3_600_000 - 2 * FIVE_MINUTES_MS

describe('a connector service that is away for a day', () => {
  let folder: string
  let service: Simulator
  let stage: TestConnector
  let shiftMs = 0
  const clock = { now: () => new Date(Date.now() + shiftMs) }
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'service-away-'))
    service = await startSimulator({ dataDir: folder, httpsPort: 0, controlPort: 0, clock })
    stage = await startTestConnector(configured, undefined, clock)
  })
  after(async () => {
    await stage.remove()
    await service.close()
    await rm(folder, { recursive: true })
  })

  function configured(configuration: Configuration): Configuration {
    const { intune: _, ...rest } = configuration
    return {
      ...rest,
      profiles: configuration.profiles.filter(({ challenge }) => challenge.kind === 'static'),
      features: { ...configuration.features, revocation: true },
      simulator: { ...configuration.simulator, enabled: false },
      management: {
        openService: {
          url: service.httpsUrl,
          enrolmentToken: new Secret(service.enrolmentToken),
          caFile: service.caFile,
          timeouts: { connectMs: 2000, readMs: 5000 },
        },
      },
    }
  }

  async function control(method: string, path: string, body?: object): Promise<unknown> {
    const answer = await fetch(`${service.controlUrl}/control/${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }

  async function enrol(commonName: string): Promise<string> {
    const subject = `CN=${commonName}`
    const challenge = new Secret('secret')
    const url = stage.scepUrl('static')
    const device = await enrolDevice({ url, subject, challenge, key: 'rsa2048' })
    return new X509Certificate(device.chainPem).serialNumber
  }

  async function loadIntervals() {
    const { value } = (await control('GET', 'connectors')) as { value: readonly { id: string }[] }
    return (await control('GET', `connectors/${value[0]?.id}/health`)) as {
      readonly intervals: readonly { readonly metricName: string; readonly successCount: number }[]
      readonly repeated: number
    }
  }

  test('devices enrol meanwhile, and what the service is owed arrives when it is back, once', async () => {
    await stage.waitForEvents({ id: 5000 }, (found) => found.length > 0)
    const serialNumber = await enrol('wiped')
    for (const hop of ['ocs-upload', 'ocs-health'])
      await control('POST', 'faults', { hop, fault: '503' })
    await control('POST', 'work/revocation', { serialNumber })
    await stage.waitForEvents({ id: 3101 }, (found) => found.length > 0)
    for (const hop of ['ocs-download', 'ocs-leases', 'ocs-discovery', 'ocs-enrolment'])
      await control('POST', 'faults', { hop, fault: '503' })
    await enrol('meanwhile')
    assert.equal(await isOnCrl(stage.connector.deviceUrl, serialNumber), true)
    await stage.stop()
    assert.equal((await stage.events({ id: 3000 })).length, 0)

    shiftMs = ALMOST_A_DAY_MS
    stage = await startTestConnector(configured, stage.dataDir, clock)
    await stage.waitForEvents({ id: 68 }, (found) => found.length > 0)
    await stage.stop()

    shiftMs += FIVE_MINUTES_MS
    await control('DELETE', 'faults')
    stage = await startTestConnector(configured, stage.dataDir, clock)
    await stage.waitForEvents({ id: 3000 }, (found) => found.length === 1)
    const { value } = (await control('GET', 'work/revocation')) as {
      value: readonly { state: string; results: readonly { outcome: string }[] }[]
    }
    assert.equal(value[0]?.state, 'succeeded')
    assert.equal(value[0].results.filter(({ outcome }) => outcome === 'recorded').length, 1)
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
