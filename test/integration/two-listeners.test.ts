import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Agent, fetch as fetchWith } from 'undici'
import { enrolDevice, type HttpFetch } from '../../src/cli/enrolment-client/index.ts'
import type { Configuration } from '../../src/config/index.ts'
import { Secret } from '../../src/kernel/index.ts'
import { startTestConnector, type TestConnector } from '../support/running-connector.ts'
import { makeThrowawayIdentity } from '../support/throwaway-identity.ts'

describe('REQ-17: plain HTTP and HTTPS, each by itself and both at once', () => {
  const folder = mkdtempSync(join(tmpdir(), 'two-listeners-'))
  const files = {
    certificateFile: join(folder, 'tls.pem'),
    keyFile: join(folder, 'tls.key'),
  }
  let agent: Agent
  let secureFetch: HttpFetch
  before(async () => {
    const { certificatePem, privateKeyPem } = await makeThrowawayIdentity()
    writeFileSync(files.certificateFile, certificatePem)
    writeFileSync(files.keyFile, privateKeyPem, { mode: 0o600 })
    agent = new Agent({ connect: { ca: certificatePem } })
    secureFetch = async (url, init) => await fetchWith(url, { ...init, dispatcher: agent })
  })
  after(async () => {
    await agent.close()
    rmSync(folder, { recursive: true })
  })

  async function withTls<T>(
    tls: Configuration['listeners']['device']['tls'],
    work: (running: TestConnector) => Promise<T>,
  ): Promise<T> {
    const running = await startTestConnector((configuration) => {
      const { device, admin } = configuration.listeners
      const changed = {
        ...device,
        failedChallengesPerMinute: 2,
        ...(tls === undefined ? {} : { tls }),
      }
      return { ...configuration, listeners: { admin, device: changed } }
    })
    try {
      return await work(running)
    } finally {
      await running.remove()
    }
  }

  const enrol = async (base: string, challenge: string, fetch: HttpFetch = globalThis.fetch) =>
    await enrolDevice({
      url: `${base}/scep/static`,
      subject: 'CN=device',
      challenge: new Secret(challenge),
      fetch,
    })

  test('REQ-17: both serve devices, and count what one source gets wrong together', async () => {
    await withTls({ ...files, port: 0 }, async ({ connector }) => {
      const { deviceUrl, secureDeviceUrl = '' } = connector
      assert.match(deviceUrl, /^http:/)
      assert.match(secureDeviceUrl, /^https:/)
      assert.notEqual(new URL(deviceUrl).port, new URL(secureDeviceUrl).port)
      assert.equal((await enrol(deviceUrl, 'secret')).certificate.subject, 'CN=device')
      assert.equal(
        (await enrol(secureDeviceUrl, 'secret', secureFetch)).certificate.subject,
        'CN=device',
      )
      await assert.rejects(enrol(deviceUrl, 'wrong'), { code: 'scep/bad-request' })
      await assert.rejects(enrol(secureDeviceUrl, 'wrong', secureFetch), {
        code: 'scep/bad-request',
      })
      await assert.rejects(enrol(deviceUrl, 'secret'), { code: 'scep/unavailable' })
      await assert.rejects(enrol(secureDeviceUrl, 'secret', secureFetch), {
        code: 'scep/unavailable',
      })
    })
  })

  test('REQ-17: HTTPS alone: the port answers nothing in plain HTTP', async () => {
    await withTls(files, async ({ connector }) => {
      assert.match(connector.deviceUrl, /^https:/)
      assert.equal(connector.secureDeviceUrl, undefined)
      assert.equal(
        (await enrol(connector.deviceUrl, 'secret', secureFetch)).certificate.subject,
        'CN=device',
      )
      await assert.rejects(
        fetch(`${connector.deviceUrl.replace('https', 'http')}/scep?operation=GetCACaps`),
      )
    })
  })

  test('REQ-17: plain HTTP alone is the default', async () => {
    await withTls(undefined, async ({ connector }) => {
      assert.match(connector.deviceUrl, /^http:/)
      assert.equal(connector.secureDeviceUrl, undefined)
    })
  })
})
