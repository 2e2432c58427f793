import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { enrolDevice } from '../../src/cli/enrolment-client/index.ts'
import { Secret } from '../../src/kernel/index.ts'
import { findFreePorts } from '../support/free-ports.ts'
import { startTestConnector, type TestConnector } from '../support/running-connector.ts'
import { installPackages } from './find-clients.ts'
import { runProgram } from './run-program.ts'

/** A proxy with our template for it, adapted to this machine in nothing but addresses and paths. */
interface Proxy {
  readonly name: string
  readonly package: string
  readonly version: readonly string[]
  readonly template: string
  adapt(template: string, place: Place): string
  run(file: string, folder: string): readonly [command: string, ...args: string[]]
}

interface Place {
  readonly folder: string
  readonly upstream: string
  readonly httpPort: number
  readonly httpsPort: number
}

const proxies: readonly Proxy[] = [
  {
    name: 'nginx',
    package: 'nginx-light',
    version: ['nginx', '-v'],
    template: 'nginx.conf',
    adapt: (template, { folder, upstream, httpPort, httpsPort }) => `
      daemon off;
      pid ${folder}/nginx.pid;
      error_log ${folder}/error.log;
      events {}
      http {
        ${template
          .replaceAll('connector:8080', upstream)
          .replaceAll('listen 80 ', `listen 127.0.0.1:${httpPort} `)
          .replaceAll('listen 443 ', `listen 127.0.0.1:${httpsPort} `)
          .replaceAll('/etc/nginx/tls/fullchain.pem', `${folder}/scep.pem`)
          .replaceAll('/etc/nginx/tls/privkey.pem', `${folder}/scep.pem`)
          .replaceAll('/var/log/nginx', folder)}
      }`,
    run: (file, folder) => ['nginx', '-p', folder, '-c', file],
  },
  {
    name: 'HAProxy',
    package: 'haproxy',
    version: ['haproxy', '-v'],
    template: 'haproxy.cfg',
    adapt: (template, { folder, upstream, httpPort, httpsPort }) =>
      template
        .replaceAll('connector:8080', upstream)
        .replaceAll('bind :80', `bind 127.0.0.1:${httpPort}`)
        .replaceAll('bind :443', `bind 127.0.0.1:${httpsPort}`)
        .replaceAll('/etc/haproxy/tls', folder),
    run: (file) => ['haproxy', '-W', '-f', file],
  },
]

const isCi = (process.env['CI'] ?? '') !== ''

for (const proxy of proxies) {
  const isThere = await isInstalled(proxy)
  suite(`a device behind ${proxy.name} with docs/${proxy.template}`, {
    skip: isThere || isCi ? false : `${proxy.name} is missing: apt-get install ${proxy.package}`,
  }, () => {
    let connector: TestConnector
    let running: ChildProcess
    let place: Place
    before(async () => {
      assert.ok(isThere, `${proxy.name} is missing: apt-get install ${proxy.package}`)
      connector = await startTestConnector()
      const [httpPort = 0, httpsPort = 0] = await findFreePorts(2)
      const folder = mkdtempSync(join(tmpdir(), 'proxy-'))
      place = { folder, upstream: new URL(connector.connector.deviceUrl).host, httpPort, httpsPort }
      await makeTlsCertificate(folder)
      const file = join(folder, proxy.template)
      const template = readFileSync(join(import.meta.dirname, '../../docs', proxy.template), 'utf8')
      writeFileSync(file, proxy.adapt(template, place))
      const [command, ...args] = proxy.run(file, folder)
      running = spawn(command, args, { stdio: 'ignore' })
      await waitForPort(httpPort, running)
    })
    after(async () => {
      if (running?.exitCode === null) {
        running.kill('SIGTERM')
        await once(running, 'exit')
      }
      await connector?.remove()
      if (place !== undefined) rmSync(place.folder, { recursive: true, force: true })
    })

    test('REQ-59, REQ-61: enrols by GET with a request line of more than 60,000 octets', async () => {
      let longest = 0
      const device = await enrolDevice({
        url: `http://127.0.0.1:${place.httpPort}/scep/static`,
        subject: 'CN=behind-a-proxy',
        challenge: new Secret('secret'),
        method: 'GET',
        sans: manyNames(),
        fetch: async (url, init) => {
          longest = Math.max(longest, url.length)
          return await fetch(url, init)
        },
      })
      assert.match(device.chainPem, /BEGIN CERTIFICATE/)
      assert.ok(longest > 60_000 && longest < 65_534, `${longest} characters`)
    })

    test('REQ-19, REQ-53: enrols by POST, its body untouched', async () => {
      const device = await enrolDevice({
        url: `http://127.0.0.1:${place.httpPort}/certsrv/mscep/mscep.dll/pkiclient.exe`,
        subject: 'CN=by-post',
        challenge: new Secret(await connector.challenge({ subject: 'CN=by-post' })),
        method: 'POST',
      })
      assert.match(device.chainPem, /BEGIN CERTIFICATE/)
    })

    test('REQ-16, REQ-17, REQ-18: HTTPS answers too, asks for no certificate, and HTTP does not redirect', async () => {
      const url = `https://127.0.0.1:${place.httpsPort}/scep/static?operation=GetCACaps`
      const end = await runProgram('curl', ['-fsS', '--cacert', join(place.folder, 'ca.pem'), url])
      assert.match(end.stdout.toString(), /^POSTPKIOperation$/m, end.stderr)
      const hello = await runProgram('openssl', [
        's_client',
        ['-connect', `127.0.0.1:${place.httpsPort}`],
        ['-CAfile', join(place.folder, 'ca.pem')],
      ])
      assert.match(hello.stdout.toString(), /Verify return code: 0/)
      assert.doesNotMatch(hello.stdout.toString(), /Requested Signature Algorithms/)
      const plain = await fetch(
        url.replace('https', 'http').replace(`${place.httpsPort}`, `${place.httpPort}`),
        {
          redirect: 'manual',
        },
      )
      assert.equal(plain.status, 200)
    })
  })
}

/** So many that the message, in base64 and escaped, comes near the longest request line. */
function manyNames() {
  return Array.from({ length: 835 }, (_, index) => ({
    kind: 'dns' as const,
    value: `${index}.a-name-to-make-the-request-long.example.org`,
  }))
}

async function isInstalled({
  version: [command = '', ...args],
  package: name,
}: Proxy): Promise<boolean> {
  const probe = async () =>
    await runProgram(command, args).then(
      () => true,
      () => false,
    )
  if (await probe()) return true
  if (process.getuid?.() !== 0) return false
  await installPackages([name])
  return await probe()
}

async function makeTlsCertificate(folder: string): Promise<void> {
  const end = await runProgram('openssl', [
    [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=scep.example.org',
    ],
    ['-addext', 'subjectAltName=IP:127.0.0.1'],
    ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'ca.pem')],
  ])
  assert.equal(end.status, 0, end.stderr)
  const parts = ['ca.pem', 'key.pem'].map((name) => readFileSync(join(folder, name)))
  writeFileSync(join(folder, 'scep.pem'), Buffer.concat(parts), { mode: 0o600 })
}

async function waitForPort(port: number, proxy: ChildProcess): Promise<void> {
  for (const until = Date.now() + 10_000; Date.now() < until; ) {
    assert.equal(proxy.exitCode, null, 'the proxy ended at once')
    const socket = connect(port, '127.0.0.1')
    const isOpen = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    })
    socket.destroy()
    if (isOpen === true) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  assert.fail('the proxy did not listen within ten seconds')
}
