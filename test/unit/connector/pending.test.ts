import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { CertificateRules } from '../../../src/connector/policy/certificate-policy.ts'
import { ConnectorError } from '../../../src/kernel/index.ts'
import type { ScepQuery, ScepRequest } from '../../../src/scep/index.ts'
import { assertFailsWith } from '../../support/assert-fails-with.ts'
import {
  createDeviceRequest,
  createStage,
  STAGE_WAITING,
  type Stage,
  sendAgain,
} from '../../support/enrolment-stage.ts'
import type { MemoryStore } from '../../support/memory-store.ts'

const MINUTE_MS = 60_000
const manual = { waiting: { ...STAGE_WAITING, manualApproval: true }, notifier: undefined }
const patient = { waiting: { ...STAGE_WAITING, outageReply: 'pending' as const } }

const NO_KEYS: CertificateRules = {
  validityDays: 1,
  backdateMinutes: 10,
  minRsaBits: 2048,
  keyTypes: [],
  allowEmptySubject: false,
  allowedEkus: [],
  defaultEkus: [],
  allowedKeyUsages: [],
  defaultKeyUsages: [],
  sanKinds: [],
  sid: 'reject',
  requireSid: false,
}

function pollOf({ frame, signer, csr }: ScepRequest, change: Partial<ScepQuery> = {}): ScepQuery {
  const asked = {
    messageType: 'CertPoll',
    issuerDer: csr.subjectDer,
    subjectDer: csr.subjectDer,
  } as const
  return { frame, signer, signingTime: undefined, asked, ...change }
}

/** A stage whose validator refuses every challenge. */
async function createRefusingStage() {
  const stage = await createStage()
  stage.faults.validate = () => ({ kind: 'refused', code: 'WrongChallenge', reason: 'wrong' })
  return stage
}

async function getOnlyWaiting({ store }: Awaited<ReturnType<typeof createStage>>) {
  const [record, ...more] = await store.pending.list(['waiting'], 10)
  assert.ok(record !== undefined)
  assert.equal(more.length, 0)
  return record
}

function away(code: 'management/unavailable' | 'ca/unavailable'): never {
  throw new ConnectorError(code, 'away', { isTransient: true })
}

function countAdmin(stage: Stage): readonly number[] {
  return stage.eventIds('admin')
}

