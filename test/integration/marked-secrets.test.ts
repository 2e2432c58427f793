import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { readEvents } from '../../src/events/index.ts'
import { Secret } from '../../src/kernel/index.ts'
import { encodePageUser } from '../../src/management/index.ts'
import { type Simulator, startSimulator } from '../../src/simulator/index.ts'
import { runCommand } from '../cli/command-run.ts'
import { assertAdminOnce } from '../support/admin-once.ts'
import { findFreePorts } from '../support/free-ports.ts'
import { createInsistentDevice } from '../support/insistent-device.ts'
import { createLeakSearch } from '../support/leak-search.ts'
import {
  ended,
  type MarkedPlace,
  markPkcs,
  playFailingImports,
  playRecrypt,
  queueImport,
  queuePkcs,
  recordMarkedImport,
} from '../support/marked-work.ts'

const ENTRY = resolve(import.meta.dirname, '../../src/cli/main.ts')

/** Unlike anything else that is written, and long enough not to be met by chance. */
const mark = (what: string): string => `marked-${what}-${randomBytes(18).toString('hex')}`

const staticChallenge = mark('static')
const wrongChallenge = mark('wrong')
const clientSecret = mark('client')
const passphrase = mark('passphrase')
const apiToken = mark('token')
const pagePassword = mark('page')
const wrongPassword = mark('page-wrong')

/** Everything that a stranger could read afterwards, and all secrets. */
const leaks = createLeakSearch()

/** What a management service sees, and the secrets that are not for it either: passwords and keys of PFX. */
const atService = createLeakSearch()

const viewsOfService = [
  'requests',
  'work/pkcs',
  'work/pkcsRecrypt',
  'work/pkcsImport',
  'imports',
  'connectors',
]

/** Numbers what would have the same name. */
let made = 0

for (const [name, secret] of [
  ['static challenge', staticChallenge],
  ['wrong challenge', wrongChallenge],
  ['client secret', clientSecret],
  ['passphrase', passphrase],
  ['API token', apiToken],
  ['password of the page', pagePassword],
  ['wrong password of the page', wrongPassword],
] as const)
  leaks.add(name, secret)

let folder: string
let dataDir: string
let simulator: Simulator
let connector: ChildProcess | undefined
let deviceUrl: string
let adminUrl: string
let configFile: string
let place: MarkedPlace

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'marked-'))
  dataDir = join(folder, 'data')
  mkdirSync(dataDir, { mode: 0o700 })
  simulator = await startSimulator({ dataDir, httpsPort: 0, controlPort: 0, clientSecret })
  const [devicePort = 0, adminPort = 0] = await findFreePorts(2)
  deviceUrl = `http://127.0.0.1:${devicePort}`
  adminUrl = `http://127.0.0.1:${adminPort}`
  const users = await encodePageUser('jamf', new Secret(pagePassword))
  configFile = writeConfiguration(devicePort, adminPort, users)
  connector = await startConnector(configFile)
  leaks.add('enrolment token', simulator.enrolmentToken)
  place = {
    secretsFolder: join(folder, 'secrets'),
    dataDir,
    passphrase,
    control: async <T>(method: string, path: string, body?: object) =>
      (await control(method, `/control/${path}`, body)) as T,
    async command(...words) {
      const end = await runCommand(['--config', configFile, ...words], { cwd: folder })
      leaks.look(`what ${words.join(' ')} prints`, `${end.out}${end.err}`)
      return end
    },
    remember(name, secret) {
      leaks.add(name, secret)
      atService.add(name, secret)
    },
  }
})

after(async () => {
  // A connector that did not start is what the tests should fail with, not a simulator that keeps the process alive.
  connector?.kill('SIGKILL')
  if (connector?.exitCode === null && connector.signalCode === null) await once(connector, 'exit')
  await simulator.close()
  rmSync(folder, { recursive: true, force: true })
})

