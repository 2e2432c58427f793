import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { enrolDevice } from '../../src/cli/enrolment-client/index.ts'
import { Secret } from '../../src/kernel/index.ts'
import { parseCertificates } from '../../src/pki/index.ts'
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
    // One identifier of ours, from the request of the device to the word that Intune has it.
    const [requestId] = steps.map((step) => step.requestId)
    assert.match(String(requestId), /^[\da-f-]{36}$/)
    assert.ok([...admin, ...steps].every((event) => event.requestId === requestId))
    const { value } = (await running.control('GET', '/control/notifications')) as {
      value: { kind: string; certificateThumbprint: string; transactionId: string }[]
    }
    assert.equal(value.length, 1)
    assert.equal(value[0]?.kind, 'success')
    assert.equal(value[0]?.certificateThumbprint, device.sha1Hex)
    assert.equal(value[0]?.transactionId, transactionId)
  })

  test('REQ-22: what devices are answered is neither kept by caches nor guessed at', async () => {
    for (const operation of ['GetCACaps', 'GetCACert', 'Nonsense']) {
      const answer = await fetch(`${running.scepUrl()}?operation=${operation}`)
      assert.equal(answer.headers.get('cache-control'), 'no-store')
      assert.equal(answer.headers.get('x-content-type-options'), 'nosniff')
    }
  })

  test('REQ-36, REQ-43, REQ-46: GetCACert has the RA, its issuer and the root that Windows is given', async () => {
    const answer = await fetch(`${running.scepUrl()}?operation=GetCACert`)
    const [ra, issuing, root, ...more] = parseCertificates(
      new Uint8Array(await answer.arrayBuffer()),
    ).map((der) => new X509Certificate(der))
    assert.equal(more.length, 0)
    assert.ok(ra !== undefined && issuing !== undefined && root !== undefined)
    assert.ok(ra.checkIssued(issuing) && issuing.checkIssued(root) && root.checkIssued(root))
    assert.ok(ra.verify(issuing.publicKey) && root.verify(root.publicKey))
    assert.equal(ra.ca, false)
  })

  test('REQ-152: health is asked on the admin listener; the SCEP path answers 403 while all is well', async () => {
    const url = running.connector.deviceUrl
    assert.equal((await fetch(`${url}/certsrv/mscep/mscep.dll`)).status, 403)
    assert.equal((await fetch(`${url}/healthz`)).status, 404)
    assert.equal((await fetch(`${running.connector.adminUrl}/healthz`)).status, 200)
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
      'queue intune/revocation',
      'store',
      'workers',
    ])
    assert.ok(checks.every(({ status }) => status === 'ok'))
  })
})
