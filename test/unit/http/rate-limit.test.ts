import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRateLimiter, defaultRateLimits } from '../../../src/http/rate-limit.ts'

const quiet = { ...defaultRateLimits, requestsPerSource: 0, failedChallengesPerSource: 0 }

test('a source is limited after its requests, and another one is not', async () => {
  const limiter = createRateLimiter({ ...quiet, requestsPerSource: 2 })
  for (let i = 0; i < 2; i++) {
    assert.equal((await limiter.checkRequest('192.0.2.1')).kind, 'admitted')
  }
  const third = await limiter.checkRequest('192.0.2.1')
  assert.ok(third.kind === 'limited')
  assert.ok(third.retryAfterMs >= 1_000 && third.retryAfterMs <= 60_000)
  assert.equal((await limiter.checkRequest('192.0.2.2')).kind, 'admitted')
})

test('REQ-190: refused challenges count apart from requests', async () => {
  const limiter = createRateLimiter({ ...quiet, failedChallengesPerSource: 2 })
  for (let i = 0; i < 50; i++) {
    assert.equal((await limiter.checkRequest('192.0.2.1')).kind, 'admitted')
  }
  await limiter.recordFailedChallenge('192.0.2.1')
  assert.equal((await limiter.checkRequest('192.0.2.1')).kind, 'admitted')
  await limiter.recordFailedChallenge('192.0.2.1')
  assert.equal((await limiter.checkRequest('192.0.2.1')).kind, 'limited')
  assert.equal((await limiter.checkRequest('192.0.2.2')).kind, 'admitted')
})

test('limits of all sources together hold for every source', async () => {
  const limiter = createRateLimiter({ ...quiet, requestsTotal: 2, failedChallengesTotal: 1 })
  await limiter.checkRequest('192.0.2.1')
  await limiter.checkRequest('192.0.2.2')
  assert.equal((await limiter.checkRequest('192.0.2.3')).kind, 'limited')
  const failing = createRateLimiter({ ...quiet, failedChallengesTotal: 1 })
  await failing.recordFailedChallenge('192.0.2.1')
  assert.equal((await failing.checkRequest('192.0.2.9')).kind, 'limited')
})

test('addresses of one IPv6 network are one source', async () => {
  const limiter = createRateLimiter({ ...quiet, requestsPerSource: 1 })
  await limiter.checkRequest('2001:db8::1')
  assert.equal((await limiter.checkRequest('2001:db8::2')).kind, 'limited')
  assert.equal((await limiter.checkRequest('2001:db8:0:1::2')).kind, 'admitted')
})

test('a limit of zero is no limit', async () => {
  const limiter = createRateLimiter(quiet)
  for (let i = 0; i < 1_000; i++) {
    assert.equal((await limiter.checkRequest('192.0.2.1')).kind, 'admitted')
  }
})