suite('manual approval', () => {
  test('REQ-140: what has no accepted challenge is PENDING, and on record once however often it is sent', async () => {
    const stage = await createRefusingStage()
    const request = createDeviceRequest()
    const first = await stage.enrol(request, manual)
    assert.equal(first.status, 'PENDING')
    assert.equal(first.outcome, 'pending')
    const again = await stage.enrol(sendAgain(request), manual)
    assert.equal(again.status, 'PENDING')
    assert.notEqual(again.nonceHex, first.nonceHex)
    const record = await getOnlyWaiting(stage)
    assert.equal(record.cause, 'approval')
    assert.deepEqual(countAdmin(stage), [])
    assert.equal(stage.counts.signatures, 0)
  })

  test('REQ-140, REQ-147, REQ-149: after the approval the poll gets the certificate, and every later one the same', async () => {
    const stage = await createRefusingStage()
    const request = createDeviceRequest()
    await stage.enrol(request, manual)
    const { id } = await getOnlyWaiting(stage)
    assert.equal((await stage.enrol(pollOf(request), manual)).status, 'PENDING')
    const at = stage.clock.now()
    await stage.store.pending.decide(id, { state: 'approved', reason: undefined, at })
    const answer = await stage.enrol(pollOf(request), manual)
    assert.equal(answer.status, 'SUCCESS')
    assert.equal((await stage.store.pending.find(id))?.state, 'issued')
    const again = await stage.enrol(pollOf(request), manual)
    assert.equal(again.certificateHex, answer.certificateHex)
    const sentAgain = await stage.enrol(sendAgain(request), manual)
    assert.equal(sentAgain.certificateHex, answer.certificateHex)
    assert.equal(stage.counts.signatures, 1)
    assert.deepEqual(countAdmin(stage), [4000])
  })

  test('REQ-140, REQ-149: after a denial every poll gets FAILURE with its reason, and one Admin event tells', async () => {
    const stage = await createRefusingStage()
    const request = createDeviceRequest()
    await stage.enrol(request, manual)
    const { id } = await getOnlyWaiting(stage)
    const at = stage.clock.now()
    await stage.store.pending.decide(id, { state: 'denied', reason: 'not ours', at })
    for (const message of [pollOf(request), pollOf(request), sendAgain(request)]) {
      const answer = await stage.enrol(message, manual)
      assert.equal(answer.status, 'FAILURE')
      assert.match(answer.failText ?? '', /denied: not ours/)
    }
    assert.equal(stage.counts.signatures, 0)
    assert.deepEqual(countAdmin(stage), [4001])
  })

  test('the URL of the first message chooses the template, not that of the poll', async () => {
    const stage = await createRefusingStage()
    const templates = [
      { names: [], purpose: undefined, urlParams: { for: 'nobody' }, certificate: NO_KEYS },
    ]
    const request = createDeviceRequest()
    const unwelcome = createDeviceRequest()
    await stage.enrol(request, { ...manual, templates })
    await stage.enrol(unwelcome, { ...manual, templates }, { for: 'nobody' })
    const at = stage.clock.now()
    for (const { id } of await stage.store.pending.list(['waiting'], 10))
      await stage.store.pending.decide(id, { state: 'approved', reason: undefined, at })
    const refused = await stage.enrol(pollOf(unwelcome), { ...manual, templates })
    assert.equal(refused.status, 'FAILURE')
    const poll = await stage.enrol(pollOf(request), { ...manual, templates }, { for: 'nobody' })
    assert.equal(poll.status, 'SUCCESS')
  })

  test('a right challenge needs no approval', async () => {
    const stage = await createStage()
    assert.equal((await stage.enrol(createDeviceRequest(), manual)).status, 'SUCCESS')
  })

  test('nobody decides in time: FAILURE with one Admin event', async () => {
    const stage = await createRefusingStage()
    const request = createDeviceRequest()
    await stage.enrol(request, manual)
    stage.clock.advance(7 * 24 * 60 * MINUTE_MS)
    const answer = await stage.enrol(pollOf(request), manual)
    assert.match(answer.failText ?? '', /nobody approved/)
    await stage.enrol(pollOf(request), manual)
    assert.deepEqual(countAdmin(stage), [4001])
  })

  test('no more wait than the profile allows; the next is refused', async () => {
    const stage = await createRefusingStage()
    const few = { ...manual, waiting: { ...manual.waiting, maxRequests: 1 } }
    assert.equal((await stage.enrol(createDeviceRequest(), few)).status, 'PENDING')
    assert.equal((await stage.enrol(createDeviceRequest(), few)).status, 'FAILURE')
  })
})

suite('CertPoll', () => {
  test('REQ-148: an unknown transaction is badRequest', async () => {
    const stage = await createStage()
    const answer = await stage.enrol(pollOf(createDeviceRequest()), manual)
    assert.equal(answer.failInfo, 'badRequest')
    assert.match(answer.failText ?? '', /no request of this transaction/)
  })

  test('REQ-147: another key does not get what this transaction asked for; other names do no harm', async () => {
    const stage = await createRefusingStage()
    const request = createDeviceRequest()
    await stage.enrol(request, manual)
    const { id } = await getOnlyWaiting(stage)
    const at = stage.clock.now()
    await stage.store.pending.decide(id, { state: 'approved', reason: undefined, at })
    const stranger = pollOf(request, {
      signer: { ...request.signer, publicKeySha256Hex: 'AB'.repeat(32) },
    })
    assert.equal((await stage.enrol(stranger, manual)).failInfo, 'badRequest')
    const asked = {
      messageType: 'CertPoll',
      issuerDer: new Uint8Array([0x30, 0]),
      subjectDer: new Uint8Array([0x30, 0]),
    } as const
    assert.equal((await stage.enrol(pollOf(request, { asked }), manual)).status, 'SUCCESS')
  })
})

