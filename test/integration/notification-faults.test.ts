import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { enrolDevice } from '../../src/cli/enrolment-client/index.ts'
import type { Configuration } from '../../src/config/index.ts'
import { Secret } from '../../src/kernel/index.ts'
import { startTestConnector, type TestConnector } from '../support/running-connector.ts'

/** Fractions of a second instead of seconds and minutes; the order of things is the same. */
const quickPauses = {
  onlinePausesSeconds: [0.05, 0.05, 0.05, 0.05],
  courierPausesSeconds: [0.2],
  giveUpDays: 7,
}

async function enrol(running: TestConnector, profile?: string) {
  return await enrolDevice({
    url: running.scepUrl(profile),
    subject: 'CN=device',
    challenge: new Secret(await running.challenge()),
  })
}

async function successes(running: TestConnector): Promise<{ certificateThumbprint: string }[]> {
  const answer = await running.control('GET', '/control/notifications')
  return (answer as { value: { kind: string; certificateThumbprint: string }[] }).value.filter(
    ({ kind }) => kind === 'success',
  )
}

describe('Intune does not take the success notification at once', () => {
  let running: TestConnector
  before(async () => {
    running = await startTestConnector((same) => ({ ...same, notifications: quickPauses }))
  })
  after(() => running.remove())

  test('REQ-142: events 4003, 4004, 4006, 4009, 4008, 4000: 500 three times: the certificate is delivered; 4009 three times, then 4008 and one 4000', async () => {
    await running.control('POST', '/control/faults', { hop: 'success', fault: '500', times: 3 })
    const device = await enrol(running)
    const { transactionId } = device
    await running.waitForEvents({ channel: 'admin', transactionId }, (found) => found.length > 0)
    const found = await running.events({ transactionId })
    assert.deepEqual(
      found.map(({ eventId }) => eventId),
      [4003, 4004, 4006, 4009, 4009, 4009, 4008, 4000],
    )
    assert.equal(found[3]?.httpStatus, 500)
    assert.equal(new Set(found.map(({ requestId }) => requestId)).size, 1)
    const told = await successes(running)
    assert.deepEqual(
      told.map(({ certificateThumbprint }) => certificateThumbprint),
      [device.sha1Hex],
    )
  })

  test('event 4002: away for longer than the online attempts: 4002, and it is delivered when Intune is back', async () => {
    await running.control('POST', '/control/faults', { hop: 'success', fault: '503' })
    const device = await enrol(running)
    const { transactionId } = device
    await running.waitForEvents({ channel: 'admin', transactionId }, (found) => found.length > 0)
    await running.control('POST', '/control/clock', { advanceMinutes: 60 })
    await running.control('DELETE', '/control/faults')
    const delivered = await running.waitForEvents(
      { id: 4008, transactionId },
      (found) => found.length > 0,
    )
    assert.equal(delivered[0]?.redelivered, true)
    const admin = await running.events({ channel: 'admin', transactionId })
    assert.deepEqual(
      admin.map(({ eventId }) => eventId),
      [4002],
    )
    const told = await successes(running)
    assert.ok(told.some(({ certificateThumbprint }) => certificateThumbprint === device.sha1Hex))
  })
})

describe('a strict profile', () => {
  let running: TestConnector
  before(async () => {
    running = await startTestConnector((same) => ({
      ...same,
      notifications: quickPauses,
      profiles: same.profiles.map((profile) => ({ ...profile, notifyMode: 'strict' as const })),
    }))
  })
  after(() => running.remove())

  test('REQ-142: hands the certificate out after Intune’s yes', async () => {
    const device = await enrol(running)
    const found = await running.events({ transactionId: device.transactionId })
    assert.deepEqual(
      found.map(({ eventId }) => eventId),
      [4003, 4004, 4006, 4008, 4000],
    )
  })

  test('REQ-142: without it no certificate leaves, what was signed is revoked, and the CRL says so', async () => {
    await running.control('POST', '/control/faults', { hop: 'success', fault: '500' })
    const transactionId = 'strict-without-yes'
    await assert.rejects(
      enrolDevice({
        url: running.scepUrl(),
        subject: 'CN=device',
        transactionId,
        challenge: new Secret(await running.challenge()),
      }),
      { code: 'scep/bad-request' },
    )
    await running.control('DELETE', '/control/faults')
    const admin = await running.events({ channel: 'admin', transactionId })
    assert.deepEqual(
      admin.map(({ eventId }) => eventId),
      [4002],
    )
    const [orphan] = await running.events({ id: 61, transactionId })
    assert.ok(orphan?.serialNumber)
    const crl = await fetch(`${running.connector.deviceUrl}/crl/default.crl`)
    const bytes = Buffer.from(await crl.arrayBuffer())
    assert.ok(bytes.includes(Buffer.from(orphan.serialNumber, 'hex')))
  })
})

describe('Intune cannot be asked', () => {
  let running: TestConnector
  before(async () => {
    running = await startTestConnector(
      ({ intune, ...same }): Configuration => ({
        ...same,
        profiles: same.profiles.map((profile) => ({ ...profile, outageReply: 'fail' })),
        ...(intune === undefined
          ? {}
          : { intune: { ...intune, timeouts: { connectMs: 500, readMs: 500, budgetMs: 2000 } } }),
      }),
    )
  })
  after(() => running.remove())

  for (const fault of ['500', '503', '429', 'html', 'truncated', '204', 'reset', '401', '403']) {
    test(`REQ-150: with outageReply fail, validation answered with ${fault} refuses`, async () => {
      await running.control('POST', '/control/faults', { hop: 'validate', fault })
      const transactionId = `validate-${fault}`
      await assert.rejects(
        enrolDevice({
          url: running.scepUrl(),
          subject: 'CN=device',
          transactionId,
          challenge: new Secret(await running.challenge()),
        }),
        { code: 'scep/bad-request' },
      )
      await running.control('DELETE', '/control/faults')
      const found = await running.events({ transactionId })
      assert.deepEqual(
        found.map(({ eventId }) => eventId),
        [4003, 4005, 4001],
      )
    })
  }
})
