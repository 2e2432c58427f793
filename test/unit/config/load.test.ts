import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { formatProblem, loadConfiguration } from '../../../src/config/index.ts'
import type { CertificateRules } from '../../../src/connector/index.ts'
import { Secret } from '../../../src/kernel/index.ts'
import type { ScepRules } from '../../../src/scep/index.ts'
import { expectOk, expectProblems, leastYaml, load, withLine } from './support.ts'

test('defaults fill in whatever is not written', (context) => {
  const { cwd, outcome } = load(context, leastYaml)
  const configuration = expectOk(outcome)
  assert.equal(configuration.dataDir, join(cwd, 'data'))
  assert.equal(configuration.store.file, join(cwd, 'data', 'connector.db'))
  assert.deepEqual(configuration.listeners, {
    device: {
      host: '127.0.0.1',
      port: 8080,
      publicUrl: 'https://scep.example.org',
      trustProxy: false,
      maxBodyBytes: 262_144,
      requestsPerMinute: 600,
      failedChallengesPerMinute: 60,
      maxConnections: 1024,
      requestTimeoutMs: 30_000,
    },
    admin: { host: '127.0.0.1', port: 8081, hostNames: [] },
  })
  assert.deepEqual(configuration.notifications, {
    onlinePausesSeconds: [1, 5, 15, 60, 300],
    courierPausesSeconds: [900, 3600],
    giveUpDays: 7,
  })
  assert.deepEqual(
    configuration.ca.map(({ id, kind, rootKey, issuingKey, crl }) => ({
      id,
      kind,
      rootKey,
      issuingKey,
      crl,
    })),
    [
      {
        id: 'default',
        kind: 'embedded',
        rootKey: 'rsa4096',
        issuingKey: 'rsa3072',
        crl: {
          validityHours: 72,
          publishEveryHours: 24,
          debounceSeconds: 60,
          shards: 1,
          delta: { enabled: false, everyHours: 1 },
        },
      },
    ],
  )
  assert.equal(configuration.logging.maxBytes, 52_428_800)
  assert.equal(outcome.kind === 'ok' && outcome.warnings.length, 0)
})

test('a profile fits the rules of the codec and of the certificate policy', (context) => {
  const [profile] = expectOk(load(context, leastYaml).outcome).profiles
  const scep: ScepRules = profile?.scep ?? assert.fail()
  const certificate: CertificateRules = profile?.certificate ?? assert.fail()
  assert.equal(scep.allowDes, false)
  assert.ok('maxSigningTimeSkewSeconds' in scep)
  assert.deepEqual(certificate.defaultEkus, ['1.3.6.1.5.5.7.3.2'])
  assert.ok(!certificate.allowedEkus.includes('1.3.6.1.5.5.7.3.1'))
  assert.equal(certificate.sid, 'pass-uri')
})

test('the environment wins over the file, and the file over defaults', (context) => {
  const yaml = withLine('    publicUrl:', '    port: 9000\n    host: 10.0.0.1\n    publicUrl:')
  const env = { CONNECTOR_LISTENERS_DEVICE_PORT: '9001', PATH: '/bin', CONNECTOR_DATA_DIR: '' }
  const { device } = expectOk(load(context, yaml, env).outcome).listeners
  assert.deepEqual([device.port, device.host, device.maxBodyBytes], [9001, '10.0.0.1', 262_144])
})

test('relative paths start from the folder of the configuration file, wherever they are written', (context) => {
  const yaml = withLine(
    'passphraseFile: /run/secrets/passphrase',
    'passphraseFile: secrets/passphrase\ndataDir: ../data',
  )
  const { cwd } = load(context, yaml)
  const outcome = loadConfiguration({
    file: join(cwd, 'connector.yaml'),
    env: { CONNECTOR_STORE_FILE: 'db/connector.db' },
    cwd: '/',
  })
  const configuration = expectOk(outcome)
  assert.equal(configuration.passphraseFile, join(cwd, 'secrets/passphrase'))
  assert.equal(configuration.dataDir, join(cwd, '../data'))
  assert.equal(configuration.store.file, join(cwd, 'db/connector.db'))
})

