import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { createOneTimeChallenges } from '../../../../src/management/index.ts'
import { createMemoryStore } from '../../../support/memory-store.ts'

const signal = new AbortController().signal

function makeProfile(change: Partial<Parameters<typeof createOneTimeChallenges>[0]> = {}) {
  let now = new Date('2026-06-01T12:00:00Z').getTime()
  const store = createMemoryStore()
  const options = {
    profile: 'jamf',
    dataKey: randomBytes(32),
    memory: store.challenges,
    clock: { now: () => new Date(now) },
    randomBytes,
    validityMinutes: 60,
    length: 16,
    maxUnused: { page: 5, api: 100 },
    ...change,
  }
  const challenges = createOneTimeChallenges(options)
  return {
    options,
    challenges,
    store,
    advance: (minutes: number) => {
      now += minutes * 60_000
    },
    issue: async (origin: 'page' | 'api' = 'page'): Promise<string> => {
      const made = await challenges.issue(origin)
      assert.ok(made !== 'full')
      return made.challenge.reveal()
    },
    ask: async (challenge: string | undefined, requestKey = 'a'): Promise<string> => {
      const verdict = await challenges.validator.validate(
        {
          profile: 'jamf',
          requestKey,
          transactionId: 't',
          csrDer: new Uint8Array([1]),
          challenge,
          activityId: 'x',
        },
        signal,
      )
      return verdict.kind === 'accepted' ? 'accepted' : verdict.code
    },
  }
}

test('REQ-157, REQ-159: challenges are 16 upper-case hexadecimal digits, or as many as configured, all different', async () => {
  const { issue } = makeProfile({ maxUnused: { page: 200, api: 1 } })
  const made = new Set<string>()
  for (let i = 0; i < 100; i += 1) {
    const challenge = await issue()
    assert.match(challenge, /^[0-9A-F]{16}$/)
    made.add(challenge)
  }
  assert.equal(made.size, 100)
  assert.match(await makeProfile({ length: 32 }).issue(), /^[0-9A-F]{32}$/)
})

test('REQ-138: a challenge is good for one request, however often that comes, and for no other', async () => {
  const { issue, ask } = makeProfile()
  const challenge = await issue()
  assert.equal(await ask(challenge, 'a'), 'accepted')
  assert.equal(await ask(challenge, 'a'), 'accepted')
  assert.equal(await ask(challenge, 'b'), 'ChallengeAlreadyUsed')
  assert.equal(await ask(challenge.toLowerCase(), 'c'), 'ChallengeMismatch')
})

test('REQ-138: it expires after an hour', async () => {
  const { issue, ask, advance } = makeProfile()
  const [first, second] = [await issue(), await issue()]
  advance(59)
  assert.equal(await ask(first), 'accepted')
  advance(1)
  assert.equal(await ask(second), 'ChallengeExpired')
})

test('REQ-138: freed after a failure, or ten minutes after a crash, another request may use it', async () => {
  const { issue, ask, advance, challenges } = makeProfile()
  const challenge = await issue()
  assert.equal(await ask(challenge, 'a'), 'accepted')
  await challenges.validator.bindings?.release('a')
  assert.equal(await ask(challenge, 'b'), 'accepted')
  advance(9)
  assert.equal(await ask(challenge, 'c'), 'ChallengeAlreadyUsed')
  advance(1)
  assert.equal(await ask(challenge, 'c'), 'accepted')
  assert.equal(await challenges.validator.bindings?.isBound('b'), false)
})

test('REQ-139: a wrong or missing challenge is refused without a write', async () => {
  const { ask, store } = makeProfile()
  store.faults.failWrites = true
  assert.equal(await ask('0123456789ABCDEF'), 'ChallengeMismatch')
  assert.equal(await ask('x'.repeat(10_000)), 'ChallengeMismatch')
  for (const none of [undefined, '']) assert.equal(await ask(none), 'ChallengePasswordMissing')
})

test('a challenge of one profile is none of another', async () => {
  const { options, issue } = makeProfile()
  const challenge = await issue()
  const other = createOneTimeChallenges({ ...options, profile: 'other' })
  const verdict = await other.validator.validate(
    {
      profile: 'other',
      requestKey: 'a',
      transactionId: 't',
      csrDer: new Uint8Array(),
      challenge,
      activityId: 'x',
    },
    signal,
  )
  assert.equal(verdict.kind, 'refused')
})

test('REQ-158: so many unused ones of the page and no more; those of the API are counted apart', async () => {
  const { challenges, issue, ask, advance } = makeProfile()
  const first = await issue()
  for (let i = 1; i < 5; i += 1) await issue()
  assert.equal(await challenges.issue('page'), 'full')
  await issue('api')
  await ask(first)
  await issue()
  assert.equal(await challenges.issue('page'), 'full')
  advance(60)
  await issue()
})

test('the store gets neither a challenge nor a hash that anybody else could make', async () => {
  const { options, store } = makeProfile()
  const kept: string[] = []
  const challenges = createOneTimeChallenges({
    ...options,
    memory: {
      ...store.challenges,
      keep: async (challenge, most) => {
        kept.push(challenge.hashHex)
        return await store.challenges.keep(challenge, most)
      },
    },
    randomBytes: (length) => new Uint8Array(length).fill(0xab),
  })
  const made = await challenges.issue('page')
  assert.ok(made !== 'full')
  assert.equal(made.challenge.reveal(), 'AB'.repeat(8))
  assert.equal(JSON.stringify(made).includes('ABAB'), false)
  assert.match(kept[0] ?? '', /^[0-9a-f]{64}$/)
  const another = createOneTimeChallenges({ ...options, dataKey: randomBytes(32) })
  assert.equal(
    (
      await another.validator.validate(
        {
          profile: 'jamf',
          requestKey: 'a',
          transactionId: 't',
          csrDer: new Uint8Array(),
          challenge: 'AB'.repeat(8),
          activityId: 'x',
        },
        signal,
      )
    ).kind,
    'refused',
  )
})
