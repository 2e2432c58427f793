import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { checkOnline, type Finding } from '../../src/compose/index.ts'
import { type Configuration, loadConfiguration } from '../../src/config/index.ts'
import { type Simulator, startSimulator } from '../../src/simulator/index.ts'
import { runCommand } from '../cli/command-run.ts'
import { startConnectProxy } from '../support/connect-proxy.ts'
import { findFreePorts } from '../support/free-ports.ts'

describe('check-config --online', () => {
  let folder: string
  let simulator: Simulator
  let ports: number[]
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'check-online-'))
    simulator = await startSimulator({ dataDir: folder, httpsPort: 0, controlPort: 0 })
    ports = await findFreePorts(2)
    const secrets = {
      secret: simulator.clientSecret,
      token: simulator.enrolmentToken,
      passphrase: 'sixteen characters and more',
    }
    for (const [name, text] of Object.entries(secrets))
      writeFileSync(join(folder, name), text, { mode: 0o600 })
  })
  afterEach(async () => await control('DELETE', 'faults'))
  after(async () => {
    await simulator.close()
    rmSync(folder, { recursive: true })
  })

  async function control(method: string, path: string, body?: object): Promise<unknown> {
    const answer = await fetch(`${simulator.controlUrl}/control/${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    assert.ok(answer.ok, text)
    return text === '' ? undefined : JSON.parse(text)
  }

  const yaml = (more = '', sid = 'verified') => `
dataDir: data
passphraseFile: passphrase
listeners:
  device: { port: ${ports[0]}, publicUrl: https://scep.example.org }
  admin: { port: ${ports[1]} }
intune:
  tenant: ${simulator.tenantId}
  clientId: ${simulator.clientId}
  clientSecretFile: secret
  authorityUrl: ${simulator.authorityUrl}
  graphUrl: ${simulator.graphUrl}
  trustedCaFile: ${simulator.caFile}
  allowedHostSuffixes: [127.0.0.1]
  timeouts: { connectMs: 1000, readMs: 1000, budgetMs: 2000 }
management:
  openService: { url: '${simulator.httpsUrl}', enrolmentTokenFile: token, caFile: '${simulator.caFile}' }
features: { revocation: true }
profiles:
  - { name: default, challenge: { kind: intune }, certificate: { sid: ${sid} } }
${more}`

  function load(text: string): Configuration {
    const file = join(folder, 'connector.yaml')
    writeFileSync(file, text)
    const outcome = loadConfiguration({ file, env: {}, cwd: folder })
    assert.ok(outcome.kind === 'ok', JSON.stringify(outcome))
    return outcome.configuration
  }

  async function check(text: string): Promise<ReadonlyMap<string, Finding>> {
    const findings = await checkOnline(load(text), '0.0.0-test')
    return new Map(findings.map((finding) => [finding.name, finding]))
  }

  /** The only finding that is not ok, with what to do. */
  function onlyFailed(findings: ReadonlyMap<string, Finding>): Finding {
    const [failed, other] = [...findings.values()].filter(({ status }) => status !== 'ok')
    assert.ok(failed)
    assert.equal(other, undefined, JSON.stringify(other))
    assert.ok((failed.remedy ?? '').length > 10)
    return failed
  }

  test('what works is told line by line, through the proxy, and nothing is changed anywhere', async () => {
    await using proxy = await startConnectProxy()
    load(yaml(`proxy: { url: '${proxy.url}' }`))
    const names = readdirSync(folder)
    const command = ['check-config', '--online', '--config', 'connector.yaml']
    const { code, out, err } = await runCommand(command, { cwd: folder })
    assert.equal(code, 0, `${out}${err}`)
    const lines = out.split('\n').filter((line) => line.startsWith('ok '))
    assert.deepEqual(
      lines.map((line) => /^ok +([^:]+):/.exec(line)?.[1]),
      [
        'data folder',
        'passphrase',
        'listeners.device',
        'listeners.admin',
        'proxy',
        'Entra ID',
        'Intune scep',
        'Intune revocation',
        'Microsoft Graph',
        'connector service',
        'enrolment',
      ],
    )
    assert.ok(proxy.tunnels.length > 0)
    assert.deepEqual(readdirSync(folder), names)
    const { value } = (await control('GET', 'connectors')) as { value: unknown[] }
    assert.deepEqual(value, [])
  })

  test('--json has the findings, and a failure ends with 1', async () => {
    await control('POST', 'faults', { hop: 'ocs-discovery', fault: '404' })
    const { code, out } = await runCommand(['check-config', '--online', '--json'], { cwd: folder })
    assert.equal(code, 1)
    const { online } = JSON.parse(out) as { online: Finding[] }
    const service = online.find(({ name }) => name === 'connector service')
    assert.equal(service?.status, 'failed')
  })

  for (const [hop, fault, name, remedy] of [
    ['token', '401', 'Entra ID', /clientId and the credential/],
    ['token', '401', 'Intune scep', /clientId and the credential/],
    ['token', 'reset', 'Entra ID', /let this machine reach login\.microsoftonline\.com/],
    ['graph', '403', 'Intune scep', /Application\.Read\.All/],
    ['graph', 'html', 'Intune scep', /something between answers/],
    ['ocs-discovery', '503', 'connector service', /management\.openService\.url/],
    ['ocs-discovery', 'html', 'connector service', /not that of the open contract/],
  ] as const)
    test(`${hop} ${fault} is told of ${name}, with what to do`, async () => {
      await control('POST', 'faults', { hop, fault })
      const finding = (await check(yaml())).get(name)
      assert.equal(finding?.status, 'failed', JSON.stringify(finding))
      assert.match(finding.remedy ?? '', remedy)
      assert.ok(!finding.reason.includes(simulator.clientSecret))
    })

  test('a permission that a profile needs and the application lacks is named', async () => {
    const clientId = '99999999-0000-4000-8000-000000000001'
    const clientSecret = 'a-secret-of-another-application'
    await control('POST', 'apps', { clientId, clientSecret, graphRoles: ['Application.Read.All'] })
    writeFileSync(join(folder, 'other-secret'), clientSecret, { mode: 0o600 })
    const text = yaml()
      .replace(`clientId: ${simulator.clientId}`, `clientId: ${clientId}`)
      .replace('clientSecretFile: secret', 'clientSecretFile: other-secret')
    const graph = (await check(text)).get('Microsoft Graph')
    assert.equal(graph?.status, 'failed')
    assert.match(graph.remedy ?? '', /User\.Read\.All, Device\.Read\.All/)
  })

  test('a port that somebody has is told', async () => {
    const squatter = createServer().listen(ports[0], '127.0.0.1')
    await once(squatter, 'listening')
    try {
      const failed = onlyFailed(await check(yaml()))
      assert.equal(failed.name, 'listeners.device')
      assert.match(failed.reason, /EADDRINUSE/)
    } finally {
      squatter.close()
    }
  })

  test('a proxy that is not there is told before everything behind it', async () => {
    const [port] = await findFreePorts(1)
    const findings = await check(yaml(`proxy: { url: 'http://127.0.0.1:${port}' }`))
    const failed = [...findings.values()].filter(({ status }) => status === 'failed')
    assert.equal(failed[0]?.name, 'proxy')
    assert.match(failed[0].reason, /ECONNREFUSED/)
  })

  test('without enrolment and without token, the connector service is of no use', async () => {
    const failed = onlyFailed(await check(yaml().replace('enrolmentTokenFile: token, ', '')))
    assert.equal(failed.name, 'enrolment')
  })

  test('a passphrase that others can read is told', async () => {
    writeFileSync(join(folder, 'open'), 'sixteen characters and more', { mode: 0o644 })
    const text = yaml().replace('passphraseFile: passphrase', 'passphraseFile: open')
    assert.match(onlyFailed(await check(text)).reason, /chmod 600/)
  })
})