test('a secret is read from its file without the last line feed, and cannot be printed', (context) => {
  const configuration = expectOk(load(context, leastYaml).outcome)
  const secret = configuration.intune?.clientSecret
  assert.ok(secret instanceof Secret)
  assert.equal(secret.reveal(), 'MARKED-SECRET')
  assert.ok(!inspect(configuration, { depth: 9 }).includes('MARKED'))
  assert.ok(!JSON.stringify(configuration).includes('MARKED'))
})

test('a secret may come from the environment', (context) => {
  const yaml = withLine('  clientSecretFile: secrets/intune\n', '')
  const env = { CONNECTOR_INTUNE_CLIENT_SECRET: 'MARKED-2' }
  assert.equal(
    expectOk(load(context, yaml, env).outcome).intune?.clientSecret?.reveal(),
    'MARKED-2',
  )
})

test('a secret in the configuration file is refused, and not repeated', (context) => {
  const yaml = withLine('clientSecretFile: secrets/intune', 'clientSecret: MARKED-3')
  const problems = expectProblems(load(context, yaml).outcome)
  const [problem] = problems
  assert.equal(problem?.path, 'intune.clientSecret')
  assert.equal(problem.line, 8)
  assert.equal(problem.found, '[secret]')
  assert.match(problem.remedy, /clientSecretFile.*CONNECTOR_INTUNE_CLIENT_SECRET/)
  assert.ok(!JSON.stringify(problems).includes('MARKED'))
})

test('all problems are reported at once, with path, line, value, expectation and remedy', (context) => {
  const yaml = `
listeners:
  device:
    prot: 8080
    publicUrl: scep.example.org
    maxBodyBytes: 9999999
profiles:
  - name: Default Profile
    challenge: { kind: intunes }
  - name: second
    challenge: { kind: static, secretFile: missing }
    ca: nowhere
    certificate: { keyTypes: [rsa, dsa], sid: trusted }
proxy:
  url: proxy.example.org:3128
nonsense: true
`.trim()
  const { cwd, outcome } = load(context, yaml)
  const problems = expectProblems(outcome)
  const told = problems.map((problem) => formatProblem(problem).replaceAll(cwd, ''))
  assert.deepEqual(told, [
    '/connector.yaml:3: listeners.device.prot is an unknown key; expected one of host, port, publicUrl, tls, trustProxy, maxBodyBytes, requestsPerMinute, failedChallengesPerMinute, maxConnections, requestTimeoutMs; did you mean port?',
    '/connector.yaml:4: listeners.device.publicUrl is "scep.example.org"; expected http or https URL without credentials, query and fragment; write for example https://scep.example.org',
    '/connector.yaml:5: listeners.device.maxBodyBytes is 9999999; expected whole number, 16384 to 2097152; write for example 262144',
    '/connector.yaml:7: profiles[0].name is "Default Profile"; expected text of a-z, 0-9 and -, at most 32; write for example default',
    '/connector.yaml:8: profiles[0].challenge.kind is "intunes"; expected one of intune, static, one-time; write for example intune',
    '/connector.yaml:10: profiles[1].challenge.secretFile is "/missing", which cannot be read (ENOENT); expected a readable file with the secret; check the path and its permissions',
    '/connector.yaml:11: profiles[1].ca is "nowhere", which is no CA; expected one of default; write one of default, or add a CA with this id',
    '/connector.yaml:12: profiles[1].certificate.keyTypes[1] is "dsa"; expected list of: one of rsa, ec, ed25519; write for example [rsa, ec]',
    '/connector.yaml:12: profiles[1].certificate.sid is "trusted"; expected one of strip, pass-uri, verified, reject; write for example pass-uri',
    '/connector.yaml:14: proxy.url is "proxy.example.org:3128"; expected URL with http:// or https://, host and port only; write the scheme as well: http://proxy.example.org:3128',
    '/connector.yaml:15: nonsense is an unknown key; expected one of connector, dataDir, passphraseFile, blockedKeysFile, listeners, workers, store, ca, intune, features, revocation, pkcs, pfxImport, management, proxy, profiles, notifications, logging, simulator; remove it',
  ])
})

