import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { enrolDevice } from '../../src/cli/enrolment-client/index.ts'
import type { Configuration } from '../../src/config/index.ts'
import { Secret } from '../../src/kernel/index.ts'
import { withoutBatches } from '../support/item-story.ts'
import { isOnCrl } from '../support/read-crl.ts'
import { startTestConnector, type TestConnector } from '../support/running-connector.ts'

/** A queued request as the simulator shows it. */
interface Queued {
  readonly requestContext: string
  readonly state: 'pending' | 'succeeded' | 'failed'
  readonly offers: number
  readonly results: readonly {
    readonly succeeded: boolean
    readonly errorName: string
    readonly errorMessage: string | null
  }[]
}

const often = (configuration: Configuration): Configuration => ({
  ...configuration,
  revocation: { ...configuration.revocation, pollMinutes: 0.005 },
})

describe('revocation requests over Microsoft’s wire', () => {
  let running: TestConnector
  before(async () => {
    running = await startTestConnector(often)
  })
  after(async () => await running.remove())

  /** Enrols with a challenge of Intune; gives what Intune was told of the certificate. */
  async function enrol(commonName: string) {
    const subject = `CN=${commonName}`
    const challenge = new Secret(await running.challenge({ subject }))
    const device = await enrolDevice({
      url: running.scepUrl(),
      subject,
      challenge,
      key: 'rsa2048',
    })
    const certificate = new X509Certificate(device.chainPem)
    const isTold = ({ serialNumber }: { readonly serialNumber?: string | undefined }) =>
      serialNumber === certificate.serialNumber
    await running.waitForEvents({ id: 4008 }, (found) => found.some(isTold))
    const { value } = (await running.control('GET', '/control/notifications?kind=success')) as {
      value: readonly {
        certificateSerialNumber: string
        issuingCertificateAuthority: string
        caConfiguration: string
      }[]
    }
    const told = value.find(
      ({ certificateSerialNumber }) => certificateSerialNumber === certificate.serialNumber,
    )
    assert.ok(told !== undefined, 'Intune was told')
    return {
      serialNumber: told.certificateSerialNumber,
      issuerName: told.issuingCertificateAuthority,
      caConfiguration: told.caConfiguration,
    }
  }

  async function queue(order: object): Promise<string> {
    const { requestContext } = (await running.control(
      'POST',
      '/control/revocations',
      order,
    )) as Queued
    return requestContext
  }

  async function find(requestContext: string): Promise<Queued> {
    const { value } = (await running.control('GET', '/control/revocations')) as {
      value: readonly Queued[]
    }
    const found = value.find((one) => one.requestContext === requestContext)
    assert.ok(found !== undefined)
    return found
  }

  async function answered(requestContext: string): Promise<Queued> {
    for (const until = Date.now() + 15_000; Date.now() < until; ) {
      const found = await find(requestContext)
      if (found.state !== 'pending') return found
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    throw new Error('no result within 15 seconds')
  }

  test('events 3000, 3002, 3020, 3050, 3100, 3102: a certificate from SCEP is revoked, is on the CRL, and its result goes up once', async () => {
    const told = await enrol('wiped')
    const other = await enrol('kept')
    const context = await queue(told)
    const { state, results } = await answered(context)
    assert.equal(state, 'succeeded')
    assert.deepEqual(
      results.map(({ succeeded, errorName }) => ({ succeeded, errorName })),
      [{ succeeded: true, errorName: 'None' }],
    )
    assert.equal(await isOnCrl(running.connector.deviceUrl, told.serialNumber), true)
    assert.equal(await isOnCrl(running.connector.deviceUrl, other.serialNumber), false)
    const [admin] = await running.waitForEvents({ id: 3000 }, (found) => found.length === 1)
    assert.ok(admin !== undefined)
    assert.equal(admin.serialNumber, told.serialNumber)
    const { transactionId } = admin
    const own = await running.events({ transactionId })
    assert.deepEqual(
      withoutBatches(own)
        .map(({ eventId }) => eventId)
        .toSorted((a, b) => a - b),
      [3000, 3020, 3050, 3102],
    )
    assert.ok((await running.events({ id: 3002 })).length >= 1)
    assert.equal((await running.events({ id: 3100 })).length, 1)
  })

  test('a request for another CA is left alone, however it looks', async () => {
    const told = await enrol('of-ours')
    const foreign = [
      { serialNumber: '4F00FF', issuerName: 'CN=Other', caConfiguration: 'other-ca' },
      { serialNumber: '4F00FF' },
      { ...told, caConfiguration: 'other-ca' },
      { ...told, caConfiguration: 'pki-ws.symauth.com\\Symantec' },
      { ...told, issuerName: 'CN=Other' },
      { serialNumber: '4F00FF', caConfiguration: told.caConfiguration },
      { serialNumber: '4F00FF', issuerName: told.issuerName },
    ]
    const contexts = await Promise.all(foreign.map(queue))
    const marker = await queue(told)
    await answered(marker)
    for (const context of contexts) {
      const { state, results, offers } = await find(context)
      assert.equal(state, 'pending')
      assert.deepEqual(results, [])
      assert.equal(offers, 1)
    }
  })

  test('event 3101: a connector that stops between act and upload uploads after its next start, and acts once', async () => {
    const told = await enrol('revoked-before-a-stop')
    await running.control('POST', '/control/faults', { hop: 'upload', fault: '503' })
    await queue({ ...told, serialNumber: `0x${told.serialNumber.toLowerCase()}` })
    await running.waitForEvents({ id: 3101 }, (found) => found.length > 0)
    const [acted] = (await running.events({ id: 3050 })).slice(-1)
    assert.equal(acted?.serialNumber, told.serialNumber)
    const { transactionId } = acted
    await running.stop()
    assert.deepEqual(await running.events({ transactionId, channel: 'admin' }), [])

    running = await startTestConnector(often, running.dataDir)
    await running.waitForEvents({ transactionId, channel: 'admin' }, (found) => found.length > 0)
    const own = await running.events({ transactionId })
    assert.deepEqual(
      withoutBatches(own).map(({ eventId }) => eventId),
      [3020, 3050, 3102, 3000],
    )
    assert.equal(await isOnCrl(running.connector.deviceUrl, told.serialNumber), true)
  })

  test('where the feature is off, nothing asks for revocations and readiness knows no queue', async () => {
    const off = await startTestConnector((configuration) => ({
      ...often(configuration),
      features: { ...configuration.features, revocation: false },
    }))
    try {
      const { checks } = (await (await fetch(`${off.connector.adminUrl}/readyz`)).json()) as {
        checks: readonly { name: string }[]
      }
      assert.ok(checks.length > 0)
      assert.ok(checks.every(({ name }) => !name.startsWith('queue')))
      const { value } = (await off.control('GET', '/control/requests?hop=download')) as {
        value: readonly unknown[]
      }
      assert.deepEqual(value, [])
    } finally {
      await off.remove()
    }
  })

  test('readiness and metrics show the queue', async () => {
    const { checks } = (await (await fetch(`${running.connector.adminUrl}/readyz`)).json()) as {
      checks: readonly { name: string; status: string }[]
    }
    assert.equal(checks.find(({ name }) => name === 'queue intune/revocation')?.status, 'ok')
    const metrics = await (await fetch(`${running.connector.adminUrl}/metrics`)).text()
    assert.match(
      metrics,
      /connector_queue_results_total\{queue="intune\/revocation",outcome="recorded"\} 1/,
    )
  })
})
