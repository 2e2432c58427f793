import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { enrolDevice } from '../../src/cli/enrolment-client/index.ts'
import { Secret } from '../../src/kernel/index.ts'
import { startTestConnector, type TestConnector } from '../support/running-connector.ts'

describe('after a first start, which makes every key, a device enrols with a challenge of Intune', () => {
  let running: TestConnector
  before(async () => {
    running = await startTestConnector(undefined, mkdtempSync(join(tmpdir(), 'first-start-')))
  })
  after(() => running.remove())

  test('it gets its certificate, Intune is told, and the events tell the story once', async () => {
    const subject = 'CN=first-device,O=Contoso'
    const device = await enrolDevice({
      url: running.scepUrl(),
      subject,
      sans: [{ kind: 'dns', value: 'first.example' }],
      challenge: new Secret(await running.challenge({ subject })),
    })
    const { transactionId } = device
    const admin = await running.waitForEvents(
      { channel: 'admin', transactionId },
      (found) => found.length > 0,
    )
    assert.deepEqual(
      admin.map(({ eventId }) => eventId),
      [4000],
    )
    const steps = await running.events({ channel: 'operational', transactionId })
    assert.deepEqual(
      steps.map(({ eventId }) => eventId),
      [4003, 4004, 4006, 4008],
    )
    const { value } = (await running.control('GET', '/control/notifications')) as {
      value: { kind: string; certificateThumbprint: string; transactionId: string }[]
    }
    assert.equal(value.length, 1)
    assert.equal(value[0]?.kind, 'success')
    assert.equal(value[0]?.certificateThumbprint, device.sha1Hex)
    assert.equal(value[0]?.transactionId, transactionId)
  })

  test('the connector says that it is ready, and why', async () => {
    const answer = await fetch(`${running.connector.adminUrl}/readyz`)
    assert.equal(answer.status, 200)
    const { checks } = (await answer.json()) as { checks: { name: string; status: string }[] }
    assert.deepEqual(checks.map(({ name }) => name).sort(), [
      'ca default',
      'intune',
      'logs',
      'notifications',
      'store',
      'workers',
    ])
    assert.ok(checks.every(({ status }) => status === 'ok'))
  })
})
