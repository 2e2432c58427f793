import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Secret } from '../../../../src/kernel/index.ts'
import {
  createIntune,
  type ImportedPfxRecord,
  type IntuneClient,
} from '../../../../src/management/index.ts'
import { WireClient } from '../../simulator/wire-client.ts'

const alice = "Alice.O'Hara@contoso.com"
const powerless = { clientId: 'aaaaaaaa-0000-4000-8000-000000000007', clientSecret: 'powerless' }
const record: ImportedPfxRecord = {
  thumbprint: 'f6f5f8f6f8f6f6f5f6f8f5f6f6f8f5f6f5f6f8f6',
  userPrincipalName: alice,
  intendedPurpose: 'smimeEncryption',
  providerName: 'Microsoft Software Key Storage Provider',
  keyName: 'PFXEncryptionKey',
  paddingScheme: 'oaepSha512',
  startDateTime: new Date('2026-01-01T00:00:00Z'),
  expirationDateTime: new Date('2028-01-01T00:00:00Z'),
  encryptedPfxBlob: Buffer.from('the PFX'),
  encryptedPfxPassword: Buffer.from('its password'),
}
const other = { ...record, thumbprint: '0'.repeat(40) }

describe('imported PFX through Microsoft Graph beta', () => {
  let wire: WireClient
  let client: IntuneClient
  const signal = AbortSignal.timeout(60_000)
  const connect = (app: { clientId: string; clientSecret: string }): IntuneClient =>
    createIntune({
      tenant: wire.simulator.tenantId,
      clientId: app.clientId,
      credential: { secret: new Secret(app.clientSecret) },
      provider: 'test',
      cloud: {
        authorityUrl: wire.simulator.authorityUrl,
        graphUrl: wire.simulator.graphUrl,
        intuneResourceUrl: wire.simulator.intuneResourceUrl,
      },
      trustedCaPem: wire.simulator.caPem,
      allowedHostSuffixes: ['127.0.0.1'],
      pause: async () => undefined,
    })

  before(async () => {
    wire = await WireClient.start({ apps: [{ ...powerless, graphRoles: ['User.Read.All'] }] })
    const user = { userPrincipalName: alice, onPremisesSecurityIdentifier: null }
    await wire.control('PUT', 'directory', user)
    client = connect(wire.simulator)
  })
  after(async () => {
    await client.close()
    await wire[Symbol.asyncDispose]()
  })

  async function getAliceId(): Promise<string> {
    const id = await client.pfxImports.findUserId(alice.toLowerCase(), signal)
    assert.match(id ?? '', /^[0-9a-f]{8}-/)
    return id ?? ''
  }
  const requests = async (): Promise<string[]> =>
    (await wire.list('requests')).map(
      (seen) => `${Object(seen).method} ${decodeURIComponent(Object(seen).url)}`,
    )

  test('a user is found by name, and one who is not there is undefined', async () => {
    await getAliceId()
    assert.equal(await client.pfxImports.findUserId('nobody@contoso.com', signal), undefined)
  })

  test('what is added is found by key, listed by user in any case, and replaced in its place', async () => {
    const { pfxImports } = client
    const id = await getAliceId()
    assert.equal(await pfxImports.find(id, record.thumbprint, signal), undefined)
    await pfxImports.add(record, signal)
    await pfxImports.add(other, signal)
    const found = await pfxImports.find(id, record.thumbprint, signal)
    const { encryptedPfxBlob: _blob, encryptedPfxPassword: _password, ...shown } = record
    assert.deepEqual(
      { ...found, lastModifiedDateTime: undefined },
      { ...shown, lastModifiedDateTime: undefined },
    )
    await pfxImports.replace(id, { ...record, paddingScheme: 'oaepSha256' }, signal)
    const listed = await pfxImports.list(alice.toUpperCase(), signal)
    assert.deepEqual(
      new Set(listed.map(({ paddingScheme }) => paddingScheme)),
      new Set(['oaepSha256', 'oaepSha512']),
    )
    assert.equal((await pfxImports.list(undefined, signal)).length, 2)
    assert.deepEqual(await pfxImports.list('nobody@contoso.com', signal), [])
  })

  test('requests are those that are documented', async () => {
    const key = `${(await getAliceId()).replaceAll('-', '')}-${record.thumbprint}`
    const lines = await requests()
    for (const line of [
      `GET /graph/beta/users?$filter=userPrincipalName+eq+'${alice.toLowerCase().replace("'", "''")}'`,
      `GET /graph/beta/deviceManagement/userPfxCertificates('${key}')`,
      'POST /graph/beta/deviceManagement/userPfxCertificates',
      `PATCH /graph/beta/deviceManagement/userPfxCertificates(${key})`,
      `GET /graph/beta/deviceManagement/userPfxCertificates?$filter=tolower(userPrincipalName)+eq+'alice.o''hara@contoso.com'`,
    ])
      assert.ok(lines.includes(line), `${line}\n${lines.join('\n')}`)
  })

  test('a list of several pages is read to its end', async () => {
    for (let i = 1; i <= 120; i++)
      await client.pfxImports.add(
        { ...record, thumbprint: i.toString(16).padStart(40, '0') },
        signal,
      )
    assert.equal((await client.pfxImports.list(alice, signal)).length, 122)
  })

  test('remove takes one away, and says when there is none', async () => {
    const id = await getAliceId()
    assert.equal(await client.pfxImports.remove(id, other.thumbprint, signal), true)
    assert.equal(await client.pfxImports.remove(id, other.thumbprint, signal), false)
  })

  test('throttled or away for a moment: repeated, and one record', async () => {
    await wire.control('POST', 'faults', {
      hop: 'graph',
      fault: '429',
      times: 1,
      retryAfterSeconds: 1,
    })
    await wire.control('POST', 'faults', { hop: 'graph', fault: '503', times: 1 })
    const before = (await client.pfxImports.list(alice, signal)).length
    await wire.control('POST', 'faults', {
      hop: 'graph',
      fault: 'reset',
      times: 1,
      afterProcessing: true,
    })
    await client.pfxImports.add(other, signal)
    assert.equal((await client.pfxImports.list(alice, signal)).length, before + 1)
  })

  test('what Graph refuses without a reason is management/bad-response, without the PFX', async () => {
    const bad = { ...record, thumbprint: 'no thumbprint' }
    await assert.rejects(client.pfxImports.add(bad, signal), (error: Error) => {
      assert.ok('code' in error && error.code === 'management/bad-response')
      assert.match(error.message, /HTTP 400: BadRequest/)
      assert.ok(!error.message.includes(Buffer.from('the PFX').toString('base64')))
      return true
    })
  })

  test('a missing permission is named', async () => {
    const weak = connect(powerless)
    await assert.rejects(weak.pfxImports.list(undefined, signal), {
      code: 'management/unauthorized',
      message: /DeviceManagementConfiguration\.ReadWrite\.All with admin consent/,
    })
    await weak.close()
  })
})
