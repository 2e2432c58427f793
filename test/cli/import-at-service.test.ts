import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { startTestConnector, type TestConnector } from '../support/running-connector.ts'
import { type ServiceBeside, startServiceBeside } from '../support/service-beside.ts'
import { makeIdentity, makePfx, PASSWORD } from '../unit/pfx/pfx-fixtures.ts'
import { type CommandResult, runCommand } from './command-run.ts'

const alice = 'alice@corp.example'
const mail = ['keyUsage=digitalSignature,keyEncipherment', 'extendedKeyUsage=emailProtection']

describe('import at a connector service', () => {
  let service: ServiceBeside
  let stage: TestConnector
  before(async () => {
    service = await startServiceBeside()
    const { caPem } = await service.control<{ caPem: string }>('GET', 'devices')
    write('issuers.pem', caPem)
    write('password', `${PASSWORD}\n`)
    const user = { userPrincipalName: alice, onPremisesSecurityIdentifier: null }
    await service.control('PUT', 'directory', user)
    makeIdentity(service.folder, 'alice', { extensions: mail })
    write('alice.pfx', makePfx(service.folder, 'alice', PASSWORD))
    stage = await startTestConnector((given) => {
      const configuration = service.configure(given)
      return {
        ...configuration,
        features: { ...configuration.features, revocation: false, pkcsImport: true },
        pfxImport: {
          ...configuration.pfxImport,
          deviceIssuersFile: join(service.folder, 'issuers.pem'),
        },
      }
    })
    write('connector.yaml', settings())
    await stage.waitForEvents({ id: 5000 }, (found) => found.length > 0)
  })
  after(async () => {
    await stage.remove()
    await service.remove()
  })

  const write = (name: string, content: string | Uint8Array): void =>
    writeFileSync(join(service.folder, name), content, { mode: 0o600 })

  const run = async (...words: readonly string[]): Promise<CommandResult> =>
    await runCommand(words, { cwd: service.folder })

  function settings(): string {
    return `
dataDir: ${stage.dataDir}
listeners: { device: { publicUrl: "https://scep.example.org" } }
features: { scep: false, pkcsImport: true }
pfxImport: { deviceIssuersFile: issuers.pem }
management:
  openService:
    url: ${service.simulator.httpsUrl}
    caFile: ${service.simulator.caFile}
`
  }

  test('add records it with the connector’s own certificate, and the service shows it', async () => {
    assert.equal((await run('keyring', 'add', 'PFXEncryptionKey')).code, 0)
    const words = ['--user', alice, '--key', 'PFXEncryptionKey', '--password-file', 'password']
    const added = await run('import', 'add', 'alice.pfx', ...words, '--at', 'open-service')
    assert.equal(added.code, 0, added.err)
    assert.match(added.out, /recorded$/m)
    const again = await run('import', 'add', 'alice.pfx', ...words)
    assert.match(again.err, /has this certificate already/)
    const listed = await run('import', 'list', '--user', alice)
    assert.match(listed.out, /^[0-9a-f]{40} {2}alice@corp\.example {2}unassigned/)
  })

  test('what is delivered is in its status, by device; another service is not asked', async () => {
    const { value } = await service.control<{ value: readonly object[] }>('GET', 'imports')
    const [userPfxCertificate] = value
    const order = { userPfxCertificate }
    const { deviceId } = await service.control<{ deviceId: string }>(
      'POST',
      'work/pkcsImport',
      order,
    )
    await service.waitUntil('the delivery', async () =>
      (await service.itemsOf('pkcsImport')).every(({ state }) => state === 'succeeded'),
    )
    const { code, out, err } = await run('import', 'status')
    assert.equal(code, 0, err)
    assert.match(out, /^ {2}good for \d+ days$/m)
    assert.match(out, new RegExp(`^ {2}device ${deviceId} {2}delivered 20\\d\\d-.+Z$`, 'm'))
    const atIntune = await run('import', 'status', '--at', 'intune')
    assert.equal(atIntune.code, 2)
    assert.match(atIntune.err, /intune: PFX are imported into a tenant/)
  })

  test('remove takes it away', async () => {
    const { value } = await service.control<{ value: readonly { thumbprint: string }[] }>(
      'GET',
      'imports',
    )
    const { code } = await run('import', 'remove', value[0]?.thumbprint ?? '', '--user', alice)
    assert.equal(code, 0)
    const { value: left } = await service.control<{ value: readonly object[] }>('GET', 'imports')
    assert.deepEqual(left, [])
  })

  test('the password is in no request that the service saw', async () => {
    const requests = JSON.stringify(await service.control('GET', 'requests'))
    assert.ok(requests.includes('userPfxCertificates'))
    assert.ok(!requests.includes(PASSWORD))
    assert.ok(readFileSync(join(service.folder, 'password'), 'utf8').startsWith(PASSWORD))
  })
})
