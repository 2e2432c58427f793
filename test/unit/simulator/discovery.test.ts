import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { listAt, pick, textAt, WireClient } from './wire-client.ts'

const INTUNE_APP_ID = '0000000a-0000-0000-c000-000000000000'
const powerless = { clientId: 'aaaaaaaa-0000-4000-8000-000000000003', clientSecret: 'powerless' }

let wire: WireClient

before(async () => {
  wire = await WireClient.start({ apps: [{ ...powerless, graphRoles: [] }] })
})
after(async () => {
  await wire[Symbol.asyncDispose]()
})

const powerlessForm = { client_id: powerless.clientId, client_secret: powerless.clientSecret }

async function msGraph(token: string, resource = `appId=${INTUNE_APP_ID}`, separator = '/') {
  const url = `${wire.simulator.graphUrl}v1.0/servicePrincipals${separator}${resource}/endpoints`
  return await wire.send('GET', url, undefined, { authorization: `Bearer ${token}` })
}

async function graphToken(change: Record<string, string> = {}): Promise<string> {
  return await wire.getToken({ scope: 'https://graph.microsoft.com/.default', ...change })
}

function urisOf(json: unknown, name: string): string[] {
  return listAt(json, 'value')
    .filter((entry) => textAt(entry, 'providerName').toLowerCase() === name.toLowerCase())
    .map((entry) => textAt(entry, 'uri'))
}

function namesOf(json: unknown, member = 'providerName'): string[] {
  return listAt(json, 'value').map((entry) => textAt(entry, member))
}

describe('check 58: MS Graph', () => {
  test('every entry has a providerName; SCEP stands there twice, in two cases, among others', async () => {
    const { status, json } = await msGraph(await graphToken())
    assert.equal(status, 200)
    const names = namesOf(json)
    assert.ok(names.length > 4)
    assert.ok(names.every((name) => name !== ''))
    const { scepUri, pkiUri } = await wire.getServiceUris()
    const both = urisOf(json, 'ScepRequestValidationFEService')
    assert.deepEqual(both, [scepUri, scepUri])
    assert.deepEqual(urisOf(json, 'PkiConnectorFEService'), [pkiUri])
    assert.equal(new Set(names).size, names.length)
  })

  test('the key in parentheses, and a token for its own URL, are accepted', async () => {
    const token = await graphToken({ scope: `${wire.simulator.graphUrl}.default` })
    const { status } = await msGraph(token, `(appId='${INTUNE_APP_ID}')`, '')
    assert.equal(status, 200)
  })

  test('without Application.Read.All it is 403 in the form of MS Graph', async () => {
    const { status, json } = await msGraph(await graphToken(powerlessForm))
    assert.equal(status, 403)
    assert.equal(pick(json, 'error', 'code'), 'Authorization_RequestDenied')
  })

  test('a token for Intune is 401', async () => {
    assert.equal((await msGraph(await wire.getToken())).status, 401)
  })

  test('another application id is 404', async () => {
    const { status } = await msGraph(await graphToken(), `appId=${powerless.clientId}`)
    assert.equal(status, 404)
  })

  test('pages follow by @odata.nextLink until the list is whole', async () => {
    await wire.control('PUT', 'discovery', { pageSize: 2 })
    const token = await graphToken()
    let { json } = await msGraph(token)
    const names = namesOf(json)
    while (pick(json, '@odata.nextLink') !== undefined) {
      const authorization = `Bearer ${token}`
      const next = textAt(json, '@odata.nextLink')
      json = (await wire.send('GET', next, undefined, { authorization })).json
      names.push(...namesOf(json))
    }
    await wire.control('PUT', 'discovery', {})
    assert.deepEqual(names, namesOf((await msGraph(token)).json))
  })
})

describe('check 59: AAD Graph', () => {
  const aadGraph = async (change: Record<string, string> = {}, query = '?api-version=1.6') => {
    const form = { resource: 'https://graph.windows.net/', scope: 'openid', ...change }
    const { aadGraphUrl, tenantId } = wire.simulator
    const token = await wire.getToken(form, `${tenantId}/oauth2/token`)
    const url = `${aadGraphUrl}${tenantId}/servicePrincipalsByAppId/${INTUNE_APP_ID}/serviceEndpoints${query}`
    return await wire.send('GET', url, undefined, { authorization: `Bearer ${token}` })
  }

  test('every entry has a serviceName', async () => {
    const { status, json } = await aadGraph()
    assert.equal(status, 200)
    const names = namesOf(json, 'serviceName')
    assert.ok(names.includes('ScepRequestValidationFEService'))
    assert.ok(names.every((name) => name !== ''))
  })

  test('without the role it is 403 in the form odata.error', async () => {
    const { status, json } = await aadGraph(powerlessForm)
    assert.equal(status, 403)
    assert.equal(pick(json, 'odata.error', 'code'), 'Authorization_RequestDenied')
    assert.equal(pick(json, 'odata.error', 'message', 'lang'), 'en')
  })

  test('without api-version in the query it is 400', async () => {
    assert.equal((await aadGraph({}, '')).status, 400)
  })
})

describe('check 67: services that move or are not there', () => {
  test('after a move the old URI answers 404 and discovery shows a new one', async () => {
    const authorization = `Bearer ${await wire.getToken()}`
    const { scepUri: before } = await wire.getServiceUris()
    await wire.control('POST', 'scale-unit')
    const { scepUri: after } = await wire.getServiceUris()
    assert.notEqual(after, before)
    const headers = { authorization, 'api-version': '2018-02-20' }
    const request = { transactionId: 't', certificateRequest: 'Q1NS', callerInfo: 'c' }
    const post = (uri: string) =>
      wire.send('POST', `${uri}/ScepActions/validateRequest`, { request }, headers)
    assert.equal((await post(before)).status, 404)
    assert.equal((await post(after)).status, 200)
    const { json } = await msGraph(await graphToken())
    assert.deepEqual(urisOf(json, 'ScepRequestValidationFEService'), [after, after])
  })

  test('an unknown host, and a tenant without the service, can be discovered', async () => {
    const token = await graphToken()
    await wire.control('PUT', 'discovery', { scepUri: 'http://no-such-host.invalid' })
    const wrong = urisOf((await msGraph(token)).json, 'ScepRequestValidationFEService')
    assert.deepEqual(wrong, ['http://no-such-host.invalid', 'http://no-such-host.invalid'])
    await wire.control('PUT', 'discovery', { omit: ['scep'] })
    const absent = urisOf((await msGraph(token)).json, 'ScepRequestValidationFEService')
    assert.deepEqual(absent, [])
    await wire.control('PUT', 'discovery', {})
  })
})
