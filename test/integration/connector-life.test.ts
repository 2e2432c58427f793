import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Configuration } from '../../src/config/index.ts'
import { startTestConnector, type TestConnector } from '../support/running-connector.ts'
import { type ServiceBeside, startServiceBeside } from '../support/service-beside.ts'

const DAY_MS = 86_400_000

interface Known {
  readonly id: string
  readonly encryptionSha256: string
  readonly features: Readonly<Record<string, boolean>>
}

interface AgentFile {
  readonly connectorId: string
  readonly certificatePem: string
  readonly encryptionCertificatePem: string
}

describe('the life of a connector at its service', () => {
  let aheadDays = 0
  const clock = { now: () => new Date(Date.now() + aheadDays * DAY_MS) }
  let service: ServiceBeside
  let stage: TestConnector
  before(async () => {
    service = await startServiceBeside()
    stage = await startTestConnector((given) => withRevocation(given, false), undefined, clock)
    await stage.waitForEvents({ id: 5000 }, (found) => found.length > 0)
  })
  after(async () => {
    await stage.remove()
    await service.remove()
  })

  function withRevocation(configuration: Configuration, revocation: boolean): Configuration {
    const configured = service.configure(configuration)
    return { ...configured, features: { ...configured.features, revocation } }
  }

  async function restart(): Promise<void> {
    await stage.stop()
    const reported = (await stage.events({ id: 5000 })).length
    stage = await startTestConnector((given) => withRevocation(given, true), stage.dataDir, clock)
    await stage.waitForEvents({ id: 5000 }, (found) => found.length > reported)
  }

  async function getKnown(): Promise<Known> {
    const { value } = await service.control<{ value: readonly Known[] }>('GET', 'connectors')
    assert.equal(value.length, 1)
    assert.ok(value[0])
    return value[0]
  }

  async function loadAgent(): Promise<AgentFile> {
    return JSON.parse(await readFile(join(stage.dataDir, 'open-service/agent.json'), 'utf8'))
  }

  async function isAnswered(requestContext: string): Promise<boolean> {
    const item = (await service.itemsOf('revocation')).find(
      (one) => one.requestContext === requestContext,
    )
    return (item?.passedOver.length ?? 0) > 0
  }

  /** Of a CA that this connector does not have: it gives the item back. */
  async function queueForeign(): Promise<string> {
    const order = { serialNumber: '0A0B0C', issuerName: 'CN=Somebody else' }
    return (await service.control<{ requestContext: string }>('POST', 'work/revocation', order))
      .requestContext
  }

  test('without a feature no item of it is lent, and its queue is not asked; switched on, the service is told', async () => {
    const context = await queueForeign()
    assert.equal((await getKnown()).features['revocation'], false)
    const [unasked] = await service.itemsOf('revocation')
    assert.equal(unasked?.attempt, 0)
    const { value } = await service.control<{ value: readonly { hop: string }[] }>(
      'GET',
      'requests',
    )
    assert.ok(value.some(({ hop }) => hop === 'ocs-health'))
    assert.ok(value.every(({ hop }) => hop !== 'ocs-download'))
    await restart()
    assert.equal((await getKnown()).features['revocation'], true)
    await service.waitUntil('the item is given back', async () => await isAnswered(context))
  })

  test('when two thirds of their life are over both certificates are renewed, for new keys, and the new ones serve', async () => {
    const before = await loadAgent()
    aheadDays = 59
    await service.control('POST', 'clock', { advanceMinutes: 59 * 1440 })
    await restart()
    assert.equal((await loadAgent()).certificatePem, before.certificatePem)

    aheadDays = 61
    await service.control('POST', 'clock', { advanceMinutes: 2 * 1440 })
    await restart()
    const renewals = await stage.events({ id: 67 })
    assert.deepEqual(
      renewals.map(({ detail }) => detail?.split(';')[0]),
      ['enrolled', 'renewed'],
    )
    const renewed = await loadAgent()
    assert.equal(renewed.connectorId, before.connectorId)
    for (const member of ['certificatePem', 'encryptionCertificatePem'] as const) {
      const [old, fresh] = [before, renewed].map((one) => new X509Certificate(one[member]))
      assert.ok(old && fresh)
      assert.ok(!old.publicKey.equals(fresh.publicKey), member)
      assert.equal(fresh.validFromDate.getTime() - old.validFromDate.getTime() > 60 * DAY_MS, true)
    }
    const known = await getKnown()
    const { fingerprint256 } = new X509Certificate(renewed.encryptionCertificatePem)
    assert.equal(known.encryptionSha256, fingerprint256.replaceAll(':', '').toLowerCase())
    const names = await readdir(join(stage.dataDir, 'open-service'))
    for (const name of ['agent-2.key', 'encryption-2.key']) assert.ok(names.includes(name), name)

    // Past the end of the first certificate, the service recognises the second one only.
    await service.control('POST', 'clock', { advanceMinutes: 35 * 1440 })
    const context = await queueForeign()
    await service.waitUntil('an item after the renewal', async () => await isAnswered(context))
  })
})
