import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { ConnectorError } from '../../../src/kernel/index.ts'
import { createOneTimeChallenges } from '../../../src/management/index.ts'
import type { ScepRequest } from '../../../src/scep/index.ts'
import {
  createDeviceRequest,
  createStage,
  STAGE_WAITING,
  sendAgain,
} from '../../support/enrolment-stage.ts'

const dataKey = randomBytes(32)

/** A stage whose profile has one-time challenges, and one challenge of it. */
async function setStage(beside?: Awaited<ReturnType<typeof createStage>>, holder = 'one') {
  const stage = await createStage(beside === undefined ? {} : { beside, holder })
  const challenges = createOneTimeChallenges({
    profile: 'default',
    dataKey,
    memory: stage.store.challenges,
    clock: stage.clock,
    randomBytes,
    validityMinutes: 60,
    length: 16,
    maxUnused: { page: 5, api: 100 },
  })
  const change = { validator: challenges.validator, notifier: undefined }
  return {
    stage,
    challenges,
    enrol: async (request: ScepRequest) => await stage.enrol(request, change),
    requests: async (count: number): Promise<ScepRequest[]> => {
      const made = await challenges.issue('api')
      assert.ok(made !== 'full')
      const challengePassword = made.challenge.reveal()
      return Array.from({ length: count }, () => {
        const request = createDeviceRequest()
        return { ...request, csr: { ...request.csr, challengePassword } }
      })
    },
  }
}

const refusedAs = (answer: { failText: string | undefined }) =>
  /challenge refused: (\w+)/.exec(answer.failText ?? '')?.[1]

test('REQ-138: what the CA refuses consumes nothing: the same request or another may come again', async () => {
  const { stage, enrol, requests } = await setStage()
  const [first, second, third] = await requests(3)
  assert.ok(first !== undefined && second !== undefined && third !== undefined)
  stage.faults.enrol = async () => {
    throw new ConnectorError('ca/refused', 'no')
  }
  assert.equal((await enrol(first)).status, 'FAILURE')
  stage.faults.enrol = undefined
  assert.equal((await enrol(second)).status, 'SUCCESS')
  assert.equal(refusedAs(await enrol(sendAgain(first))), 'ChallengeAlreadyUsed')
  const again = await enrol(sendAgain(second))
  assert.equal(again.status, 'SUCCESS')
  assert.equal(refusedAs(await enrol(third)), 'ChallengeAlreadyUsed')
  assert.equal(stage.counts.signatures, 1)
})

test('REQ-138: while its request waits for the end of an outage nobody else gets the challenge', async () => {
  const { stage, challenges, requests } = await setStage()
  const [first, second] = await requests(2)
  assert.ok(first !== undefined && second !== undefined)
  const change = {
    validator: challenges.validator,
    notifier: undefined,
    waiting: { ...STAGE_WAITING, outageReply: 'pending' as const },
  }
  stage.faults.enrol = async () => {
    throw new ConnectorError('ca/unavailable', 'away', { isTransient: true })
  }
  assert.equal((await stage.enrol(first, change)).status, 'PENDING')
  stage.faults.enrol = undefined
  stage.clock.advance(14 * 60_000)
  assert.equal(refusedAs(await stage.enrol(second, change)), 'ChallengeAlreadyUsed')
  assert.equal((await stage.enrol(sendAgain(first), change)).status, 'SUCCESS')
})

test('REQ-138: two requests with one challenge on two instances at once: one certificate', async () => {
  const one = await setStage()
  const two = await setStage(one.stage, 'two')
  const [first, second] = await one.requests(2)
  assert.ok(first !== undefined && second !== undefined)
  const answers = await Promise.all([one.enrol(first), two.enrol(second)])
  assert.deepEqual(answers.map(({ status }) => status).sort(), ['FAILURE', 'SUCCESS'])
  assert.equal(one.stage.counts.signatures + two.stage.counts.signatures, 1)
})

test('REQ-138: a request that lost its challenge between validation and intent is not signed', async () => {
  const { stage, challenges, requests } = await setStage()
  const [slow, quick] = await requests(2)
  assert.ok(slow !== undefined && quick !== undefined)
  const { bindings } = challenges.validator
  assert.ok(bindings !== undefined)
  const change = {
    notifier: undefined,
    validator: {
      ...challenges.validator,
      bindings: {
        ...bindings,
        // As if ten minutes had gone by since, and another had come.
        async isBound(requestKey: string) {
          assert.equal(await bindings.isBound(requestKey), true)
          return false
        },
      },
    },
  }
  assert.equal(refusedAs(await stage.enrol(slow, change)), 'ChallengeAlreadyUsed')
  assert.equal(stage.counts.signatures, 0)
  assert.equal((await stage.store.certificates.count()).abandoned, 1)
  assert.deepEqual(stage.eventIds('admin'), [4001])
})

test('REQ-138: what a crash left bound is free for another request after ten minutes', async () => {
  const { stage, challenges, enrol, requests } = await setStage()
  const [crashed, other] = await requests(2)
  assert.ok(crashed !== undefined && other !== undefined)
  const { challengePassword: challenge } = crashed.csr
  // Everything up to the validation, and nothing of what follows.
  const terms = { profile: 'default', transactionId: 't', csrDer: crashed.csr.der, activityId: 'a' }
  const bound = await challenges.validator.validate(
    { ...terms, requestKey: 'of a request that died', challenge },
    new AbortController().signal,
  )
  assert.equal(bound.kind, 'accepted')
  assert.equal(refusedAs(await enrol(other)), 'ChallengeAlreadyUsed')
  stage.clock.advance(600_000)
  assert.equal((await enrol(sendAgain(other))).status, 'SUCCESS')
})

test('a store that is away while the challenge is freed changes no answer', async () => {
  const { stage, enrol, requests } = await setStage()
  const [first, second] = await requests(2)
  assert.ok(first !== undefined && second !== undefined)
  stage.faults.enrol = async () => {
    throw new ConnectorError('ca/refused', 'no')
  }
  stage.store.faults.failWrite = (method) => method === 'challenges.release'
  const answer = await enrol(first)
  assert.equal(answer.status, 'FAILURE')
  assert.equal(refusedAs(answer), undefined)
  stage.faults.enrol = undefined
  assert.equal(refusedAs(await enrol(second)), 'ChallengeAlreadyUsed')
  assert.equal((await enrol(sendAgain(first))).status, 'SUCCESS')
})