suite('an outage', () => {
  for (const code of ['management/unavailable', 'ca/unavailable'] as const)
    test(`REQ-150: ${code} is PENDING, and SUCCESS once it is over`, async () => {
      const stage = await createStage()
      const request = createDeviceRequest()
      if (code === 'management/unavailable') stage.faults.validate = () => away(code)
      else stage.faults.enrol = async () => away(code)
      assert.equal((await stage.enrol(request, patient)).status, 'PENDING')
      assert.equal((await stage.enrol(pollOf(request), patient)).status, 'PENDING')
      assert.deepEqual(countAdmin(stage), [])
      stage.faults.validate = undefined
      stage.faults.enrol = undefined
      assert.equal((await stage.enrol(pollOf(request), patient)).status, 'SUCCESS')
      await stage.deliverDue()
      assert.deepEqual(countAdmin(stage), [4000])
      assert.equal(stage.counts.signatures, 1)
    })

  test('REQ-150: one that lasts longer is FAILURE, with one Admin event, whoever asks again', async () => {
    const stage = await createStage()
    const request = createDeviceRequest()
    stage.faults.validate = () => away('management/unavailable')
    await stage.enrol(request, patient)
    stage.clock.advance(15 * MINUTE_MS)
    const answer = await stage.enrol(sendAgain(request), patient)
    assert.equal(answer.status, 'FAILURE')
    assert.equal(answer.failInfo, 'badRequest')
    stage.faults.validate = undefined
    assert.equal((await stage.enrol(pollOf(request), patient)).status, 'FAILURE')
    assert.deepEqual(countAdmin(stage), [4001])
  })

  test('REQ-150: a poll that comes too late is FAILURE, also when the CA is back and the challenge had been accepted', async () => {
    const stage = await createStage()
    const request = createDeviceRequest()
    stage.faults.enrol = async () => away('ca/unavailable')
    await stage.enrol(request, patient)
    stage.faults.enrol = undefined
    stage.clock.advance(15 * MINUTE_MS)
    assert.equal((await stage.enrol(pollOf(request), patient)).status, 'FAILURE')
    assert.equal(stage.counts.signatures, 0)
  })

  test('REQ-150: outageReply fail refuses at once', async () => {
    const stage = await createStage()
    stage.faults.validate = () => away('management/unavailable')
    assert.equal((await stage.enrol(createDeviceRequest())).status, 'FAILURE')
    assert.deepEqual(countAdmin(stage), [4001])
  })

  test('a challenge that was accepted before the CA went away is not validated again', async () => {
    const stage = await createStage()
    const request = createDeviceRequest()
    stage.faults.enrol = async () => away('ca/unavailable')
    await stage.enrol(request, patient)
    stage.faults.enrol = undefined
    assert.equal((await stage.enrol(pollOf(request), patient)).status, 'SUCCESS')
    assert.equal(stage.counts.validations, 1)
  })
})

suite('what no device asks for any more', () => {
  test('is closed when it was denied or has waited too long, each with one Admin event', async () => {
    const stage = await createRefusingStage()
    const [first, second] = [createDeviceRequest(), createDeviceRequest()]
    await stage.enrol(first, manual)
    const { id } = await getOnlyWaiting(stage)
    const at = stage.clock.now()
    await stage.store.pending.decide(id, { state: 'denied', reason: undefined, at })
    await stage.enrol(second, manual)
    assert.equal(await stage.closeOverdue(manual), 1)
    stage.clock.advance(7 * 24 * 60 * MINUTE_MS)
    assert.equal(await stage.closeOverdue(manual), 1)
    assert.equal(await stage.closeOverdue(manual), 0)
    assert.deepEqual(countAdmin(stage), [4001, 4001])
    assert.equal((await stage.store.pending.list(['failed'], 10)).length, 2)
  })

  test('one that was sealed with another data key does not keep the others open', async () => {
    const stage = await createRefusingStage()
    await stage.enrol(createDeviceRequest(), manual)
    const { id, state: _, ...sealedByUs } = await getOnlyWaiting(stage)
    await stage.store.pending.keep(
      {
        ...sealedByUs,
        id: 'sealed by others',
        requestKey: 'another',
        payload: new Uint8Array(100),
        createdAt: new Date(sealedByUs.createdAt.getTime() - 1),
      },
      new Date(0),
      10,
    )
    stage.clock.advance(7 * 24 * 60 * MINUTE_MS)
    assert.equal(await stage.closeOverdue(manual), 2)
    for (const one of [id, 'sealed by others'])
      assert.equal((await stage.store.pending.find(one))?.state, 'failed')
    assert.deepEqual(countAdmin(stage), [4001, 4001])
  })
})

