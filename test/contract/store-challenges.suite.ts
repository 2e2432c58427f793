import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { describe, test } from 'node:test'
import type { NewOneTimeChallenge } from '../../src/store/index.ts'
import type { CurrentHarness } from '../support/store-harness.ts'
import { later, sampleIntent, sampleIssued, start } from '../support/store-samples.ts'

function sampleChallenge(change: Partial<NewOneTimeChallenge> = {}): NewOneTimeChallenge {
  return {
    hashHex: randomBytes(32).toString('hex'),
    profile: 'jamf',
    origin: 'page',
    createdAt: start,
    expiresAt: later(3600),
    ...change,
  }
}

/** OneTimeChallenges. */
export function describeChallenges(current: CurrentHarness): void {
  const challenges = () => current().store.challenges
  const bind = async (hashHex: string, key: string, at = later(1), staleBefore = start) =>
    await challenges().bind(hashHex, key, at, staleBefore)
  const keepOne = async (change: Partial<NewOneTimeChallenge> = {}) => {
    const challenge = sampleChallenge(change)
    assert.equal(await challenges().keep(challenge, 100), true)
    return challenge
  }

  describe('one-time challenges', () => {
    test('what is kept is found by its hash, and by nothing else', async () => {
      const challenge = await keepOne()
      assert.deepEqual(await challenges().find(challenge.hashHex), {
        ...challenge,
        boundKey: undefined,
        boundAt: undefined,
      })
      assert.equal(await challenges().find('00'), undefined)
    })

    test('a profile has so many unused ones of an origin; bound and expired ones do not count', async () => {
      const first = await keepOne()
      await keepOne({ expiresAt: later(5) })
      const keep = async (change: Partial<NewOneTimeChallenge>) =>
        await challenges().keep(sampleChallenge(change), 2)
      assert.equal(await keep({}), false)
      assert.equal(await keep({ origin: 'api' }), true)
      assert.equal(await keep({ profile: 'other' }), true)
      assert.equal(await keep({ createdAt: later(5) }), true)
      assert.equal(await keep({ createdAt: later(5) }), false)
      await bind(first.hashHex, 'a')
      assert.equal(await keep({ createdAt: later(5) }), true)
    })

    test('the same hash is not kept twice', async () => {
      const challenge = await keepOne()
      assert.equal(await challenges().keep(challenge, 100), false)
    })

    test('the first request gets it, as often as it comes; another does not', async () => {
      const { hashHex } = await keepOne()
      assert.equal(await bind(hashHex, 'a'), true)
      assert.equal(await bind(hashHex, 'a', later(2)), true)
      assert.equal(await bind(hashHex, 'b', later(3)), false)
      assert.deepEqual(
        await challenges()
          .find(hashHex)
          .then((row) => row?.boundAt),
        later(2),
      )
      assert.equal(await challenges().isBound('a'), true)
      assert.equal(await challenges().isBound('b'), false)
    })

    test('an unknown or expired one binds to nobody', async () => {
      const { hashHex } = await keepOne({ expiresAt: later(10) })
      assert.equal(await bind('00', 'a'), false)
      assert.equal(await bind(hashHex, 'a', later(10)), false)
      assert.equal(await bind(hashHex, 'a', later(9)), true)
    })

    test('two requests on two instances at once: exactly one gets it', async () => {
      const { hashHex } = await keepOne()
      const second = await current().openSecond()
      const won = await Promise.all([
        challenges().bind(hashHex, 'a', later(1), start),
        second.challenges.bind(hashHex, 'b', later(1), start),
      ])
      assert.equal(won.filter((isOurs) => isOurs).length, 1)
    })

    test('released after a refusal, another request gets it', async () => {
      const { hashHex } = await keepOne()
      await bind(hashHex, 'a')
      await challenges().release('a')
      await challenges().release('a')
      assert.equal(await challenges().isBound('a'), false)
      assert.equal(await bind(hashHex, 'b'), true)
    })

    test('an intent holds it, a certificate consumes it, an abandoned intent gives it back', async () => {
      const { hashHex } = await keepOne()
      const { certificates } = current().store
      const intent = sampleIntent()
      const { requestKey } = intent
      await bind(hashHex, requestKey)
      await certificates.reserve(intent, 'one', later(90), start)
      await challenges().release(requestKey)
      assert.equal(await challenges().isBound(requestKey), true)
      assert.equal(await bind(hashHex, 'b', later(700), later(600)), false)
      await certificates.abandon(intent.order.serialHex, 'the CA refuses', undefined)
      const again = sampleIntent({ requestKey })
      await certificates.reserve(again, 'one', later(90), start)
      await certificates.complete(again, sampleIssued(again), undefined)
      await challenges().release(requestKey)
      assert.equal(await bind(hashHex, 'b', later(700), later(600)), false)

      const other = await keepOne()
      const failed = sampleIntent()
      await bind(other.hashHex, failed.requestKey)
      await certificates.reserve(failed, 'one', later(90), start)
      await certificates.abandon(failed.order.serialHex, 'the CA refuses', undefined)
      await challenges().release(failed.requestKey)
      assert.equal(await bind(other.hashHex, 'b'), true)
    })

    test('a request that waits keeps it; one that a crash left behind loses it after a while', async () => {
      const { hashHex } = await keepOne()
      await bind(hashHex, 'a', later(1))
      assert.equal(await bind(hashHex, 'b', later(600), start), false)
      const { pending } = current().store
      const id = randomUUID()
      await pending.keep(
        {
          id,
          requestKey: 'a',
          profile: 'jamf',
          transactionId: 't',
          signerKeyHex: 'AB',
          subject: 'CN=x',
          altNames: '',
          cause: 'outage',
          isValidated: true,
          payload: new Uint8Array([1]),
          createdAt: later(1),
          expiresAt: later(900),
        },
        start,
        10,
      )
      await challenges().release('a')
      assert.equal(await bind(hashHex, 'b', later(602), later(2)), false)
      await pending.close(id, { state: 'failed', reason: 'too long', at: later(603) })
      assert.equal(await bind(hashHex, 'b', later(604), later(0)), false)
      assert.equal(await bind(hashHex, 'b', later(604), later(4)), true)
    })

    test('long expired ones are forgotten', async () => {
      const old = await keepOne({ expiresAt: later(10) })
      const young = await keepOne({ expiresAt: later(20) })
      await current().store.forget(later(20))
      assert.equal(await challenges().find(old.hashHex), undefined)
      assert.notEqual(await challenges().find(young.hashHex), undefined)
    })
  })
}
