import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { openServiceClient } from '../../support/open-service-client.ts'
import { listAt, textAt, WireClient } from './wire-client.ts'

let wire: WireClient
before(async () => {
  wire = await WireClient.start()
})
after(async () => {
  await wire[Symbol.asyncDispose]()
})

const call = () => ({ activityId: randomUUID(), signal: AbortSignal.timeout(20_000) })

describe('the read side, as Graph beta', () => {
  test('shows connectors and the figures that they reported, to those who may read them', async () => {
    const client = openServiceClient(wire.simulator)
    await client.keepEnrolled(AbortSignal.timeout(20_000))
    const at = (minute: number): Date => new Date(Date.UTC(2026, 0, 1, 0, minute))
    const interval = (minute: number, successes: number) => ({
      metric: 'scepIssue' as const,
      from: at(minute),
      to: at(minute + 5),
      successes,
      failures: 1,
    })
    await client.health.report(
      {
        sentAt: at(10),
        uptimeSeconds: 600,
        intervals: [interval(0, 3), interval(5, 4)],
        observations: [],
        queues: { journalPending: 0, spoolPending: 0, oldestSpoolSeconds: 0 },
      },
      call(),
    )
    await client.close()

    const clientId = randomUUID()
    const graphRoles = ['DeviceManagementConfiguration.Read.All']
    const app = { clientId, clientSecret: 'reader-secret', graphRoles }
    assert.equal((await wire.control('POST', 'apps', app)).status, 201)
    const form = { client_id: clientId, client_secret: 'reader-secret' }
    const scope = 'https://graph.microsoft.com/.default'
    const token = await wire.getToken({ ...form, scope })
    const headers = { authorization: `Bearer ${token}` }
    const base = `${wire.simulator.graphUrl}beta/deviceManagement`

    const connectors = await wire.send('GET', `${base}/ndesConnectors`, undefined, headers)
    assert.equal(connectors.status, 200, connectors.text)
    const [known] = listAt(connectors.json, 'value')
    assert.equal(textAt(known, 'state'), 'active')
    assert.equal(textAt(known, 'connectorVersion'), '1.4.0')
    const details = `${base}/certificateConnectorDetails`
    const listed = await wire.send('GET', details, undefined, headers)
    const [detail] = listAt(listed.json, 'value')
    assert.equal(textAt(detail, 'machineName'), 'cc1.corp.example')
    const id = textAt(known, 'id')
    const names = { metricNames: ['scepIssue', 'revoke'] }
    const metrics = await wire.send('POST', `${details}/${id}/getHealthMetrics`, names, headers)
    assert.deepEqual(listAt(metrics.json, 'value'), [
      { name: 'scepIssue', value: 9 },
      { name: 'revoke', value: 0 },
    ])
    const timeSeries = {
      metricName: 'scepIssue',
      startDateTime: at(5).toISOString(),
      endDateTime: at(60).toISOString(),
    }
    const series = await wire.send(
      'POST',
      `${details}/${id}/getHealthMetricTimeSeries`,
      { timeSeries },
      headers,
    )
    assert.deepEqual(listAt(series.json, 'value'), [
      { dateTime: at(5).toISOString(), successCount: 4, failureCount: 1 },
    ])

    const stranger = { authorization: `Bearer ${await wire.getToken({ scope })}` }
    const refused = await wire.send('GET', `${base}/ndesConnectors`, undefined, stranger)
    assert.equal(refused.status, 403)
    assert.equal((await wire.send('GET', `${base}/ndesConnectors`)).status, 401)
    await wire.control('POST', 'clock', { advanceMinutes: 25 * 60 })
    const later = await wire.control('GET', 'connectors')
    assert.equal(textAt(listAt(later.json, 'value')[0], 'state'), 'inactive')
    await wire.control('POST', 'clock', { advanceMinutes: -25 * 60 })
  })
})

describe('a simulated device', () => {
  test('opens what openssl sealed for it, and with a new key no longer', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'device-'))
    try {
      const { json } = await wire.control('POST', 'devices', {})
      const deviceId = textAt(json, 'deviceId')
      writeFileSync(join(folder, 'device.pem'), textAt(json, 'certificatePem'))
      writeFileSync(join(folder, 'password'), 'password-of-the-pfx')
      const cms = execFileSync(
        'openssl',
        [
          ['cms', '-encrypt', '-binary', '-aes-256-cbc', '-outform', 'DER', '-in', 'password'],
          ['-recip', 'device.pem', '-keyopt', 'rsa_padding_mode:oaep'],
        ].flat(),
        { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] },
      )
      const order = { cms: cms.toString('base64') }
      const opened = await wire.control('POST', `devices/${deviceId}/open`, order)
      const content = Buffer.from(textAt(opened.json, 'content'), 'base64').toString()
      assert.equal(content, 'password-of-the-pfx')
      await wire.control('POST', 'devices', { deviceId })
      assert.equal((await wire.control('POST', `devices/${deviceId}/open`, order)).status, 400)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('an order of work', () => {
  test('may replace every member: what cannot be read costs the others nothing', async () => {
    const client = openServiceClient(wire.simulator)
    await client.keepEnrolled(AbortSignal.timeout(20_000))
    const queue = async (members: object): Promise<string> => {
      const { json } = await wire.control('POST', 'work/pkcs', { user: 'alice', members })
      return textAt(json, 'requestContext')
    }
    const good = await queue({})
    const unknownWord = await queue({ keyAlgorithm: 'rainbow' })
    const wrong = await queue({ keySize: -1, subjectName: 'a\nb' })
    const anyCase = await queue({ keyAlgorithm: 'RSA', platform: 'iOS' })
    const terms = { maxItems: 100, waitSeconds: 0, leaseSeconds: 300 }
    const batch = await client.queue('pkcs').download({ ...call(), ...terms })
    const contexts = batch.items.map(({ requestContext }) => requestContext)
    assert.deepEqual(contexts.toSorted(), [good, anyCase].toSorted())
    const [item] = batch.items
    assert.equal(item?.request.subjectName, 'CN=alice,E=alice@corp.example,O=Corp')
    assert.equal(item?.request.keyAlgorithm, 'rsa')
    assert.equal(item?.request.recipients.length, 1)
    const why = new Map(batch.unreadable.map((one) => [one.requestContext, one]))
    assert.equal(why.get(unknownWord)?.errorCode, 'NotSupportedError')
    assert.equal(why.get(wrong)?.errorCode, 'ParameterDataInvalidError')
    assert.match(why.get(wrong)?.problem ?? '', /keySize/)
    assert.equal(why.get(wrong)?.lease?.attempt, 1)
    await client.close()
  })
})
