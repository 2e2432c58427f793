import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createPublicKey, hash, X509Certificate } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { parseDocument, stringify } from 'yaml'
import { createChallenge, enrolDevice } from '../../src/cli/enrolment-client/index.ts'
import { Secret } from '../../src/kernel/index.ts'
import { type Simulator, startSimulator } from '../../src/simulator/index.ts'
import { findFreePorts } from '../support/free-ports.ts'
import { acceptWritten } from './containers.ts'
import { findResident, isAlive, type Sandbox, stopProcess, writeSettings } from './sandbox.ts'
import { parseFencedBlocks } from './shell-blocks.ts'

const repository = resolve(import.meta.dirname, '../..')
const blocks = parseFencedBlocks(readFileSync(join(repository, 'docs/operations.md'), 'utf8'))
const shellBlocks = blocks.filter(({ language }) => language === 'sh').map(({ text }) => text)

/** What happens around one block of the document; `begins` is its first line. */
interface Step {
  readonly begins: string
  readonly input?: () => string
  readonly prepare?: () => void | Promise<void>
  readonly run?: (block: string) => Promise<string>
  readonly check?: (output: string) => void | Promise<void>
}

let sandbox: Sandbox
let simulator: Simulator
let transactionId = ''
let ports: readonly number[]
/** Each command builds on those before it. */
let hasFailed = false

