import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '../../../../src/kernel/index.ts'
import { encodePageUser, parsePageUsers } from '../../../../src/management/index.ts'

const line = async (name: string, password = `pässword of ${name}`) =>
  await encodePageUser(name, new Secret(password))

test('the right password of an allowed user is allowed, of another forbidden, anything else unknown', async () => {
  const text = `# people\n\n${await line('jamf')}\r\n${await line('CONTOSO\\guest')}\n`
  const users = parsePageUsers(new Secret(text), ['jamf'], 'users')
  const login = async (name: string, password = `pässword of ${name}`) =>
    await users.authenticate(name, password)
  assert.equal(await login('jamf'), 'allowed')
  assert.equal(await login('jamf', 'pässword of jamf'), 'allowed', 'composed or not')
  assert.equal(await login('CONTOSO\\guest'), 'forbidden')
  assert.equal(await login('jamf', ''), 'unknown')
  assert.equal(await login('jamf', 'pässword of jamF'), 'unknown')
  assert.equal(await login('nobody'), 'unknown')
  const everybody = parsePageUsers(new Secret(text), undefined, 'users')
  assert.equal(
    await everybody.authenticate('CONTOSO\\guest', 'pässword of CONTOSO\\guest'),
    'allowed',
  )
})

test('two lines of one password share nothing, and none holds it', async () => {
  const [one, two] = [await line('a', 'the same password'), await line('a', 'the same password')]
  assert.notEqual(one, two)
  assert.ok(!one.includes('password'))
})

test('what is no list of users is told by line, and never repeated', async () => {
  const good = await line('jamf')
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['', /0 users/],
    [`${good}\njamf:clear text`, /line 2: is no user/],
    [good.replace(':16384:', ':16383:'), /line 1/],
    [good.replace(':16384:', ':1048576:'), /line 1/],
    [`${good}\n${good}`, /line 2 names a user again/],
  ]
  for (const [text, message] of wrong)
    assert.throws(() => parsePageUsers(new Secret(text), undefined, 'users'), {
      code: 'config/invalid',
      message,
    })
  assert.throws(
    () => parsePageUsers(new Secret('jamf:clear text'), undefined, 'users'),
    (error) => {
      return !String(error).includes('clear text')
    },
  )
  assert.throws(() => parsePageUsers(new Secret(good), ['other'], 'users'), /no user other/)
})

test('names and passwords that do not do are refused', async () => {
  for (const name of ['', 'a:b', 'ä', 'x'.repeat(65)])
    await assert.rejects(line(name, 'long enough a password'), { code: 'config/invalid' })
  await assert.rejects(line('jamf', 'short'), { code: 'config/invalid' })
})
