import assert from 'node:assert/strict'
import { cpSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createInsistentDevice, type InsistentAnswer } from '../support/insistent-device.ts'
import { startTestConnector, type TestConnector } from '../support/running-connector.ts'

function certificatesOf(answers: readonly InsistentAnswer[]): Set<string> {
  return new Set(
    answers.map((answer) => {
      assert.equal(answer.kind, 'issued', JSON.stringify(answer))
      return answer.certificateHex
    }),
  )
}

describe('the same request several times', () => {
  let running: TestConnector
  before(async () => {
    running = await startTestConnector()
  })
  after(() => running.remove())

  test('REQ-143, REQ-145: eight at once: one is issued, all get it, each with its own nonce, and Intune is told once', async () => {
    const url = running.scepUrl()
    const device = await createInsistentDevice(url, await running.challenge())
    const answers = await Promise.all(Array.from({ length: 8 }, async () => await device.send(url)))
    assert.equal(certificatesOf(answers).size, 1)
    const { transactionId } = device
    await running.waitForEvents({ channel: 'admin', transactionId }, (found) => found.length > 0)
    const ids = (await running.events({ transactionId })).map(({ eventId }) => eventId)
    assert.equal(ids.filter((id) => id === 4003).length, 8)
    assert.deepEqual(
      ids.filter((id) => id !== 4003),
      [4004, 4006, 4008, 4000],
    )
    const { value } = (await running.control('GET', '/control/notifications')) as {
      value: { transactionId: string }[]
    }
    assert.equal(value.filter((one) => one.transactionId === transactionId).length, 1)
  })

  test('REQ-143: again after its challenge has expired: still the same certificate', async () => {
    const url = running.scepUrl()
    const device = await createInsistentDevice(url, await running.challenge())
    const first = await device.send(url)
    await running.control('POST', '/control/clock', { advanceMinutes: 120 })
    const second = await device.send(url)
    assert.equal(certificatesOf([first, second]).size, 1)
  })
})

test('REQ-143: after a restart the same request gets the same certificate', async () => {
  const first = await startTestConnector()
  const device = await createInsistentDevice(first.scepUrl('static'), 'secret')
  const before = await device.send(first.scepUrl('static'))
  await first.stop()
  const second = await startTestConnector(undefined, first.dataDir)
  try {
    const again = await device.send(second.scepUrl('static'))
    assert.equal(certificatesOf([before, again]).size, 1)
    const { transactionId } = device
    const admin = await second.events({ channel: 'admin', transactionId })
    assert.deepEqual(
      admin.map(({ eventId }) => eventId),
      [4000],
    )
  } finally {
    await second.remove()
  }
})

test('REQ-145: two connectors over one store issue the same request once', async () => {
  const one = await startTestConnector()
  const dataDir = mkdtempSync(join(tmpdir(), 'connector-'))
  for (const shared of ['ca', 'data.key', 'passphrase'])
    cpSync(join(one.dataDir, shared), join(dataDir, shared), { recursive: true })
  const file = join(one.dataDir, 'connector.db')
  const two = await startTestConnector(
    (same) => ({ ...same, store: { kind: 'sqlite', file } }),
    dataDir,
  )
  try {
    const device = await createInsistentDevice(one.scepUrl('static'), 'secret')
    const urls = [one, two, one, two, one, two].map((each) => each.scepUrl('static'))
    const answers = await Promise.all(urls.map(async (url) => await device.send(url)))
    assert.equal(certificatesOf(answers).size, 1)
    const { transactionId } = device
    const found = [
      ...(await one.events({ transactionId })),
      ...(await two.events({ transactionId })),
    ]
    const count = (id: number): number => found.filter(({ eventId }) => eventId === id).length
    assert.deepEqual([count(4003), count(4006), count(4000)], [6, 1, 1])
  } finally {
    await two.remove()
    await one.remove()
  }
})
