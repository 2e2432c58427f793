import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatProblem, loadConfiguration } from '../../../src/config/index.ts'
import { expectOk, expectProblems, leastYaml, load } from './support.ts'

test('a whole configuration can stand in the environment', () => {
  const outcome = loadConfiguration({
    cwd: '/srv',
    env: {
      CONNECTOR_CONFIG: 'is read by the command',
      CONNECTOR_LISTENERS_DEVICE_PUBLIC_URL: 'https://scep.example.org/',
      CONNECTOR_LISTENERS_DEVICE_TRUST_PROXY: 'loopback, 10.0.0.0/8',
      CONNECTOR_PROFILES_0_NAME: 'default',
      CONNECTOR_PROFILES_0_CHALLENGE_KIND: 'static',
      CONNECTOR_PROFILES_0_CHALLENGE_SECRET: '0123456789abcdef',
      CONNECTOR_PROFILES_0_CERTIFICATE_KEY_TYPES: 'rsa,ec',
      CONNECTOR_PROFILES_0_CERTIFICATE_ALLOWED_EKUS: '["clientAuth", "1.2.3.4"]',
      CONNECTOR_PROFILES_0_SCEP_ALLOW_MD5: 'true',
      CONNECTOR_PROFILES_0_CAPABILITIES: 'ndes-classic',
      CONNECTOR_NOTIFICATIONS_ONLINE_PAUSES_SECONDS: '1,2,3',
      CONNECTOR_CA_0_NAME: 'Environment CA',
    },
  })
  const configuration = expectOk(outcome)
  const [profile] = configuration.profiles
  assert.equal(configuration.dataDir, '/srv/data')
  assert.equal(configuration.listeners.device.publicUrl, 'https://scep.example.org')
  assert.deepEqual(configuration.listeners.device.trustProxy, ['loopback', '10.0.0.0/8'])
  assert.ok(profile?.challenge.kind === 'static')
  assert.equal(profile.challenge.secret?.reveal(), '0123456789abcdef')
  assert.deepEqual(profile.certificate.allowedEkus, ['1.3.6.1.5.5.7.3.2', '1.2.3.4'])
  assert.equal(profile.scep.allowMd5, true)
  assert.deepEqual(profile.capabilities, ['Renewal', 'SHA-512', 'SHA-256', 'SHA-1', 'DES3'])
  assert.deepEqual(configuration.notifications.onlinePausesSeconds, [1, 2, 3])
  assert.equal(configuration.ca[0]?.name, 'Environment CA')
})

test('a list as JSON replaces that of the file, its secrets included, and elements go on top', (context) => {
  const profiles = [
    { name: 'a', challenge: { kind: 'static', secret: '0123456789abcdef' } },
    { name: 'b', challenge: { kind: 'intune' } },
  ]
  const env = {
    CONNECTOR_PROFILES: JSON.stringify(profiles),
    CONNECTOR_PROFILES_1_NAME: 'c',
    CONNECTOR_PROFILES_2_NAME: 'd',
    CONNECTOR_PROFILES_2_CHALLENGE_KIND: 'intune',
  }
  const configuration = expectOk(load(context, leastYaml, env).outcome)
  assert.deepEqual(
    configuration.profiles.map((profile) => profile.name),
    ['a', 'c', 'd'],
  )
})

for (const [text, value] of [
  ['false', false],
  ['2', 2],
  ['loopback', ['loopback']],
] as const) {
  test(`trustProxy "${text}" is read as ${JSON.stringify(value)}`, (context) => {
    const env = { CONNECTOR_LISTENERS_DEVICE_TRUST_PROXY: text }
    const { device } = expectOk(load(context, leastYaml, env).outcome).listeners
    assert.deepEqual(device.trustProxy, value)
  })
}

test('a variable that is no key is not called the configuration', (context) => {
  const { outcome } = load(context, leastYaml, { CONNECTOR_LISTENERS_DEVICE_PORTS: '1' })
  const [problem] = expectProblems(outcome)
  assert.ok(problem)
  assert.match(
    formatProblem(problem),
    /^CONNECTOR_LISTENERS_DEVICE_PORTS: it is a variable that is no key; expected /,
  )
})

for (const [name, value, path, found, remedy] of [
  [
    'CONNECTOR_LISTENERS_DEVICE_PORTS',
    '1',
    '',
    'a variable that is no key',
    /did you mean CONNECTOR_LISTENERS_DEVICE_PORT\?/,
  ],
  ['CONNECTOR_LISTENERS_DEVICE_PORT', 'http', 'listeners.device.port', '"http"', /8080/],
  ['CONNECTOR_SIMULATOR_ENABLED', 'yes', 'simulator.enabled', '"yes"', /false/],
  ['CONNECTOR_PROFILES', '[{', 'profiles', 'not readable as JSON', /quote/],
  ['CONNECTOR_PROFILES_5_NAME', 'x', 'profiles[5].name', 'an index that skips elements', /gaps/],
  [
    'CONNECTOR_PROFILES_0_CERTIFICATE_VALIDITY_DAYS',
    '0',
    'profiles[0].certificate.validityDays',
    '0',
    /365/,
  ],
] as const) {
  test(`${name}=${value} is a problem that names the variable`, (context) => {
    const problems = expectProblems(load(context, leastYaml, { [name]: value }).outcome)
    assert.equal(problems.length, 1)
    const [problem] = problems
    assert.deepEqual([problem?.environment, problem?.path, problem?.found], [name, path, found])
    assert.match(problem?.remedy ?? '', remedy)
    assert.equal(problem?.line, undefined)
  })
}

test('no value of a variable that cannot be read is repeated', (context) => {
  const env = {
    CONNECTOR_PROFILES: '[{"challenge":{"secret":"MARKED"',
    CONNECTOR_NONSENSE: 'MARKED',
  }
  const problems = expectProblems(load(context, leastYaml, env).outcome)
  assert.equal(problems.length, 2)
  assert.ok(!JSON.stringify(problems).includes('MARKED'))
})