describe('marked secrets', () => {
  test('REQ-111: are in no file, answer, argument or environment, whatever happens to their requests', async () => {
    // PFX and keys: results that wait for the service to be back, and all others.
    const recorded = await recordMarkedImport(place)
    await control('POST', '/control/faults', { hop: 'ocs-upload', fault: '503' })
    const late = [await queuePkcs(place), await queueImport(place, recorded)] as const
    for (const id of [1101, 2101]) await waitForEvent(id)
    collectFiles('while results wait', folder)
    await control('DELETE', '/control/faults')
    await playFailingImports(place, recorded)
    const issued = await markPkcs(place, await queuePkcs(place), 'certificate')
    await playRecrypt(place, issued)

    // The first two messages of one profile are captured.
    await command('capture', '--profile', 'static', '--messages', '2')

    // Enrolments that go well, by Intune and by a static challenge.
    assert.equal(await enrol('default', await makeChallenge('good')), 'issued')
    assert.equal(await enrol('static', staticChallenge), 'issued')

    // Challenges that are refused: a wrong one, and one of Intune's for another subject.
    assert.equal(await enrol('static', wrongChallenge), 'refused')
    assert.equal(await enrol('default', wrongChallenge), 'refused')
    assert.equal(
      await enrol('default', await makeChallenge('mismatched', { subject: 'CN=somebody else' })),
      'refused',
    )

    // One-time challenges from the API, the page and the command: used, used again, not used.
    const fromApi = await askApi(apiToken)
    assert.equal(await enrol('jamf', fromApi), 'issued')
    assert.equal(await enrol('jamf', fromApi), 'refused')
    assert.equal(await enrol('jamf', await readPage(pagePassword)), 'issued')
    await readPage(pagePassword)
    await readPage(wrongPassword)
    await askApi(wrongChallenge)
    leaks.add('challenge of the command', await command('challenge', '--profile', 'jamf'))

    // A success that cannot be told stays in the outbox; a validation that fails quotes nothing.
    await control('POST', '/control/faults', { hop: 'success', fault: '500' })
    assert.equal(await enrol('default', await makeChallenge('owed')), 'issued')
    await control('POST', '/control/faults', { hop: 'validate', fault: 'html' })
    assert.equal(await enrol('default', await makeChallenge('unvalidated')), 'refused')
    await control('DELETE', '/control/faults')

    await markPkcs(place, late[0], 'certificate that waited')
    assert.match((await ended(place, 'pkcsImport', late[1].requestContext)).state, /succeeded/i)
    await lookAtService()

    // A failure that cannot be stored lies in the spool.
    const database = join(dataDir, 'connector.db')
    renameSync(database, `${database}.away`)
    assert.equal(await enrol('default', await makeChallenge('spooled')), 'refused')
    assert.equal(readdirSync(join(dataDir, 'spool')).length, 1)

    // Bytes that are no message, secrets in places where they do not belong.
    for (const text of [staticChallenge, clientSecret, passphrase])
      await post(`${deviceUrl}/scep/static?operation=PKIOperation`, Buffer.from(text))
    await get(`${deviceUrl}/scep/static?operation=PKIOperation&message=${staticChallenge}`)
    await get(`${deviceUrl}/scep/none?operation=GetCACert`)
    for (const path of ['/readyz', '/healthz', '/metrics', '/']) await get(`${adminUrl}${path}`)

    assert.ok(connector)
    collectProcess(connector.pid ?? 0)
    collectFiles('while it runs', folder)
    renameSync(`${database}.away`, database)
    connector.kill('SIGTERM')
    await once(connector, 'exit')
    collectFiles('after its end', folder)

    const names = leaks.listPlaces()
    assert.ok(names.some((name) => name.includes('/captures/') && name.endsWith('0002-csr.der')))
    for (const expected of [
      'connector.db',
      'connector.db-wal',
      'admin.jsonl',
      'operational.jsonl',
      '.entry',
      'simulator-ca.pem',
      'output.log',
      'cmdline',
      'environ',
      '/metrics',
      '/keyring/',
      '/open-service/',
    ])
      assert.ok(
        names.some((name) => name.includes(expected)),
        `${expected} was not looked at`,
      )
    assert.deepEqual(leaks.listLeaks(), [])
    await assertAdminOnce(join(dataDir, 'logs'))
  })

  test('passwords and keys of PFX are in nothing that the management service was told', () => {
    assert.deepEqual(atService.listPlaces(), viewsOfService)
    assert.deepEqual(atService.listLeaks(), [])
  })
})

