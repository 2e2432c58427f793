import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startTestConnector, type TestConnector } from '../support/running-connector.ts'

describe('a connector whose SCEP is off', () => {
  let stage: TestConnector
  before(async () => {
    stage = await startTestConnector((configuration) => ({
      ...configuration,
      management: {
        openService: {
          url: 'https://connectors.example.org',
          timeouts: { connectMs: 2000, readMs: 5000 },
        },
      },
      features: { ...configuration.features, scep: false, revocation: false },
    }))
    await stage.waitForEvents({ id: 5000 }, (found) => found.length > 0)
  })
  after(async () => await stage.remove())

  test('no SCEP URL answers, not even with the reasons of a route', async () => {
    const { deviceUrl } = stage.connector
    for (const path of ['scep/default', 'scep/static', 'certsrv/mscep/mscep.dll']) {
      const answer = await fetch(`${deviceUrl}/${path}?operation=GetCACaps`)
      assert.equal(answer.status, 404)
      assert.match(await answer.text(), /^There is nothing here\./)
    }
  })

  test('CRLs and CA certificates are served all the same', async () => {
    const { deviceUrl } = stage.connector
    assert.equal((await fetch(`${deviceUrl}/crl/default.crl`)).status, 200)
    assert.equal((await fetch(`${deviceUrl}/aia/default.cer`)).status, 200)
  })

  test('Intune is asked nothing, and readiness knows no Intune', async () => {
    const { checks } = (await (await fetch(`${stage.connector.adminUrl}/readyz`)).json()) as {
      checks: readonly { name: string }[]
    }
    assert.ok(checks.every(({ name }) => name !== 'intune'))
    const { value } = (await stage.control('GET', '/control/requests')) as {
      value: readonly { hop: string }[]
    }
    assert.ok(value.length > 0)
    assert.deepEqual(
      value.filter(({ hop }) => !hop.startsWith('ocs-')),
      [],
    )
  })

  test('its service is told so', async () => {
    const { value } = (await stage.control('GET', '/control/connectors')) as {
      value: readonly { features: object }[]
    }
    assert.deepEqual(
      value.map(({ features }) => features),
      [{ scep: false, pkcs: false, pkcsImport: false, revocation: false }],
    )
  })
})