suite('a request that waited and was issued, longer ago than the replay window', () => {
  const DAY_AND_MORE_MS = 25 * 60 * MINUTE_MS

  /** Accepted, held up by the CA, then issued; and the replay window is over. */
  async function createOldRequest() {
    const stage = await createStage()
    const request = createDeviceRequest()
    stage.faults.enrol = async () => away('ca/unavailable')
    await stage.enrol(request, patient)
    stage.faults.enrol = undefined
    const { certificateHex } = await stage.enrol(pollOf(request), patient)
    assert.ok(certificateHex !== undefined)
    const [record] = await stage.store.certificates.listRecent(1)
    assert.ok(record !== undefined)
    stage.clock.advance(DAY_AND_MORE_MS)
    // What Intune says of a challenge that is a day old.
    stage.faults.validate = () => ({ kind: 'refused', code: 'ChallengeExpired', reason: 'expired' })
    return { stage, request, certificateHex, record }
  }

  test('gets the certificate that it got then, and no other: its challenge is not good for a second one', async () => {
    const { stage, request, certificateHex } = await createOldRequest()
    for (const message of [pollOf(request), sendAgain(request)])
      assert.equal((await stage.enrol(message, patient)).certificateHex, certificateHex)
    assert.equal(stage.counts.signatures, 1)
  })

  test('is refused when that one was revoked meanwhile', async () => {
    const { stage, request, record } = await createOldRequest()
    const { caId, order } = record
    await stage.store.certificates.revoke(caId, order.serialHex, 5, stage.clock.now())
    for (const message of [pollOf(request), sendAgain(request)])
      assert.equal((await stage.enrol(message, patient)).status, 'FAILURE')
    assert.equal(stage.counts.signatures, 1)
  })

  test('after an approval the poll gets the same, and does not wait for another approval', async () => {
    const stage = await createRefusingStage()
    const request = createDeviceRequest()
    await stage.enrol(request, manual)
    const { id } = await getOnlyWaiting(stage)
    const at = stage.clock.now()
    await stage.store.pending.decide(id, { state: 'approved', reason: undefined, at })
    const { certificateHex } = await stage.enrol(pollOf(request), manual)
    assert.ok(certificateHex !== undefined)
    stage.clock.advance(DAY_AND_MORE_MS)
    const answer = await stage.enrol(pollOf(request), manual)
    assert.equal(answer.certificateHex, certificateHex)
    assert.equal(stage.counts.signatures, 1)
  })
})

suite('a request that waited and whose end a crash kept from being noted', () => {
  /** Issued, and the store went away before the request that waited was closed. */
  async function issueUnnoted(
    stage: Stage & { readonly store: MemoryStore },
    request: ScepRequest,
  ) {
    const { pending } = stage.store
    const close = pending.close.bind(pending)
    pending.close = async () => {
      throw new ConnectorError('store/unavailable', 'away', { isTransient: true })
    }
    await assertFailsWith(stage.enrol(pollOf(request), UNNOTED), 'store/unavailable')
    pending.close = close
    assert.equal(stage.counts.signatures, 1)
  }

  const UNNOTED = {
    waiting: { ...STAGE_WAITING, manualApproval: true, outageReply: 'pending' as const },
  }

  test('an approval is not good for a second certificate after the replay window', async () => {
    const stage = await createRefusingStage()
    const request = createDeviceRequest()
    await stage.enrol(request, UNNOTED)
    const { id } = await getOnlyWaiting(stage)
    const at = stage.clock.now()
    await stage.store.pending.decide(id, { state: 'approved', reason: undefined, at })
    await issueUnnoted(stage, request)
    stage.clock.advance(25 * 60 * MINUTE_MS)
    assert.equal((await stage.enrol(pollOf(request), UNNOTED)).status, 'SUCCESS')
    assert.equal(stage.counts.signatures, 1)
  })

  for (const cause of ['approval', 'outage'] as const)
    test(`an ${cause}: what was issued is not told to have failed when its time is over`, async () => {
      const stage = await createRefusingStage()
      const request = createDeviceRequest()
      if (cause === 'outage') {
        stage.faults.validate = undefined
        stage.faults.enrol = async () => away('ca/unavailable')
      }
      await stage.enrol(request, UNNOTED)
      stage.faults.enrol = undefined
      const { id } = await getOnlyWaiting(stage)
      const at = stage.clock.now()
      if (cause === 'approval')
        await stage.store.pending.decide(id, { state: 'approved', reason: undefined, at })
      await issueUnnoted(stage, request)
      await stage.deliverDue()
      stage.clock.advance(8 * 24 * 60 * MINUTE_MS)
      await stage.closeOverdue(UNNOTED)
      await stage.deliverDue()
      assert.equal((await stage.store.pending.find(id))?.state, 'issued')
      assert.deepEqual(countAdmin(stage), [4000])
      assert.deepEqual(
        stage.told.map(({ kind }) => kind),
        ['success'],
      )
    })
})