/** The log of calls hides what is long or has a telling name; the queues show results as they were uploaded. */
async function lookAtService(): Promise<void> {
  for (const view of viewsOfService)
    atService.look(view, JSON.stringify(await control('GET', `/control/${view}`)))
}

async function waitForEvent(id: number): Promise<void> {
  for (const until = Date.now() + 60_000; ; ) {
    if ((await readEvents(join(dataDir, 'logs'), { id })).length > 0) return
    assert.ok(Date.now() < until, `no event ${id} within a minute`)
    await new Promise((wake) => setTimeout(wake, 50))
  }
}

/** Every file but those that an administrator wrote the secrets into. */
function collectFiles(when: string, directory: string): void {
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.parentPath.startsWith(join(folder, 'secrets'))) continue
    const path = join(entry.parentPath, entry.name)
    leaks.look(`${when}: ${path.slice(folder.length)}`, readFileSync(path))
  }
}

/** What other accounts of the machine see of the process and its children. */
function collectProcess(pid: number): void {
  for (const what of ['cmdline', 'environ']) {
    const path = `/proc/${pid}/${what}`
    if (existsSync(path)) leaks.look(path, readFileSync(path))
  }
  const children = `/proc/${pid}/task/${pid}/children`
  if (!existsSync(children)) return
  for (const child of readFileSync(children, 'utf8').split(' '))
    if (child.trim() !== '') collectProcess(Number(child))
}

async function enrol(profile: string, challenge: string): Promise<string> {
  const url = `${deviceUrl}/scep/${profile}`
  const device = await createInsistentDevice(url, challenge, 'CN=marked device')
  const answer = await device.send(url)
  leaks.look(`answer to ${device.transactionId}`, JSON.stringify(answer))
  return answer.kind
}

/** A command beside the connector; what it prints is the operator's. */
async function command(...words: readonly string[]): Promise<string> {
  const end = await runCommand(['--config', configFile, ...words], { cwd: folder })
  assert.equal(end.code, 0, end.err)
  return end.out.trim()
}

async function askApi(token: string): Promise<string> {
  const url = `${adminUrl}/api/profiles/jamf/challenges`
  const headers = { authorization: `Bearer ${token}` }
  const answer = await fetch(url, { method: 'POST', headers })
  if (answer.status !== 201) {
    await remember(url, answer)
    return ''
  }
  const { challenge } = (await answer.json()) as { challenge: string }
  leaks.add(`challenge ${++made} of the API`, challenge)
  return challenge
}

async function readPage(password: string): Promise<string> {
  const url = `${deviceUrl}/scep/jamf/mscep_admin/?charset=utf8`
  const headers = { authorization: `Basic ${btoa(`jamf:${password}`)}` }
  const answer = await fetch(url, { headers })
  if (answer.status !== 200) {
    await remember(url, answer)
    return ''
  }
  const challenge = /<B> ([0-9A-F]{16}) /.exec(await answer.text())?.[1] ?? ''
  assert.notEqual(challenge, '')
  leaks.add(`challenge ${++made} of the page`, challenge)
  return challenge
}

async function makeChallenge(
  name: string,
  terms: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const { challenge } = (await control('POST', '/control/challenges', terms)) as {
    challenge: string
  }
  leaks.add(`${name} challenge`, challenge)
  return challenge
}