const steps: readonly Step[] = [
  {
    begins: 'mkdir -p config/secrets certs tls',
    check() {
      assert.equal(modeOf('config/secrets'), 0o700)
      assert.equal(modeOf('certs'), 0o700)
      assert.equal(modeOf('config/secrets/passphrase'), 0o600)
    },
  },
  {
    begins: '(umask 077; cat > config/secrets/intune-client-secret)',
    input: () => `${simulator.clientSecret}\n`,
    check() {
      assert.equal(modeOf('config/secrets/intune-client-secret'), 0o600)
      writeFileSync(join(sandbox.checkout, 'config/connector.yaml'), block('yaml'))
    },
  },
  { begins: 'sudo chown -R 1000:1000 config/secrets certs' },
  {
    begins: 'docker build -t certificate-connector .',
    check: (output) => assert.match(output, /profile default: intune challenge, CA default/),
  },
  {
    begins: 'cp compose.example.yaml compose.yaml',
    check(output) {
      assert.match(output, /made /)
      assert.match(output, /CN=Contoso Device CA Root,O=Contoso/)
      assert.ok(readdirSync(join(sandbox.checkout, 'certs/default')).length > 0)
    },
  },
  {
    begins: 'docker compose up -d',
    check(output) {
      assert.match(output, /"status":"ready"/)
      assert.match(output, /^POSTPKIOperation$/m)
    },
  },
  {
    begins: 'docker compose run --rm -T connector ca export root --der > root.cer',
    check(output) {
      assert.match(output, /Contoso Device CA Root/)
      const root = new X509Certificate(readFileSync(join(sandbox.checkout, 'root.cer')))
      assert.equal(root.subject, root.issuer)
    },
  },
  {
    begins: 'docker compose exec connector certconnector events --follow',
    async run(block) {
      const child = start(block)
      const output = collect(child)
      await waitFor(() => output().includes('ServiceStarted'))
      transactionId = await enrol()
      await waitFor(() => output().includes(' 4000 '))
      // Ctrl-C reaches everything in the foreground.
      process.kill(-(child.pid ?? 0), 'SIGINT')
      assert.equal(await exitOf(child), 0)
      return output()
    },
    // Two files are followed, so the last two may come either way round.
    check: (output) =>
      assert.deepEqual(
        eventIds(output).toSorted((a, b) => a - b),
        [4000, 4003, 4004, 4006, 4008],
      ),
  },
  {
    begins: 'docker compose exec -T connector certconnector events --limit 20',
    check(output) {
      const records = output.split('\n').filter((line) => line.startsWith('{'))
      assert.equal(records.length, 1)
      assert.equal(JSON.parse(records[0] ?? '').transactionId, transactionId)
      assert.match(output, new RegExp(`4006 ScepIssuedSuccess.*transactionId=${transactionId}`))
    },
  },
  {
    begins: 'curl -fsS http://127.0.0.1:8081/healthz',
    check(output) {
      assert.match(output, /"status":"live"/)
      for (const part of ['store', 'workers', 'logs', 'notifications', 'ca default', 'intune'])
        assert.ok(output.includes(`"name":"${part}"`), part)
      assert.match(output, /^connector_outbox_oldest_age_seconds 0$/m)
      assert.match(output, /^connector_certificate_not_after_seconds\{/m)
    },
  },
  { begins: 'npm ci', check: () => assert.ok(existsSync(inCheckout('dist/cli/main.js'))) },
  {
    begins: 'sudo useradd --system --no-create-home connector',
    prepare() {
      const folder = join(sandbox.host, 'etc/systemd/system')
      mkdirSync(folder, { recursive: true })
      writeFileSync(join(folder, 'certconnector.service'), block('ini'))
    },
    async check(output) {
      assert.match(output, /active \(running\)/)
      await waitForReady(ports[3])
      const state = join(sandbox.host, 'var/lib/certificate-connector')
      assert.equal(statSync(state).mode & 0o777, 0o700)
      assert.ok(existsSync(join(state, 'connector.db')))
      await stopProcess(findResident(sandbox.root, 'certconnector')?.pid ?? 0)
    },
  },
  {
    begins: 'sudo rm -rf backup',
    check() {
      const kept = readdirSync(inCheckout('backup')).sort()
      assert.deepEqual(kept, ['ca', 'connector-id', 'connector.db', 'data.key'])
    },
  },
  {
    begins: 'sudo rm -rf drill',
    check(output) {
      assert.match(output, /"status":"ready"/)
      assert.match(output, new RegExp(`delivered  success .*transaction ${transactionId}`))
      assert.ok(!existsSync(inCheckout('drill')))
    },
  },
  {
    begins: 'docker compose exec -T connector certconnector ca rotate-ra',
    check: (output) => assert.match(output, /ra \(retired /),
  },
  { begins: 'docker compose restart connector', check: () => waitForReady(ports[1]) },
  {
    begins: 'docker compose exec -T connector certconnector ca roll --after 30d',
    check(output) {
      assert.match(output, /^== CA default: current/m)
      assert.match(output, /^== CA default\.2: next: .*hand-over 20/m)
      assert.match(output, /CN=Contoso Device CA G2,O=Contoso/)
    },
  },
  {
    begins: 'docker compose exec -T connector certconnector ca roll --cancel',
    check: (output) => assert.match(output, /^== CA default\.2: cancelled/m),
  },
  {
    begins:
      'curl -fsS https://scep.example.org/crl/default.crl | openssl crl -inform der -noout -nextupdate',
    check: (output) => assert.match(output, /^nextUpdate=/m),
  },
  {
    begins: 'curl -sS http://127.0.0.1:8081/readyz',
    check: (output) => assert.match(output, /0 notifications/),
  },
  {
    begins: 'docker compose exec -T connector certconnector outbox redeliver',
    check(output) {
      assert.match(output, /^0 made due$/m)
      assert.match(output, /A connector works on .* replays its spool by itself/)
    },
  },
  {
    begins: 'docker compose exec -T connector certconnector capture --profile default --for 15m',
    check(output) {
      assert.match(output, /captures default until /)
      assert.match(output, /^1 capture ended$/m)
      assert.equal(readdirSync(inCheckout('captured')).length, 1)
    },
  },
  {
    begins: 'git pull --ff-only',
    async check(output) {
      assert.match(output, /"status":"ready"/)
      // After rotation, restart and upgrade devices still enrol.
      const transactionId = await enrol()
      const events = await runBlock(
        `docker compose exec -T connector certconnector events --transaction ${transactionId}`,
      )
      assert.equal(eventIds(events)[0], 4003)
    },
  },
  {
    begins: 'docker compose exec -T connector certconnector keyring add PFXEncryptionKey',
    check(output) {
      assert.match(output, /^added PFXEncryptionKey /m)
      assert.match(output, /oaepSha512: good/)
      const key = createPublicKey(readFileSync(inCheckout('PFXEncryptionKey.pem')))
      const fingerprint = hash('sha256', key.export({ format: 'der', type: 'spki' }), 'hex')
      assert.ok(output.includes(fingerprint))
    },
  },
  {
    begins: 'docker compose cp connector:/data/keyring backup/keyring',
    check: () => assert.equal(readdirSync(inCheckout('backup/keyring')).length, 1),
  },
  {
    begins: '(umask 077; openssl rand -hex 32 > api-token)',
    check: () => assert.equal(modeOf('config/secrets/api-token'), 0o600),
  },
  {
    begins: '(umask 077; docker compose run --rm -T connector page-user jamf > page-users)',
    input: () => 'a password of the page\n',
    check() {
      assert.equal(modeOf('config/secrets/page-users'), 0o600)
      addSettings(block('yml'))
      acceptWritten(
        sandbox,
        'connector',
        ['connector.yaml', 'secrets', 'secrets/api-token', 'secrets/page-users'].map((name) =>
          inCheckout(`config/${name}`),
        ),
      )
    },
  },
  {
    begins: 'docker compose restart connector',
    run: async (text) => {
      const [restart = '', ask = ''] = text.trim().split('\n')
      await runBlock(restart)
      await waitForReady(ports[1])
      return await runBlock(ask)
    },
    check: (output) => assert.match(output, /^[0-9A-F]{16}$/m),
  },
  {
    begins:
      "curl -fsS -X POST -H @<(sudo sed 's/^/Authorization: Bearer /' config/secrets/api-token) \\",
    async check(output) {
      const { challenge = '' } = JSON.parse(output) as { challenge?: string }
      const url = `http://127.0.0.1:${ports[0]}/scep/jamf`
      await enrolDevice({ url, subject: 'CN=printer', challenge: new Secret(challenge) })
      const page = await fetch(`${url}/mscep_admin/?charset=utf8`, {
        headers: { authorization: `Basic ${btoa('jamf:a password of the page')}` },
      })
      assert.match(await page.text(), /challenge password is: <B> [0-9A-F]{16} </)
    },
  },
  {
    begins: 'cp PFXEncryptionKey.pem import/',
    async prepare() {
      const folder = inCheckout('import')
      mkdirSync(folder)
      writeFileSync(join(folder, 'alice.password'), 'a password that is replaced\n', {
        mode: 0o600,
      })
      const parts = ['-out', 'alice.pfx', '-passout', 'file:alice.password', '-inkey', 'key']
      for (const words of [
        ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'key', '-out', 'crt'].concat([
          '-subj',
          '/CN=alice',
          '-days',
          '365',
        ]),
        ['pkcs12', '-export', '-in', 'crt', ...parts],
      ])
        execFileSync('openssl', words, { cwd: folder, stdio: 'pipe' })
      const answer = await fetch(`${simulator.controlUrl}/control/directory`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          userPrincipalName: 'alice@contoso.onmicrosoft.com',
          onPremisesSecurityIdentifier: null,
        }),
      })
      assert.equal(answer.status, 200)
    },
    check(output) {
      assert.match(output, /^recorded$/m)
      assert.equal(output.match(/alice@contoso\.onmicrosoft\.com {2}smimeEncryption/g)?.length, 3)
      assert.match(output, /^ {2}good for 36\d days$/m)
      assert.ok(!existsSync(inCheckout('import')))
    },
  },
]

