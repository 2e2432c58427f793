import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { enrolDevice } from '../../src/cli/enrolment-client/index.ts'
import type { Configuration } from '../../src/config/index.ts'
import { Secret } from '../../src/kernel/index.ts'
import { withoutBatches } from '../support/item-story.ts'
import { isOnCrl } from '../support/read-crl.ts'
import { startTestConnector, type TestConnector } from '../support/running-connector.ts'
import { type ServiceBeside, startServiceBeside } from '../support/service-beside.ts'

interface Known {
  readonly id: string
  readonly state: string
  readonly connectorVersion: string
}

interface Reported {
  readonly intervals: readonly { readonly metricName: string; readonly successCount: number }[]
  readonly messages: readonly unknown[]
  readonly repeated: number
}

describe('a connector and a connector service beside it', () => {
  let beside: ServiceBeside
  let stage: TestConnector
  before(async () => {
    beside = await startServiceBeside()
    await writeFile(join(beside.folder, 'releases.pem'), beside.simulator.releaseKeyPem)
    const yesterday = new Date(Date.now() - 86_400_000).toISOString()
    const releases = [
      { version: '0.0.0', releasedDateTime: '2026-01-01T00:00:00Z' },
      { version: '0.1.0', releasedDateTime: yesterday },
    ]
    await beside.control('PUT', 'releases', { releases })
    stage = await startTestConnector(configured)
  })
  after(async () => {
    // A connector that did not start, and what its stop finds wrong, is what the tests should fail with, not a simulator
    // that keeps the process alive.
    try {
      await stage?.remove()
    } finally {
      await beside?.remove()
    }
  })

  function configured(configuration: Configuration): Configuration {
    const features = { ...configuration.features, revocation: true }
    const at = beside.configure({ ...configuration, features })
    const { openService } = at.management
    assert.ok(openService !== undefined)
    return {
      ...at,
      management: {
        ...at.management,
        openService: { ...openService, releaseKeyFile: join(beside.folder, 'releases.pem') },
      },
    }
  }

  async function getOnlyKnown(): Promise<Known> {
    const { value } = (await beside.control('GET', 'connectors')) as { value: Known[] }
    const [known, another] = value
    assert.ok(known)
    assert.equal(another, undefined)
    return known
  }

  async function loadReported(): Promise<Reported> {
    return (await beside.control(
      'GET',
      `connectors/${(await getOnlyKnown()).id}/health`,
    )) as Reported
  }

  async function loadStatus(): Promise<Record<string, unknown>> {
    const answer = await fetch(`${stage.connector.adminUrl}/api/status`)
    return ((await answer.json()) as { openService: Record<string, unknown> }).openService
  }

  test('event 5000: it enrols at its start and reports: 67 and 5000; the service lists it as active', async () => {
    await stage.waitForEvents({ id: 5000 }, (found) => found.length > 0)
    const [issued] = await stage.events({ id: 67 })
    assert.match(issued?.detail ?? '', /^enrolled; connector [0-9a-f-]{36}$/)
    const known = await getOnlyKnown()
    assert.equal(known.state, 'active')
    assert.equal(known.connectorVersion, '0.0.0-test')
    const status = await loadStatus()
    assert.equal(status['connectorId'], known.id)
    assert.equal(status['state'], 'active')
  })

  test('a version that has a successor is told: 51 and 69, and in the checks', async () => {
    const [told] = await stage.waitForEvents({ id: 69 }, (found) => found.length > 0)
    assert.equal((await stage.events({ id: 51 })).length, 1)
    assert.deepEqual(await stage.events({ id: 52 }), [])
    assert.match(told?.detail ?? '', /version 0\.1\.0 is there/)
    const answer = await fetch(`${stage.connector.adminUrl}/readyz`)
    assert.equal(answer.status, 200)
    const { checks } = (await answer.json()) as {
      checks: { name: string; status: string; reason: string }[]
    }
    const version = checks.find(({ name }) => name === 'version')
    assert.equal(version?.status, 'degraded')
    assert.equal(version?.reason, told?.detail)
  })

  test('keys under dataDir are encrypted; the token is nowhere', async () => {
    const names = await readdir(join(stage.dataDir, 'open-service'))
    assert.deepEqual(names.sort(), [
      'agent-1.key',
      'agent.json',
      'encryption-1.key',
      'releases.jws',
    ])
    for (const name of names) {
      const text = await readFile(join(stage.dataDir, 'open-service', name), 'utf8')
      assert.ok(!text.includes('BEGIN PRIVATE KEY'), name)
      if (name.endsWith('.key')) assert.match(text, /^-----BEGIN ENCRYPTED PRIVATE KEY-----/)
      assert.ok(!text.includes(beside.simulator.enrolmentToken), name)
    }
  })

  interface Queued {
    readonly requestContext: string
    readonly state: string
    readonly attempt: number
    readonly passedOver: readonly string[]
    readonly results: readonly { readonly outcome: string; readonly result: object }[]
  }

  async function findQueued(requestContext: string): Promise<Queued> {
    const { value } = (await beside.control('GET', 'work/revocation')) as {
      value: readonly Queued[]
    }
    const found = value.find((item) => item.requestContext === requestContext)
    assert.ok(found)
    return found
  }

  async function settled(requestContext: string, isSo: (item: Queued) => boolean): Promise<Queued> {
    for (const until = Date.now() + 15_000; ; ) {
      const found = await findQueued(requestContext)
      if (isSo(found)) return found
      assert.ok(Date.now() < until, `still ${found.state} after 15 seconds`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  test('events 3000, 3020, 3050, 3102: a revocation of its queue is carried out, is on the CRL, and its result is recorded once', async () => {
    const device = await enrolDevice({
      url: stage.scepUrl('static'),
      subject: 'CN=wiped',
      challenge: new Secret('secret'),
      key: 'rsa2048',
    })
    const { serialNumber } = new X509Certificate(device.chainPem)
    const order = { serialNumber, caConfiguration: 'connector-ca/default' }
    const queued = (await beside.control('POST', 'work/revocation', {
      ...order,
      revocationReason: 'keyCompromise',
    })) as Queued
    const done = await settled(queued.requestContext, ({ state }) => state === 'succeeded')
    assert.deepEqual(
      done.results.map(({ outcome }) => outcome),
      ['recorded'],
    )
    assert.equal(await isOnCrl(stage.connector.deviceUrl, serialNumber), true)
    const [admin] = await stage.waitForEvents({ id: 3000 }, (found) => found.length === 1)
    const own = await stage.events({ transactionId: admin?.transactionId })
    assert.deepEqual(
      withoutBatches(own)
        .map(({ eventId }) => eventId)
        .toSorted((a, b) => a - b),
      [3000, 3020, 3050, 3102],
    )
  })

  test('a revocation for another CA is never lent to us; one that names an issuer only is given back', async () => {
    const named = { serialNumber: '0A0B0C', caConfiguration: 'ca2.corp.example\\Other CA' }
    const other = (await beside.control('POST', 'work/revocation', named)) as Queued
    const order = { serialNumber: '0A0B0C', issuerName: 'CN=Other CA' }
    const queued = (await beside.control('POST', 'work/revocation', order)) as Queued
    const back = await settled(queued.requestContext, ({ passedOver }) => passedOver.length > 0)
    assert.equal(back.state, 'queued')
    assert.deepEqual(back.results, [])
    assert.equal((await findQueued(other.requestContext)).attempt, 0)
  })

  test('events 5001, 5002: started again it is the same connector, and what an outage kept arrives, each interval once', async () => {
    const { id } = await getOnlyKnown()
    const uploaded = (await stage.events({ id: 5000 })).length
    await beside.control('POST', 'faults', { hop: 'ocs-health', fault: '503' })
    await stage.stop()
    const [failure] = await stage.events({ id: 5002 })
    assert.equal(failure?.httpStatus, 503)
    assert.equal(
      (await stage.events({ id: 5001 })).length,
      (await stage.events({ id: 5002 })).length,
    )
    const before = await loadReported()
    await beside.control('DELETE', 'faults')
    stage = await startTestConnector(configured, stage.dataDir)
    await stage.waitForEvents({ id: 5000 }, (found) => found.length > uploaded)
    assert.equal((await getOnlyKnown()).id, id)
    assert.equal((await stage.events({ id: 67 })).length, 1)
    const after = await loadReported()
    const uploads = after.intervals.filter(({ metricName }) => metricName === 'healthUpload')
    assert.ok(uploads.length > before.intervals.length, JSON.stringify(after.intervals))
    assert.equal(after.repeated, 0)
  })
})