async function control(method: string, path: string, body?: unknown): Promise<unknown> {
  const answer = await fetch(`${simulator.controlUrl}${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  })
  const text = await answer.text()
  assert.ok(answer.ok, text)
  return text === '' ? undefined : JSON.parse(text)
}

async function get(url: string): Promise<void> {
  await remember(url, await fetch(url))
}

async function post(url: string, body: Uint8Array): Promise<void> {
  const headers = { 'content-type': 'application/x-pki-message' }
  await remember(url, await fetch(url, { method: 'POST', headers, body: Uint8Array.from(body) }))
}

async function remember(url: string, answer: Response): Promise<void> {
  const where = `answer ${answer.status} of ${new URL(url).pathname} (${++made})`
  const headers = JSON.stringify([...answer.headers])
  leaks.look(where, `${headers}${await answer.text()}`)
}

function writeConfiguration(devicePort: number, adminPort: number, users: string): string {
  const secretsFolder = join(folder, 'secrets')
  mkdirSync(secretsFolder, { mode: 0o700 })
  const secretFile = (name: string, text: string): string => {
    const path = join(secretsFolder, name)
    writeFileSync(path, `${text}\n`, { mode: 0o600 })
    return path
  }
  const deviceIssuersFile = join(folder, 'issuers.pem')
  writeFileSync(deviceIssuersFile, simulator.deviceCaPem)
  const file = join(folder, 'connector.yaml')
  writeFileSync(
    file,
    `dataDir: ${dataDir}
passphraseFile: ${secretFile('passphrase', passphrase)}
listeners:
  device: { host: 127.0.0.1, port: ${devicePort}, publicUrl: ${deviceUrl} }
  admin: { port: ${adminPort}, apiTokenFile: ${secretFile('token', apiToken)} }
workers: { count: 2 }
ca:
  - { id: default, rootKey: p256, issuingKey: p256 }
features: { pkcs: true, pkcsImport: true }
management:
  openService:
    url: ${simulator.httpsUrl}
    enrolmentTokenFile: ${secretFile('enrolment', simulator.enrolmentToken)}
    caFile: ${simulator.caFile}
pkcs:
  deviceIssuersFile: ${deviceIssuersFile}
  keysAhead: 0
  templates:
    - certificationAuthority: ca1.corp.example
      certificationAuthorityName: Corp Issuing CA
      certificateTemplateName: IntuneUser
      subject: [CN=*, E=*@corp.example, O=Corp]
      subjectAltNames: [userPrincipalName=*@corp.example, emailAddress=*@corp.example]
pfxImport: { deviceIssuersFile: ${deviceIssuersFile} }
intune:
  tenant: ${simulator.tenantId}
  clientId: ${simulator.clientId}
  clientSecretFile: ${secretFile('client', clientSecret)}
  authorityUrl: ${simulator.authorityUrl}
  graphUrl: ${simulator.graphUrl}
  intuneResourceUrl: ${simulator.intuneResourceUrl}
  trustedCaFile: ${simulator.caFile}
  allowedHostSuffixes: [127.0.0.1]
  timeouts: { connectMs: 2000, readMs: 2000, budgetMs: 4000 }
profiles:
  - { name: default, challenge: { kind: intune } }
  - name: static
    challenge: { kind: static, secretFile: ${secretFile('static', staticChallenge)} }
  - name: jamf
    challenge: { kind: one-time }
    ndes: { adminPage: true, usersFile: ${secretFile('users', users)} }
notifications: { onlinePausesSeconds: [1, 1], courierPausesSeconds: [60] }
logging: { console: json, debug: { admin: true, operational: true } }
`,
  )
  return file
}

async function startConnector(file: string): Promise<ChildProcess> {
  const path = join(folder, 'output.log')
  const output = openSync(path, 'a', 0o600)
  const child = spawn(process.execPath, [ENTRY, 'serve', '--config', file], {
    stdio: ['ignore', output, output],
  })
  closeSync(output)
  for (const until = Date.now() + 60_000; Date.now() < until; ) {
    const isReady = await fetch(`${adminUrl}/readyz`).then(
      (answer) => answer.ok,
      () => false,
    )
    if (isReady) return child
    if (child.exitCode !== null) break
    await new Promise((wake) => setTimeout(wake, 50))
  }
  child.kill('SIGKILL')
  throw new Error(`the connector did not start: ${readFileSync(path, 'utf8').slice(-2000)}`)
}