describe('docs/operations.md', () => {
  before(async () => {
    ports = await findFreePorts(4)
    const root = mkdtempSync(join(tmpdir(), 'operations-'))
    simulator = await startSimulator({ dataDir: root, httpsPort: 0, controlPort: 0 })
    sandbox = makeSandbox(root)
  })

  after(async () => {
    for (const name of ['connector', 'drill', 'certconnector']) {
      const pid = findResident(sandbox.root, name)?.pid
      if (pid !== undefined && isAlive(pid)) process.kill(pid, 'SIGKILL')
    }
    await simulator.close()
    rmSync(sandbox.root, { recursive: true, force: true })
  })

  test('every command in it is run here, and nothing else', () => {
    assert.ok(steps.length > 10)
    assert.deepEqual(
      shellBlocks.map((text) => text.split('\n')[0]),
      steps.map(({ begins }) => begins),
    )
  })

  for (const [index, step] of steps.entries())
    test(`${step.begins} …`, async (context) => {
      if (hasFailed) return context.skip('an earlier command failed')
      hasFailed = true
      await step.prepare?.()
      const run = step.run ?? ((text: string) => runBlock(text, step.input?.()))
      const output = await run(localise(shellBlocks[index] ?? ''))
      await step.check?.(output)
      hasFailed = false
    })
})

function makeSandbox(root: string): Sandbox {
  const [device = 0, admin = 0, drill = 0, unit = 0] = ports
  const settings = {
    ports: { 8080: device, 8081: admin, 9081: drill, unit },
    environment: {
      CONNECTOR_INTUNE_TENANT: simulator.tenantId,
      CONNECTOR_INTUNE_CLIENT_ID: simulator.clientId,
      CONNECTOR_INTUNE_AUTHORITY_URL: simulator.authorityUrl,
      CONNECTOR_INTUNE_GRAPH_URL: simulator.graphUrl,
      CONNECTOR_INTUNE_TRUSTED_CA_FILE: simulator.caFile,
      CONNECTOR_INTUNE_ALLOWED_HOST_SUFFIXES: '127.0.0.1',
      // Keys that are made at once.
      CONNECTOR_CA_0_ROOT_KEY: 'p256',
      CONNECTOR_CA_0_ISSUING_KEY: 'p256',
      NODE_COMPILE_CACHE: join(root, 'compile-cache'),
    },
  }
  writeSettings(root, settings)
  const made = { root, checkout: join(root, 'checkout'), host: join(root, 'host'), settings }
  mkdirSync(join(made.checkout, 'docs'), { recursive: true })
  mkdirSync(join(made.host, 'etc'), { recursive: true })
  for (const name of [
    'package.json',
    'package-lock.json',
    '.npmrc',
    'tsconfig.json',
    'tsconfig.build.json',
    'Dockerfile',
    '.dockerignore',
    'compose.example.yaml',
    'docs/nginx.conf',
    'bin',
    'src',
  ])
    cpSync(join(repository, name), join(made.checkout, name), { recursive: true })
  symlinkSync(join(repository, 'node_modules'), join(made.checkout, 'node_modules'))
  mkdirSync(join(root, 'bin'))
  const standIns = join(import.meta.dirname, 'stand-ins.ts')
  for (const name of ['docker', 'npm', 'systemctl'])
    writeProgram(root, name, `exec '${process.execPath}' '${standIns}' ${name} "$@"`)
  // What needs root or another machine.
  for (const name of ['chown', 'useradd', 'git']) writeProgram(root, name, 'exit 0')
  writeProgram(
    root,
    'sudo',
    `args=(); for word; do case $word in /etc/*) word='${made.host}'$word;; esac; args+=("$word"); done; exec "\${args[@]}"`,
  )
  return made
}