suite('a request whose time ends while it is worked on', () => {
  test('is not signed once it was told to have failed', async () => {
    const stage = await createStage()
    const request = createDeviceRequest()
    stage.faults.validate = () => away('management/unavailable')
    await stage.enrol(request, patient)
    const begun = Promise.withResolvers<undefined>()
    const validating = Promise.withResolvers<undefined>()
    const validator = {
      async validate() {
        begun.resolve(undefined)
        await validating.promise
        return { kind: 'accepted' } as const
      },
    }
    stage.clock.advance(14 * MINUTE_MS)
    const poll = stage.enrol(pollOf(request), { ...patient, validator })
    await begun.promise
    stage.clock.advance(2 * MINUTE_MS)
    assert.equal(await stage.closeOverdue(patient), 1)
    validating.resolve(undefined)
    assert.equal((await poll).status, 'FAILURE')
    await stage.deliverDue()
    assert.equal(stage.counts.signatures, 0)
    assert.deepEqual(countAdmin(stage), [4001])
  })

  test('is not told to have failed while it is signed', async () => {
    const stage = await createStage()
    const request = createDeviceRequest()
    stage.faults.enrol = async () => away('ca/unavailable')
    await stage.enrol(request, patient)
    const signing = Promise.withResolvers<undefined>()
    const begun = Promise.withResolvers<undefined>()
    stage.faults.enrol = async () => {
      begun.resolve(undefined)
      return await signing.promise
    }
    stage.clock.advance(14.5 * MINUTE_MS)
    const poll = stage.enrol(pollOf(request), patient)
    await begun.promise
    stage.clock.advance(MINUTE_MS)
    assert.equal(await stage.closeOverdue(patient), 0)
    signing.resolve(undefined)
    assert.equal((await poll).status, 'SUCCESS')
    await stage.deliverDue()
    assert.deepEqual(countAdmin(stage), [4000])
  })

  test('is told to have failed when nobody signs it any more', async () => {
    const stage = await createStage()
    const request = createDeviceRequest()
    stage.faults.enrol = async () => away('ca/unavailable')
    await stage.enrol(request, patient)
    const begun = Promise.withResolvers<undefined>()
    stage.faults.enrol = async () => {
      begun.resolve(undefined)
      return await new Promise(() => undefined)
    }
    stage.clock.advance(14.5 * MINUTE_MS)
    void stage.enrol(pollOf(request), patient)
    await begun.promise
    const restarted = await createStage({ beside: stage })
    restarted.clock.advance(2 * MINUTE_MS)
    assert.equal(await restarted.closeOverdue(patient), 1)
    await restarted.deliverDue()
    assert.deepEqual(countAdmin(restarted), [4001])
  })
})

suite('what takes longer than a device waits', () => {
  const hasty = { waiting: { ...STAGE_WAITING, syncTimeoutMs: 10 } }

  test('REQ-146: is PENDING, completes in the background, and the poll gets it', async () => {
    const stage = await createStage()
    const request = createDeviceRequest()
    const signing = Promise.withResolvers<undefined>()
    stage.faults.enrol = async () => await signing.promise
    assert.equal((await stage.enrol(request, hasty)).status, 'PENDING')
    assert.equal((await stage.enrol(pollOf(request), hasty)).status, 'PENDING')
    signing.resolve(undefined)
    await stage.settled()
    assert.equal((await stage.store.certificates.count()).issued, 1)
    assert.equal((await stage.enrol(pollOf(request), hasty)).status, 'SUCCESS')
    assert.equal(stage.counts.signatures, 1)
  })

  test('REQ-146: its failure is told to the poll, and recorded once', async () => {
    const stage = await createStage()
    const request = createDeviceRequest()
    const validating = Promise.withResolvers<undefined>()
    stage.faults.enrol = async () => {
      await validating.promise
      throw new ConnectorError('ca/refused', 'no')
    }
    assert.equal((await stage.enrol(request, hasty)).status, 'PENDING')
    validating.resolve(undefined)
    await stage.settled()
    assert.equal((await stage.enrol(pollOf(request), hasty)).status, 'FAILURE')
    await stage.deliverDue()
    assert.deepEqual(countAdmin(stage), [4001])
  })
})
