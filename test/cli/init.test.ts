import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { type InitOptions, runInit } from '../../src/cli/init-command.ts'
import { startConnector } from '../../src/compose/index.ts'
import { type Configuration, formatProblem, loadConfiguration } from '../../src/config/index.ts'
import { Secret } from '../../src/kernel/index.ts'
import { assertFailsWith } from '../support/assert-fails-with.ts'
import { recordQuickAuthority } from '../support/quick-authority.ts'
import { runCommand } from './command-run.ts'

const CLIENT_ID = '11111111-2222-3333-4444-555555555555'
const TYPED = 'typed-and-not-shown'

describe('init', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'init-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const put = (name: string, text: string) => writeFileSync(join(folder, name), text)

  function collect() {
    const text: string[] = []
    const output = new Writable({
      write(chunk, _encoding, done) {
        text.push(String(chunk))
        done()
      },
    })
    return { output, text: () => stripVTControlCharacters(text.join('')) }
  }

  /** With options alone, as a script has it. */
  async function initWith(options: InitOptions): Promise<string> {
    const { output, text } = collect()
    await runInit(options, folder, { input: new PassThrough(), output })
    return text()
  }

  /** Types each answer once its question stands there, as a person does; undefined ends the input. */
  async function initTyping(
    dialogue: readonly (readonly [question: RegExp, answer: string | undefined])[],
    options: InitOptions = {},
  ): Promise<string> {
    const { output, text } = collect()
    const input = Object.assign(new PassThrough(), { isTTY: true })
    const done = runInit(options, folder, { input, output })
    let isDone = false
    const ended = done.finally(() => {
      isDone = true
    })
    ended.catch(() => undefined)
    let from = 0
    for (const [question, answer] of dialogue) {
      // A prompt that ends in the last column is followed by one more blank, which moves the cursor on.
      const shown = () => text().slice(from).replace(/ +$/, ' ')
      for (const until = Date.now() + 5000; !question.test(shown()); ) {
        if (isDone) await ended
        assert.ok(Date.now() < until, `no ${question} in ${shown()}`)
        await new Promise((resolve) => setImmediate(resolve))
      }
      from = text().length
      if (answer === undefined) input.end()
      else input.write(`${answer}\r`)
    }
    await ended
    return text()
  }

  function load(file = 'connector.yaml'): Configuration {
    const outcome = loadConfiguration({ file, env: {}, cwd: folder })
    if (outcome.kind === 'ok') return outcome.configuration
    throw new Error(outcome.problems.map(formatProblem).join('\n'))
  }

  const modeOf = (name: string) => (statSync(join(folder, name)).mode & 0o777).toString(8)

  test('asks what it must, repeats a question until its answer is right, and shows no secret', async () => {
    const shown = await initTyping([
      [/Features.*\[scep\]: $/, 'scep, revocations'],
      [/there is no feature "revocations"[\s\S]*: $/, 'scep, revocation'],
      [/URL under which devices reach it.*: $/, 'scep.example.org'],
      [/expected http or https URL[\s\S]*: $/, 'https://scep.example.org'],
      [/Name of the CA.*\[Device CA\]: $/, ''],
      [/challenges.*\[intune\]: $/, ''],
      [/connector service.*Enter for none: $/, ''],
      [/Tenant: .*: $/, 'contoso.onmicrosoft.com'],
      [/Application \(client\) id.*: $/, CLIENT_ID],
      [/How the application.*\[secret\]: $/, ''],
      [/File with the client secret; Enter to type it now: $/, ''],
      [/without showing it: $/, TYPED],
      [/HTTP proxy.*: $/, 'proxy.example.org:3128'],
      [/write the scheme as well: http:\/\/proxy\.example\.org:3128[\s\S]*: $/, ''],
    ])
    assert.ok(!shown.includes(TYPED))
    const { features, intune, profiles, proxy } = load()
    assert.equal(features.revocation, true)
    assert.equal(intune?.clientSecret?.reveal(), TYPED)
    assert.equal(intune.tenant, 'contoso.onmicrosoft.com')
    assert.equal(profiles[0]?.challenge.kind, 'intune')
    assert.equal(proxy, undefined)
    for (const name of ['connector.yaml', 'secrets/intune-client-secret', 'secrets/passphrase'])
      assert.equal(modeOf(name), '600', name)
    assert.ok(!readFileSync(join(folder, 'connector.yaml'), 'utf8').includes(TYPED))
    for (const word of [
      'scep_challenge_provider',
      'Application.Read.All',
      'https://scep.example.org/certsrv/mscep/mscep.dll',
      'ca export root --der',
      'check-config --online',
    ])
      assert.ok(shown.includes(word), word)
  })

  test('input that ends leaves nothing behind', async () => {
    const { message } = await assertFailsWith(
      initTyping([
        [/Features/, ''],
        [/URL under/, undefined],
      ]),
      'config/invalid',
    )
    assert.match(message, /nothing was written/)
    assert.deepEqual(readdirSync(folder), [])
  })

  test('options alone: a certificate for the tenant, a proxy with a password, another file name', async () => {
    for (const name of ['client.pem', 'client.key', 'password']) put(name, `${name}\n`)
    const shown = await initWith({
      config: 'zurich.yaml',
      name: 'Zürich: "1" #2',
      publicUrl: 'https://scep.example.org/',
      tenant: 'contoso.onmicrosoft.com',
      clientId: CLIENT_ID,
      cloud: 'us-gcc-high',
      clientCertificateFile: 'client.pem',
      clientKeyFile: 'client.key',
      proxyUrl: 'http://proxy.example.org:3128',
      proxyUser: 'connector',
      proxyPasswordFile: 'password',
    })
    const { connector, intune, proxy } = load('zurich.yaml')
    assert.equal(connector.name, 'Zürich: "1" #2')
    assert.equal(intune?.clientCertificateFile, join(folder, 'client.pem'))
    assert.equal(intune.cloud, 'us-gcc-high')
    assert.equal(proxy?.password?.reveal(), 'password')
    assert.match(shown, /Upload .*client\.pem/)
    assert.match(shown, /--config zurich\.yaml/)
  })

  test('imported PFX and revocation from a connector service, without SCEP and without a tenant', async () => {
    for (const name of ['token', 'issuers.pem']) put(name, name)
    await initWith({
      features: 'pkcsImport,revocation',
      publicUrl: 'https://crl.example.org',
      openServiceUrl: 'https://connectors.example.org',
      enrolmentTokenFile: 'token',
      deviceIssuersFile: 'issuers.pem',
    })
    const { features, intune, management, profiles } = load()
    assert.deepEqual([features.scep, features.pkcsImport, features.revocation], [false, true, true])
    assert.equal(intune, undefined)
    assert.equal(management.openService?.enrolmentToken?.reveal(), 'token')
    assert.deepEqual(profiles, [])
  })

  test('PKCS certificates from a connector service, with a template that fits nothing until it is replaced', async () => {
    for (const name of ['token', 'issuers.pem']) put(name, name)
    const shown = await initWith({
      features: 'pkcs',
      publicUrl: 'https://crl.example.org',
      openServiceUrl: 'https://connectors.example.org',
      enrolmentTokenFile: 'token',
      deviceIssuersFile: 'issuers.pem',
    })
    const { features, pkcs } = load()
    assert.deepEqual([features.pkcs, features.pkcsImport], [true, false])
    assert.equal(pkcs.deviceIssuersFile, join(folder, 'issuers.pem'))
    assert.equal(pkcs.templates[0]?.certificationAuthority, 'ca.example.org')
    assert.match(shown, /Replace the template/)
  })

  test('what is missing, wrong or of no use is told at once, and nothing is written', async () => {
    const options = {
      challenge: 'static',
      tenant: 'contoso',
      caName: '',
      staticChallengeFile: 'no',
    }
    const { message } = await assertFailsWith(initWith(options), 'config/invalid')
    for (const word of ['--public-url', '--tenant', '--ca-name', '--static-challenge-file'])
      assert.ok(message.includes(word), `${word} in ${message}`)
    assert.deepEqual(readdirSync(folder), [])
  })

  test('a configuration that would not do is not written, and its problems are told of its name', async () => {
    put('secret', '')
    const { message } = await assertFailsWith(
      initWith({
        publicUrl: 'https://scep.example.org',
        challenge: 'static',
        staticChallengeFile: 'secret',
      }),
      'config/invalid',
    )
    assert.ok(!message.includes('.draft'), message)
    assert.match(message, /secretFile is .*which is empty/)
    assert.deepEqual(readdirSync(folder).toSorted(), ['secret', 'secrets'])
    assert.deepEqual(readdirSync(join(folder, 'secrets')), [])
  })

  test('what is there is not overwritten without --force, and a passphrase never', async () => {
    const options = { publicUrl: 'https://scep.example.org', challenge: 'one-time' }
    await initWith(options)
    const passphrase = readFileSync(join(folder, 'secrets/passphrase'), 'utf8')
    const { message } = await assertFailsWith(initWith(options), 'config/invalid')
    assert.match(message, /there already/)
    await initWith({ ...options, force: true, caName: 'Another CA' })
    assert.equal(load().ca[0]?.name, 'Another CA')
    assert.equal(readFileSync(join(folder, 'secrets/passphrase'), 'utf8'), passphrase)
  })

  test('a secret file that is in the way leaves no half of an installation', async () => {
    mkdirSync(join(folder, 'secrets'))
    put('secrets/intune-client-secret', 'of before')
    const { message } = await assertFailsWith(
      initTyping(
        [
          [/client secret/, ''],
          [/without showing/, TYPED],
        ],
        {
          features: 'scep',
          publicUrl: 'https://scep.example.org',
          caName: 'CA',
          challenge: 'intune',
          tenant: 'contoso.com',
          clientId: CLIENT_ID,
          credential: 'secret',
          proxyUrl: 'http://proxy.example.org:3128',
          proxyUser: 'connector',
          proxyPasswordFile: 'secrets/intune-client-secret',
        },
      ),
      'config/invalid',
    )
    assert.match(message, /secrets\/intune-client-secret is there already/)
    assert.deepEqual(readdirSync(join(folder, 'secrets')), ['intune-client-secret'])
    assert.ok(!existsSync(join(folder, 'connector.yaml')))
  })

  test('the connector runs with what was written', async () => {
    const shown = await initWith({
      publicUrl: 'http://scep.example.org',
      port: '0',
      adminPort: '0',
      challenge: 'static',
    })
    assert.match(shown, /Devices enrol at http:\/\/scep\.example\.org\/scep\/default/)
    const configuration = load()
    const passphrase = readFileSync(configuration.passphraseFile, 'utf8').trim()
    mkdirSync(configuration.dataDir, { mode: 0o700 })
    // Making RSA keys is proven elsewhere and takes its time.
    await recordQuickAuthority(join(configuration.dataDir, 'ca/default'), new Secret(passphrase), {
      names: { name: 'Device CA' },
      rootKey: 'p256',
      issuingKey: 'p256',
      now: new Date(),
      random: randomBytes,
    })
    const console = new Writable({ write: (_chunk, _encoding, done) => done() })
    const connector = await startConnector(configuration, { version: '0.0.0-test', console })
    try {
      const answer = await fetch(`${connector.deviceUrl}/scep/default?operation=GetCACaps`)
      assert.match(await answer.text(), /POSTPKIOperation/)
      assert.equal((await fetch(`${connector.adminUrl}/readyz`)).status, 200)
    } finally {
      await connector.stop()
    }
  })

  test('without a terminal it asks nothing, and ends with 2 and the options that are missing', async () => {
    const { code, out, err } = await runCommand(['init'], { cwd: folder })
    assert.equal(code, 2)
    assert.equal(out, '')
    assert.match(err, /--public-url <url> is missing/)
    assert.deepEqual(readdirSync(folder), [])
  })
})
