import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '../../../../src/kernel/index.ts'
import { createStaticChallenge } from '../../../../src/management/index.ts'

const signal = new AbortController().signal
const ask = (challenge: string | undefined, secret = 'sécret') =>
  createStaticChallenge(new Secret(secret)).validate(
    {
      profile: 'static',
      requestKey: 'r',
      transactionId: 't',
      csrDer: new Uint8Array([1]),
      challenge,
      activityId: 'a',
    },
    signal,
  )

test('REQ-138: the right challenge is accepted', async () => {
  assert.deepEqual(await ask('sécret'), { kind: 'accepted' })
})

test('REQ-138, REQ-139: a wrong challenge of any length is a mismatch that does not repeat it', async () => {
  for (const wrong of ['secret', 'sécre', 'sécrets', 'SÉCRET', ' sécret', 'x'.repeat(10_000)]) {
    const verdict = await ask(wrong)
    assert.equal(verdict.kind === 'refused' && verdict.code, 'ChallengeMismatch')
    assert.ok(!JSON.stringify(verdict).includes(wrong))
  }
})

test('REQ-139: no challenge is missing, and an empty secret welcomes nobody', async () => {
  for (const none of [undefined, '']) {
    const verdict = await ask(none)
    assert.equal(verdict.kind === 'refused' && verdict.code, 'ChallengePasswordMissing')
  }
  assert.throws(() => createStaticChallenge(new Secret('')), { code: 'config/invalid' })
})