test('keys that are missing are named one by one', () => {
  const problems = expectProblems(loadConfiguration({ env: {}, cwd: '/' }))
  assert.deepEqual(
    problems.map((problem) => problem.path),
    ['listeners.device.publicUrl', 'profiles'],
  )
})

test('a missing key is reported at the line of its section', (context) => {
  const yaml = withLine('  tenant: contoso.onmicrosoft.com\n', '')
  const [problem] = expectProblems(load(context, yaml).outcome)
  assert.deepEqual([problem?.path, problem?.line, problem?.found], ['intune.tenant', 5, 'nothing'])
})

test('credentials in the address of a proxy are refused, and not repeated', (context) => {
  const yaml = `${leastYaml}\nproxy: { url: "http://user:MARKED@proxy:3128" }`
  const problems = expectProblems(load(context, yaml).outcome)
  assert.equal(problems[0]?.path, 'proxy.url')
  assert.match(problems[0].remedy, /passwordFile/)
  assert.ok(!JSON.stringify(problems).includes('MARKED'))
})

for (const [title, yaml, path, line] of [
  ['a tab', 'listeners:\n\tdevice: 1', '', 2],
  ['a key that is repeated', 'dataDir: a\ndataDir: b', '', 2],
  ['an alias that leads nowhere', 'a: *b', '', undefined],
  ['a list', '- a', '', undefined],
] as const) {
  test(`${title} is a problem, not an error`, (context) => {
    const [problem] = expectProblems(load(context, yaml).outcome)
    assert.equal(problem?.path, path)
    assert.equal(problem.line, line)
    assert.match(problem.file ?? '', /connector\.yaml$/)
  })
}

test('a file that does not exist is one problem', () => {
  const problems = expectProblems(loadConfiguration({ file: 'missing.yaml', env: {}, cwd: '/' }))
  assert.deepEqual(problems, [
    {
      path: '',
      file: '/missing.yaml',
      found: 'unreadable (ENOENT)',
      expected: 'a YAML file of at most 1 MiB',
      remedy: 'check the path and its permissions',
    },
  ])
})

test('aliases that multiply are refused', (context) => {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]']
  for (let n = 1; n < 12; n++) {
    lines.push(`a${n}: &a${n} [${Array.from({ length: 10 }, () => `*a${n - 1}`).join(', ')}]`)
  }
  const problems = expectProblems(load(context, lines.join('\n')).outcome)
  assert.match(problems[0]?.found ?? '', /aliases/)
})

test('a key named __proto__ is an unknown key', (context) => {
  const problems = expectProblems(load(context, `${leastYaml}\n__proto__: { dataDir: x }`).outcome)
  assert.deepEqual(
    problems.map((problem) => problem.path),
    ['__proto__'],
  )
})

test('text in place of a section is not repeated: it may be a secret', (context) => {
  const problems = expectProblems(load(context, withLine('{ kind: intune }', 'MARKED')).outcome)
  assert.deepEqual(
    problems.map((problem) => [problem.path, problem.found]),
    [['profiles[0].challenge', 'a single value']],
  )
})

test('whatever a file holds, the outcome is a configuration or problems, never an error', (context) => {
  const { cwd } = load(context, leastYaml)
  const file = join(cwd, 'any.yaml')
  const names = fc.constantFrom(
    'listeners',
    'device',
    'ca',
    'intune',
    'profiles',
    'challenge',
    'kind',
    'proxy',
    'url',
    'x',
  )
  const tree = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(names, tie('value'), { maxKeys: 4 }),
    ),
  })).value
  const anyText = fc.oneof(
    fc.string(),
    tree.map((value) => JSON.stringify(value)),
  )
  fc.assert(
    fc.property(anyText, (text) => {
      writeFileSync(file, text)
      const outcome = loadConfiguration({ file, env: {}, cwd })
      return expectProblems(outcome).every((problem) => formatProblem(problem).length > 0)
    }),
    { numRuns: 200 },
  )
})
