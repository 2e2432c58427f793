import assert from 'node:assert/strict'
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hash,
  randomBytes,
} from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { createAnnouncedKeys } from '../../../src/compose/announced-keys.ts'
import { createKeyRingTest } from '../../../src/compose/key-ring-test.ts'
import { ConnectorError, Secret, systemClock } from '../../../src/kernel/index.ts'
import { openKeyRing, parseKeyName } from '../../../src/keys/index.ts'
import { recordedJournal } from '../../support/recorded-journal.ts'
import { createFolder, PASSPHRASE } from '../ca/ca-fixtures.ts'

const keys = [1, 2].map(() => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)
const [good, other] = keys as [(typeof keys)[0], (typeof keys)[0]]
const first = parseKeyName('P', 'First')
const second = parseKeyName('P', 'Second')

/** The private half of one key under the public half of another. */
function halves() {
  const { n, e } = good.export({ format: 'jwk' })
  const jwk = { ...other.export({ format: 'jwk' }), ...(n && e ? { n, e } : {}) }
  return createPrivateKey({ format: 'jwk', key: jwk })
}

/** Files of keys, made once: each takes some tenths of a second. */
const made = createFolder()
after(() => made[Symbol.dispose]())
for (const [place, passphrase, name, key] of [
  ['good', PASSPHRASE, first, good],
  ['good', PASSPHRASE, second, other],
  ['locked', new Secret('another passphrase!'), second, other],
  ['halves', PASSPHRASE, second, halves()],
] as const)
  await openKeyRing(join(made.path, place), passphrase, randomBytes).add(name, key)
const madeFile = (place: string, name: string): string => join(made.path, place, 'p', `${name}.key`)

async function stage(...names: ('first' | 'second')[]) {
  const folder = createFolder()
  mkdirSync(join(folder.path, 'p'), { mode: 0o700 })
  for (const name of names)
    copyFileSync(madeFile('good', name), join(folder.path, 'p', `${name}.key`))
  let now = Date.parse('2026-06-01T12:00:00Z')
  const clock = { now: () => new Date(now) }
  const recorded = recordedJournal(clock)
  const ring = openKeyRing(folder.path, PASSPHRASE, randomBytes)
  let opened = 0
  const counted: typeof ring = {
    ...ring,
    async find(name) {
      opened += 1
      return await ring.find(name)
    },
  }
  const parts = { journal: recorded.journal, clock, random: randomBytes }
  const tested = createKeyRingTest(counted, parts)
  return {
    ...recorded,
    ring,
    tested,
    opened: () => opened,
    file: (name: string) => join(folder.path, 'p', `${name}.key`),
    advance(seconds: number) {
      now += seconds * 1000
    },
    check: async () => await tested.check.run(AbortSignal.timeout(30_000)),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  }
}

describe('the test of the key ring', () => {
  test('keys that open what is encrypted to them are ready, announced, and not opened again for an hour', async () => {
    using on = await stage('first', 'second')
    assert.equal((await on.check()).status, 'ok')
    await on.check()
    assert.equal(on.opened(), 2)
    // One in a round: opening a file keeps the thread.
    for (const opened of [3, 4, 4]) {
      on.advance(3601)
      await on.check()
      on.advance(-3601)
      assert.equal(on.opened(), opened)
    }
    const [one] = await createAnnouncedKeys(on.tested).describe()
    const spki = createPublicKey(good).export({ format: 'der', type: 'spki' })
    assert.deepEqual(one, {
      providerName: 'P',
      keyName: 'First',
      spkiSha256: hash('sha256', spki, 'hex'),
    })
    assert.deepEqual(on.eventIds(), [])
    assert.equal(await on.tested.isUsable(), true)
  })

  for (const [title, breakKey] of [
    [
      'that has another passphrase',
      (file: string) => copyFileSync(madeFile('locked', 'second'), file),
    ],
    ['that everybody can read', (file: string) => chmodSync(file, 0o644)],
    ['that is cut off', (file: string) => writeFileSync(file, readFileSync(file).subarray(0, 200))],
    ['that is empty', (file: string) => writeFileSync(file, '')],
    [
      'whose private half belongs to another public one',
      (file: string) => copyFileSync(madeFile('halves', 'second'), file),
    ],
  ] as const)
    test(`events 53, 54: a key ${title} is named, not used and not announced, until it is mended`, async () => {
      using on = await stage('first', 'second')
      const file = on.file('second')
      copyFileSync(file, `${file}.kept`)
      breakKey(file)
      const { status, reason } = await on.check()
      assert.equal(status, 'degraded')
      assert.match(reason, /^key 'second' of provider 'p': key\//i)
      assert.deepEqual([on.tested.isBroken(second), on.tested.isBroken(first)], [true, false])
      assert.equal(await on.tested.isUsable(), true)
      const announced = createAnnouncedKeys(on.tested)
      const before = await announced.summarise()
      assert.deepEqual(
        (await announced.describe()).map(({ keyName }) => keyName),
        ['First'],
      )
      await on.check()
      assert.deepEqual(on.eventIds(), [53])
      chmodSync(file, 0o600)
      renameSync(`${file}.kept`, file)
      on.advance(61)
      assert.equal((await on.check()).status, 'ok')
      assert.notEqual(await announced.summarise(), before)
      assert.deepEqual(on.eventIds(), [53, 54])
      const told = JSON.stringify(on.records) + reason
      const { d = '', p = '' } = other.export({ format: 'jwk' })
      for (const secret of [d, p, PASSPHRASE.reveal()]) assert.ok(!told.includes(secret))
    })

  test('with no key that works, imports are not fetched, and it says so; without any key they are', async () => {
    using on = await stage()
    assert.equal(await on.tested.isUsable(), true)
    assert.match((await on.check()).reason, /no key/)
    copyFileSync(madeFile('good', 'first'), on.file('first'))
    on.advance(61)
    chmodSync(on.file('first'), 0o644)
    assert.equal(await on.tested.isUsable(), false)
    assert.match((await on.check()).reason, /imports are not fetched$/)
    assert.ok(readdirSync(join(on.file('first'), '..')).includes('first.key'))
  })

  test('a folder that cannot be read stops imports and nothing else', async () => {
    const ring = {
      list: async () => {
        throw new ConnectorError('key/unreadable', 'keyring cannot be read (EIO)')
      },
      find: async () => undefined,
      add: async () => undefined,
    }
    const { journal } = recordedJournal()
    const tested = createKeyRingTest(ring, { journal, clock: systemClock, random: randomBytes })
    assert.equal(await tested.isUsable(), false)
    const { status, reason } = await tested.check.run(AbortSignal.timeout(1000))
    assert.equal(status, 'degraded')
    assert.match(reason, /EIO.*imports are not fetched$/)
  })
})
