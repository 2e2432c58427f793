import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectOk, expectProblems, leastYaml, load } from './support.ts'

const withProfile = (lines: string) => `${leastYaml}\n  - name: jamf\n${lines}`

test('a one-time challenge has its defaults: an hour, 16 digits, five unused on the page', (context) => {
  const { outcome } = load(context, withProfile('    challenge: { kind: one-time }'))
  assert.deepEqual(expectOk(outcome).profiles[1]?.challenge, {
    kind: 'one-time',
    validityMinutes: 60,
    length: 16,
    passwordMax: 5,
  })
})

test('a one-time challenge ends with the replay window at the latest', (context) => {
  const profile = (minutes: number) =>
    withProfile(
      `    challenge: { kind: one-time, validityMinutes: ${minutes} }\n    replayWindowHours: 2`,
    )
  expectOk(load(context, profile(120)).outcome)
  const [problem] = expectProblems(load(context, profile(121)).outcome)
  assert.equal(problem?.path, 'profiles[1].challenge.validityMinutes')
})

test('an odd number of hexadecimal digits is none', (context) => {
  const { outcome } = load(context, withProfile('    challenge: { kind: one-time, length: 17 }'))
  assert.equal(expectProblems(outcome)[0]?.path, 'profiles[1].challenge.length')
})

test('REQ-153: the page of challenges is not for Intune, and not without users', (context) => {
  const intune = load(context, `${leastYaml}\n    ndes: { adminPage: true }`)
  assert.equal(expectProblems(intune.outcome)[0]?.path, 'profiles[0].ndes.adminPage')
  const nobody = load(
    context,
    withProfile('    challenge: { kind: one-time }\n    ndes: { adminPage: true }'),
  )
  assert.equal(expectProblems(nobody.outcome)[0]?.path, 'profiles[1].ndes.usersFile')
  const users = load(
    context,
    withProfile(
      '    challenge: { kind: one-time }\n    ndes: { adminPage: true, usersFile: users }',
    ),
    {},
    { users: 'jamf:…\n' },
  )
  assert.equal(expectOk(users.outcome).profiles[1]?.ndes.users?.reveal(), 'jamf:…')
})

test('a token of the API is long, and is never shown', (context) => {
  const yaml = leastYaml.replace(
    'passphraseFile:',
    '  admin: { apiTokenFile: token }\npassphraseFile:',
  )
  const good = load(context, yaml, {}, { token: `${'f00d'.repeat(8)}\n` })
  assert.equal(expectOk(good.outcome).listeners.admin.apiToken?.length, 32)
  const problems = expectProblems(load(context, yaml, {}, { token: 'short-token\n' }).outcome)
  assert.equal(problems[0]?.path, 'listeners.admin.apiToken')
  assert.ok(!JSON.stringify(problems).includes('short-token'))
})

test('REQ-157: a page over plain HTTP, or with a password that NDES would not make, is warned of', (context) => {
  const yaml = leastYaml
    .replace('https://scep', 'http://scep')
    .concat(
      '\n  - name: page\n    challenge: { kind: static, secretFile: secret }\n    ndes: { adminPage: true, usersFile: users }',
    )
  const warningsWith = (secret: string) => {
    const { outcome } = load(context, yaml, {}, { secret, users: 'jamf:…' })
    return outcome.kind === 'ok' ? outcome.warnings.map(({ path }) => path) : []
  }
  const paths = warningsWith('a long enough static challenge')
  assert.ok(paths.includes('profiles[1].ndes.adminPage'))
  assert.ok(paths.includes('profiles[1].challenge.secret'))
  assert.ok(!warningsWith('B9E5B1F0'.repeat(4)).includes('profiles[1].challenge.secret'))
})
