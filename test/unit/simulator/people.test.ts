import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { pick, WireClient } from './wire-client.ts'

const powerless = { clientId: 'aaaaaaaa-0000-4000-8000-000000000003', clientSecret: 'powerless' }
const sid = 'S-1-5-21-1-2-3-1001'

let wire: WireClient
before(async () => {
  wire = await WireClient.start({ apps: [powerless] })
  await wire.control('PUT', 'directory', {
    userPrincipalName: 'Ada@contoso.com',
    onPremisesSecurityIdentifier: sid,
  })
})
after(async () => {
  await wire[Symbol.asyncDispose]()
})

async function get(path: string, form: Record<string, string> = {}) {
  const token = await wire.getToken({ scope: 'https://graph.microsoft.com/.default', ...form })
  return await wire.send('GET', `${wire.simulator.graphUrl}v1.0/${path}`, undefined, {
    authorization: `Bearer ${token}`,
  })
}

test('a user has both addresses, and shows its SID only where $select asks for it', async () => {
  for (const path of ['users/ada@contoso.com', "users('ADA%40contoso.com')"]) {
    assert.equal(pick((await get(path)).json, 'onPremisesSecurityIdentifier'), undefined)
    const selected = await get(`${path}?$select=onPremisesSecurityIdentifier`)
    assert.deepEqual(selected.json, { onPremisesSecurityIdentifier: sid })
  }
})

test('who is not there is 404, who may not read is 403, whoever is nobody 401', async () => {
  assert.equal((await get('users/eve@contoso.com')).status, 404)
  const form = { client_id: powerless.clientId, client_secret: powerless.clientSecret }
  assert.equal((await get('users/ada@contoso.com', form)).status, 403)
  const { graphUrl } = wire.simulator
  assert.equal((await wire.send('GET', `${graphUrl}v1.0/users/ada@contoso.com`)).status, 401)
})

test('a body that is neither user nor device is refused', async () => {
  const { status } = await wire.control('PUT', 'directory', { onPremisesSecurityIdentifier: sid })
  assert.equal(status, 400)
})