function writeProgram(root: string, name: string, text: string): void {
  const file = join(root, 'bin', name)
  writeFileSync(file, `#!/bin/bash\n${text}\n`)
  chmodSync(file, 0o755)
}

/** The block as written, with the ports of this run, and nginx left out. */
function localise(text: string): string {
  const [device, admin, drill] = ports
  return text
    .replaceAll('https://scep.example.org', `http://127.0.0.1:${device}`)
    .replaceAll('http://127.0.0.1:8081', `http://127.0.0.1:${admin}`)
    .replaceAll('http://127.0.0.1:9081', `http://127.0.0.1:${drill}`)
    .replaceAll('TRANSACTION', transactionId)
}

function start(text: string): ChildProcess {
  return spawn('bash', ['--norc', '-euo', 'pipefail', '-c', text], {
    cwd: sandbox.checkout,
    env: {
      PATH: `${join(sandbox.root, 'bin')}:${dirname(process.execPath)}:/usr/bin:/bin`,
      SANDBOX: sandbox.root,
      NODE_COMPILE_CACHE: join(sandbox.root, 'compile-cache'),
    },
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
}

async function runBlock(text: string, input = ''): Promise<string> {
  const child = start(text)
  const output = collect(child)
  // A block that reads nothing may have ended before the pipe is closed.
  child.stdin?.on('error', () => undefined).end(input)
  const code = await exitOf(child)
  assert.equal(code, 0, `${text}\n${output()}`)
  return output()
}

function collect(child: ChildProcess): () => string {
  let all = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      all += text
    })
  return () => all
}

async function exitOf(child: ChildProcess): Promise<number | null> {
  return await new Promise((resolve) => child.once('close', resolve))
}

async function waitFor(isThere: () => boolean | Promise<boolean>): Promise<void> {
  for (const until = Date.now() + 60_000; !(await isThere()); ) {
    if (Date.now() > until) throw new Error('not within 60 s')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function waitForReady(port: number | undefined): Promise<void> {
  await waitFor(async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined)
    return answer?.status === 200
  })
}

/** A device enrols as it does in the tenant: with a challenge that was made for its subject. */
async function enrol(): Promise<string> {
  const subject = 'CN=first-device'
  const { challenge } = await createChallenge(simulator.controlUrl, { subject })
  const url = `http://127.0.0.1:${ports[0]}/certsrv/mscep/mscep.dll`
  return (await enrolDevice({ url, subject, challenge })).transactionId
}

/** Event numbers of the lines that belong to a request, in their order. */
function eventIds(output: string): number[] {
  return [...output.matchAll(/^[\d:.]+ \w (4\d{3}) /gm)].map((match) => Number(match[1]))
}

function block(language: string): string {
  const found = blocks.filter((one) => one.language === language)
  assert.equal(found.length, 1, `blocks of ${language}`)
  return found[0]?.text ?? ''
}

/** Adds what a later chapter says to the configuration: sections are merged, lists grow. */
function addSettings(text: string): void {
  const file = inCheckout('config/connector.yaml')
  const written = parseDocument(readFileSync(file, 'utf8')).toJS() as Settings
  const added = parseDocument(text).toJS() as Settings
  const merged = {
    ...written,
    listeners: { ...written.listeners, ...added.listeners },
    profiles: [...written.profiles, ...added.profiles],
  }
  writeFileSync(file, stringify(merged))
}

interface Settings {
  readonly listeners: object
  readonly profiles: readonly object[]
}

function inCheckout(path: string): string {
  return join(sandbox.checkout, path)
}

function modeOf(path: string): number {
  return statSync(inCheckout(path)).mode & 0o777
}
