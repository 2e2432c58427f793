import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ConnectorError } from '../../../src/kernel/index.ts'
import { assertFailsWith } from '../../support/assert-fails-with.ts'
import {
  createDeviceRequest,
  createStage,
  type Stage,
  sendAgain,
} from '../../support/enrolment-stage.ts'

const STRICT = { notifyMode: 'strict' } as const
const STATIC = { notifier: undefined } as const

function away(): never {
  throw new ConnectorError('management/unavailable', 'HTTP 503', { isTransient: true })
}

/** Delivers what is owed until nothing more is due, moving the clock. */
async function letTimePass(stage: Stage, minutes = 30): Promise<void> {
  for (let minute = 0; minute < minutes; minute += 1) {
    await stage.deliverDue()
    stage.clock.advance(60_000)
  }
}

describe('an enrolment that goes well', () => {
  test('has one Admin event, 4000, after the management service was told', async () => {
    const stage = await createStage()
    const request = createDeviceRequest()
    const answer = await stage.enrol(request)
    assert.equal(answer.status, 'SUCCESS')
    assert.equal(answer.outcome, 'issued')
    assert.deepEqual(stage.eventIds(), [4003, 4004, 4006])
    assert.equal(stage.counts.wakes, 1)
    await stage.deliverDue()
    assert.deepEqual(stage.eventIds(), [4003, 4004, 4006, 4008, 4000])
    assert.ok(stage.events.every((event) => event.transactionId === request.frame.transactionId))
  })

  test('tells nobody where nobody is to be told, and still has its 4000', async () => {
    const stage = await createStage()
    assert.equal((await stage.enrol(createDeviceRequest(), STATIC)).status, 'SUCCESS')
    await stage.deliverDue()
    assert.deepEqual(stage.eventIds(), [4003, 4004, 4006, 4000])
    assert.equal(stage.counts.notifications, 0)
  })

  test('reserves, signs and keeps before it answers', async () => {
    const stage = await createStage()
    const order: string[] = []
    stage.store.faults.failWrite = (method) => {
      order.push(method)
      return false
    }
    stage.faults.enrol = async () => {
      order.push('sign')
      return undefined
    }
    stage.faults.seal = ({ status }) => {
      order.push(status)
    }
    const { certificateHex } = await stage.enrol(createDeviceRequest())
    assert.deepEqual(order, ['certificates.reserve', 'sign', 'certificates.complete', 'SUCCESS'])
    const [record] = await stage.store.certificates.listRecent(1)
    assert.equal(record?.state, 'issued')
    assert.equal(Buffer.from(record.certificateDer ?? []).toString('hex'), certificateHex)
  })
})

describe('the same request again', () => {
  test('REQ-143: gets the same certificate with its own nonce, and nobody is asked or told twice', async () => {
    const stage = await createStage()
    const request = createDeviceRequest()
    const first = await stage.enrol(request)
    const again = sendAgain(request)
    const second = await stage.enrol(again)
    assert.equal(second.outcome, 'replayed')
    assert.equal(second.certificateHex, first.certificateHex)
    assert.equal(second.nonceHex, Buffer.from(again.frame.senderNonce ?? []).toString('hex'))
    await letTimePass(stage)
    const { validations, signatures, notifications } = stage.counts
    assert.deepEqual([validations, signatures, notifications], [1, 1, 1])
    assert.deepEqual(stage.eventIds('admin'), [4000])
  })

  test('REQ-145: eight at once issue once', async () => {
    const stage = await createStage()
    const request = createDeviceRequest()
    const answers = await Promise.all(
      Array.from({ length: 8 }, async () => await stage.enrol(sendAgain(request))),
    )
    assert.equal(new Set(answers.map(({ certificateHex }) => certificateHex)).size, 1)
    assert.equal(new Set(answers.map(({ nonceHex }) => nonceHex)).size, 8)
    assert.equal(stage.counts.signatures, 1)
    await stage.deliverDue()
    assert.deepEqual(stage.eventIds('admin'), [4000])
  })

  test('REQ-88, REQ-144: a CSR of the same transaction that differs is another request', async () => {
    const stage = await createStage()
    const request = createDeviceRequest()
    await stage.enrol(request)
    const other = createDeviceRequest({ frame: request.frame })
    assert.equal((await stage.enrol(other)).outcome, 'issued')
    assert.equal(stage.counts.signatures, 2)
  })

  test('after the replay window it is validated and issued anew', async () => {
    const stage = await createStage()
    const request = createDeviceRequest()
    await stage.enrol(request)
    stage.clock.advance(86_400_001)
    assert.equal((await stage.enrol(request)).outcome, 'issued')
    assert.equal(stage.counts.validations, 2)
  })

  test('whose certificate was revoked is refused without a second Admin event', async () => {
    const stage = await createStage()
    const request = createDeviceRequest()
    await stage.enrol(request)
    await stage.deliverDue()
    const [record] = await stage.store.certificates.listRecent(1)
    await stage.store.certificates.revoke(
      'main',
      record?.order.serialHex ?? '',
      1,
      stage.clock.now(),
    )
    const answer = await stage.enrol(request)
    assert.equal(answer.status, 'FAILURE')
    assert.equal(stage.counts.signatures, 1)
    await letTimePass(stage)
    assert.deepEqual(stage.eventIds('admin'), [4000])
    assert.equal(stage.counts.notifications, 1)
  })
})

describe('without a clear yes', () => {
  test('events 4005, 4001: a refused challenge ends with 4005 and 4001, and Intune is told nothing', async () => {
    const stage = await createStage()
    stage.faults.validate = () => ({ kind: 'refused', code: 'ChallengeExpired', reason: 'old' })
    const answer = await stage.enrol(createDeviceRequest())
    assert.equal(answer.outcome, 'challenge-refused')
    const { requestId } = stage.events[0] ?? {}
    assert.ok(requestId)
    assert.equal(answer.failText, `challenge refused: ChallengeExpired [request ${requestId}]`)
    await letTimePass(stage)
    assert.deepEqual(stage.eventIds(), [4003, 4005, 4001])
    assert.equal(stage.counts.signatures + stage.counts.notifications, 0)
    const [refusal] = await stage.store.certificates.listRefusals(1)
    assert.equal(refusal?.code, 'ChallengeExpired')
  })

  test('a validation that fails is no yes, and is not reported as a failure of ours', async () => {
    const stage = await createStage()
    stage.faults.validate = away
    assert.equal((await stage.enrol(createDeviceRequest())).status, 'FAILURE')
    await letTimePass(stage)
    assert.deepEqual(stage.eventIds(), [4003, 4005, 4001])
    assert.equal(stage.counts.signatures + stage.counts.notifications, 0)
  })

  test('REQ-84, REQ-92: another key than the signer’s and a clock far off are accepted, and noted for who looks', async () => {
    const stage = await createStage()
    const request = createDeviceRequest()
    const odd = {
      ...request,
      signer: { ...request.signer, hasCsrKey: false },
      signingTime: new Date(stage.clock.now().getTime() - 86_400_000),
    }
    assert.equal((await stage.enrol(odd)).status, 'SUCCESS')
    const notes = stage.events
      .filter(({ level }) => level === 'debug')
      .map(({ message }) => message)
    assert.ok(notes.some((note) => note.includes('another key')))
    assert.ok(notes.some((note) => note.includes('-86400 seconds')))
  })

  test('a refusal that cannot be sealed keeps its one Admin event', async () => {
    const stage = await createStage()
    stage.faults.validate = () => ({ kind: 'refused', code: 'ChallengeExpired', reason: 'old' })
    stage.faults.seal = () => {
      throw new ConnectorError('internal/bug', 'cannot seal')
    }
    await assertFailsWith(stage.enrol(createDeviceRequest()), 'internal/bug')
    assert.deepEqual(stage.eventIds('admin'), [4001])
  })
})

describe('a validated request that comes to nothing', () => {
  test('event 4007: policy: 4007, the failure is told, 4008 and 4001', async () => {
    const stage = await createStage()
    const request = createDeviceRequest()
    const weak = {
      ...request.csr,
      publicKey: { algorithm: 'rsa', bits: 1024, exponent: 3 } as const,
    }
    assert.equal((await stage.enrol({ ...request, csr: weak })).status, 'FAILURE')
    await stage.deliverDue()
    assert.deepEqual(stage.eventIds(), [4003, 4004, 4007, 4008, 4001])
    assert.equal(stage.told[0]?.kind, 'failure')
  })

  test('policy where nobody is told: 4007 and 4001', async () => {
    const stage = await createStage()
    const request = createDeviceRequest()
    const weak = { ...request.csr, publicKey: { algorithm: 'other', bits: 0 } as const }
    await stage.enrol({ ...request, csr: weak }, STATIC)
    assert.deepEqual(stage.eventIds(), [4003, 4004, 4007, 4001])
  })

  test('a failure notification that cannot be sealed for the device is owed once', async () => {
    const stage = await createStage()
    const request = createDeviceRequest()
    const weak = { ...request.csr, publicKey: { algorithm: 'other', bits: 0 } as const }
    stage.faults.seal = () => {
      throw new ConnectorError('internal/bug', 'cannot seal')
    }
    await assertFailsWith(stage.enrol({ ...request, csr: weak }), 'internal/bug')
    await letTimePass(stage)
    assert.equal(stage.counts.notifications, 1)
    assert.deepEqual(stage.eventIds('admin'), [4001])
  })

  const refusals = [
    {
      title: 'the CA denies',
      enrol: async () => ({ status: 'denied', code: 'no', message: 'never' }) as const,
    },
    {
      title: 'the CA keeps it pending',
      enrol: async () => ({ status: 'pending', backendRef: '1', pollAfterMs: 1 }) as const,
    },
    {
      title: 'the CA is away',
      enrol: async () => {
        throw new ConnectorError('ca/unavailable', 'away', { isTransient: true })
      },
    },
    {
      title: 'nobody knows what the CA did',
      enrol: async () => {
        throw new ConnectorError('ca/unknown-outcome', 'the line broke')
      },
    },
    {
      title: 'a backend throws what it must not',
      enrol: async () => {
        throw new TypeError('undefined is not a function')
      },
    },
  ]
  for (const { title, enrol } of refusals)
    test(`${title}: nothing leaves, the failure is told, one 4001`, async () => {
      const stage = await createStage()
      stage.faults.enrol = enrol
      const answer = await stage.enrol(createDeviceRequest())
      assert.equal(answer.status, 'FAILURE')
      assert.equal(answer.certificateHex, undefined)
      await letTimePass(stage)
      assert.deepEqual(stage.eventIds(), [4003, 4004, 4007, 4008, 4001])
      assert.deepEqual(
        stage.told.map(({ kind }) => kind),
        ['failure'],
      )
      assert.equal((await stage.store.certificates.listRecent(1))[0]?.state, 'abandoned')
    })

  test('an answer that differs from the order does not leave and is revoked', async () => {
    const stage = await createStage()
    stage.faults.enrol = async (order) => {
      stage.faults.enrol = undefined
      const spkiDer = createDeviceRequest().csr.spkiDer
      const other = { ...order, certificate: { ...order.certificate, spkiDer } }
      return await stage.ca.enrol(other, AbortSignal.timeout(1000))
    }
    const answer = await stage.enrol(createDeviceRequest())
    assert.equal(answer.status, 'FAILURE')
    await letTimePass(stage)
    assert.deepEqual(stage.eventIds('admin'), [4001])
    assert.ok(stage.eventIds().includes(61))
    const revoked = await stage.store.certificates.listRevoked('main', stage.clock.now())
    assert.equal(revoked.length, 1)
  })
})

describe('overload', () => {
  const busy = new ConnectorError('worker/overloaded', 'busy', { isTransient: true })

  test('while signing: the device is told to come again, and then gets its certificate', async () => {
    const stage = await createStage()
    const request = createDeviceRequest()
    stage.faults.enrol = async () => {
      throw new ConnectorError('ca/unavailable', 'no hand free', { cause: busy, isTransient: true })
    }
    await assertFailsWith(stage.enrol(request), 'worker/overloaded')
    assert.deepEqual(stage.eventIds('admin'), [])
    assert.ok(stage.eventIds().includes(13))
    stage.faults.enrol = undefined
    assert.equal((await stage.enrol(request)).outcome, 'issued')
    await letTimePass(stage)
    assert.deepEqual(stage.eventIds('admin'), [4000])
    assert.deepEqual(
      stage.told.map(({ kind }) => kind),
      ['success'],
    )
  })

  test('while sealing the certificate: it is on record, and the next one gets it', async () => {
    const stage = await createStage()
    const request = createDeviceRequest()
    stage.faults.seal = () => {
      throw busy
    }
    await assertFailsWith(stage.enrol(request), 'worker/overloaded')
    stage.faults.seal = undefined
    assert.equal((await stage.enrol(request)).outcome, 'replayed')
    await letTimePass(stage)
    assert.deepEqual(stage.eventIds('admin'), [4000])
  })

  test('a certificate that cannot be sealed for the device is refused, and stays on record', async () => {
    const stage = await createStage()
    stage.faults.seal = (reply) => {
      if (reply.status === 'SUCCESS') throw new ConnectorError('internal/bug', 'odd key')
    }
    const answer = await stage.enrol(createDeviceRequest())
    assert.equal(answer.status, 'FAILURE')
    assert.equal(answer.outcome, 'failed')
    await letTimePass(stage)
    assert.deepEqual(stage.eventIds('admin'), [4000])
  })
})

describe('the store is away', () => {
  test('before signing: nothing is signed; the failure waits in the spool and is told', async () => {
    const stage = await createStage()
    stage.store.faults.failWrites = true
    assert.equal((await stage.enrol(createDeviceRequest())).status, 'FAILURE')
    assert.equal(stage.counts.signatures, 0)
    assert.deepEqual(stage.eventIds('admin'), [])
    assert.equal(stage.spool.entries.size, 1)
    stage.store.faults.failWrites = false
    await letTimePass(stage)
    assert.deepEqual(stage.eventIds('admin'), [4001])
    assert.equal(stage.spool.entries.size, 0)
  })

  test('for reading: refused before the challenge is asked for', async () => {
    const stage = await createStage()
    stage.store.faults.failReads = true
    assert.equal((await stage.enrol(createDeviceRequest())).status, 'FAILURE')
    assert.equal(stage.counts.validations, 0)
    assert.deepEqual(stage.eventIds('admin'), [4001])
  })

  test('after signing: the certificate is spooled, leaves, and is told when the store is back', async () => {
    const stage = await createStage()
    const request = createDeviceRequest()
    stage.store.faults.failWrite = (method) => method === 'certificates.complete'
    const answer = await stage.enrol(request)
    assert.equal(answer.status, 'SUCCESS')
    assert.deepEqual(stage.eventIds(), [4003, 4004, 4006, 71])
    stage.store.faults.failWrite = undefined
    await letTimePass(stage)
    assert.deepEqual(stage.eventIds(), [4003, 4004, 4006, 71, 70, 4008, 4000])
    assert.equal((await stage.enrol(request)).certificateHex, answer.certificateHex)
  })

  test('and comes back before the courier: the same request finds its spooled certificate', async () => {
    const stage = await createStage()
    const request = createDeviceRequest()
    stage.store.faults.failWrite = (method) => method === 'certificates.complete'
    const first = await stage.enrol(request)
    stage.store.faults.failWrite = undefined
    const second = await stage.enrol(sendAgain(request))
    assert.equal(second.certificateHex, first.certificateHex)
    assert.equal(stage.counts.signatures, 1)
  })

  test('and the spool too: 4010, one 4002, and no certificate leaves', async () => {
    const stage = await createStage()
    const request = createDeviceRequest()
    stage.store.faults.failWrite = (method) => method === 'certificates.complete'
    stage.faults.isSpoolBroken = true
    const answer = await stage.enrol(request)
    assert.equal(answer.status, 'FAILURE')
    assert.equal(answer.certificateHex, undefined)
    assert.deepEqual(stage.eventIds(), [4003, 4004, 4006, 4010, 4002])
    const [closing] = stage.events.filter(({ eventId }) => eventId === 4002)
    assert.match(closing?.serialNumber ?? '', /^[0-9A-F]+$/)
    stage.store.faults.failWrite = undefined
    stage.faults.isSpoolBroken = false
    assert.equal((await stage.enrol(request)).outcome, 'issued')
  })

  test('a failure that nobody can keep has its 4010 and its one Admin event', async () => {
    const stage = await createStage()
    stage.store.faults.failWrites = true
    stage.faults.isSpoolBroken = true
    assert.equal((await stage.enrol(createDeviceRequest())).status, 'FAILURE')
    assert.deepEqual(stage.eventIds(), [4003, 4004, 4007, 4010, 4002])
  })

  test('a certificate whose serial has another on record does not leave', async () => {
    const stage = await createStage()
    const { certificates } = stage.store
    const complete = certificates.complete.bind(certificates)
    certificates.complete = async (intent, issued, owed) => {
      const certificateDer = Uint8Array.of(1, 2, 3)
      await complete(intent, { ...issued, certificateDer }, undefined)
      await complete(intent, issued, owed)
    }
    const answer = await stage.enrol(createDeviceRequest())
    assert.equal(answer.status, 'FAILURE')
    assert.equal(stage.spool.entries.size, 0)
    assert.deepEqual(stage.eventIds('admin'), [4002])
  })
})

describe('strict', () => {
  test('the certificate leaves after the yes', async () => {
    const stage = await createStage()
    stage.faults.notify = async () => {
      assert.equal((await stage.store.certificates.listRecent(1))[0]?.state, 'issued')
    }
    assert.equal((await stage.enrol(createDeviceRequest(), STRICT)).status, 'SUCCESS')
    assert.deepEqual(stage.eventIds(), [4003, 4004, 4006, 4008, 4000])
  })

  test('two attempts may fail', async () => {
    const stage = await createStage()
    stage.faults.notify = (attempt) => {
      if (attempt < 3) away()
    }
    assert.equal((await stage.enrol(createDeviceRequest(), STRICT)).status, 'SUCCESS')
    assert.deepEqual(stage.eventIds(), [4003, 4004, 4006, 4009, 4009, 4008, 4000])
  })

  test('without the yes the certificate is revoked; nothing is told later', async () => {
    const stage = await createStage()
    stage.faults.notify = away
    const request = createDeviceRequest()
    const answer = await stage.enrol(request, STRICT)
    assert.equal(answer.status, 'FAILURE')
    assert.equal(answer.certificateHex, undefined)
    assert.equal((await stage.store.certificates.listRecent(1))[0]?.state, 'revoked')
    stage.faults.notify = undefined
    await letTimePass(stage)
    assert.equal(stage.told.length, 0)
    assert.deepEqual(stage.eventIds(), [4003, 4004, 4006, 4009, 4009, 4009, 4002, 61])
    assert.equal((await stage.enrol(request, STRICT)).status, 'FAILURE')
    assert.deepEqual(stage.eventIds('admin'), [4002])
  })

  test('a yes that does not come in time is none: one 4002 all the same', async (t) => {
    const stage = await createStage()
    let timeout: { readonly mock: { restore(): void } } | undefined
    stage.store.faults.failWrite = (method) => {
      // The next limit of time is the one of strict mode: used up before its first attempt has ended.
      if (method === 'certificates.complete')
        timeout = t.mock.method(AbortSignal, 'timeout', () => AbortSignal.abort())
      return false
    }
    stage.faults.notify = () => {
      timeout?.mock.restore()
      away()
    }
    const answer = await stage.enrol(createDeviceRequest(), STRICT)
    assert.equal(answer.status, 'FAILURE')
    assert.equal(stage.counts.notifications, 1)
    assert.deepEqual(stage.eventIds(), [4003, 4004, 4006, 4009, 4002, 61])
  })

  test('a revocation that fails is on record, and the certificate still does not leave', async () => {
    const stage = await createStage()
    stage.faults.notify = away
    stage.faults.revoke = () => {
      throw new ConnectorError('ca/unavailable', 'away', { isTransient: true })
    }
    const answer = await stage.enrol(createDeviceRequest(), STRICT)
    assert.equal(answer.status, 'FAILURE')
    assert.ok(stage.eventIds().includes(21))
    assert.ok(!stage.eventIds().includes(61))
    assert.deepEqual(stage.eventIds('admin'), [4002])
  })

  test('the courier stays away from what strict mode is about to tell itself', async () => {
    const stage = await createStage()
    stage.faults.notify = async (attempt) => {
      if (attempt === 1) await stage.deliverDue()
    }
    await stage.enrol(createDeviceRequest(), STRICT)
    assert.equal(stage.counts.notifications, 1)
    assert.deepEqual(stage.eventIds('admin'), [4000])
  })

  test('spooled because the store is away: it does not leave, and is told when the store is back', async () => {
    const stage = await createStage()
    const request = createDeviceRequest()
    stage.store.faults.failWrite = (method) => method === 'certificates.complete'
    assert.equal((await stage.enrol(request, STRICT)).status, 'FAILURE')
    stage.store.faults.failWrite = undefined
    assert.equal((await stage.enrol(request, STRICT)).status, 'SUCCESS')
    await letTimePass(stage)
    assert.deepEqual(stage.eventIds('admin'), [4000])
    assert.equal(stage.counts.signatures, 1)
  })

  test('the same request while its success is owed: not yet, and no second Admin event', async () => {
    const stage = await createStage()
    const request = createDeviceRequest()
    stage.faults.seal = () => {
      throw new ConnectorError('worker/died', 'the reply was lost', { isTransient: true })
    }
    // Issued while the profile was deferred; the administrator made it strict since.
    await assertFailsWith(stage.enrol(request), 'worker/died')
    stage.faults.seal = undefined
    stage.faults.notify = away
    const answer = await stage.enrol(request, STRICT)
    assert.equal(answer.status, 'FAILURE')
    stage.faults.notify = undefined
    await letTimePass(stage)
    assert.deepEqual(
      stage.told.map(({ kind }) => kind),
      ['success'],
    )
    assert.equal((await stage.enrol(request, STRICT)).status, 'SUCCESS')
    assert.equal(stage.eventIds('admin').length, 1)
  })
})

describe('two instances', () => {
  test('REQ-145: the same request at both at once is issued once', async () => {
    const one = await createStage()
    const two = await createStage({ beside: one, holder: 'two' })
    const request = createDeviceRequest()
    const answers = await Promise.all([
      one.enrol(request),
      two.enrol(sendAgain(request)),
      one.enrol(sendAgain(request)),
      two.enrol(sendAgain(request)),
    ])
    assert.equal(new Set(answers.map(({ certificateHex }) => certificateHex)).size, 1)
    assert.equal(one.counts.signatures + two.counts.signatures, 1)
    await one.deliverDue()
    await two.deliverDue()
    assert.equal(one.counts.notifications + two.counts.notifications, 1)
    assert.deepEqual([...one.eventIds('admin'), ...two.eventIds('admin')], [4000])
  })

  test('one that dies leaves its intent to the other when its lease is over', async () => {
    const one = await createStage()
    const two = await createStage({ beside: one, holder: 'two' })
    const request = createDeviceRequest()
    const dead = Promise.withResolvers<never>()
    one.faults.enrol = async () => await dead.promise
    void one.enrol(request)
    await waitUntil(async () => (await one.store.certificates.count()).reserved === 1)
    one.clock.advance(91_000)
    const answer = await two.enrol(sendAgain(request))
    assert.equal(answer.status, 'SUCCESS')
    assert.equal(two.counts.signatures, 1)
  })

  test('one that refuses leaves the request to the other', async () => {
    const one = await createStage()
    const two = await createStage({ beside: one, holder: 'two' })
    const request = createDeviceRequest()
    const deciding = Promise.withResolvers<void>()
    one.faults.enrol = async () => {
      await deciding.promise
      throw new ConnectorError('ca/unavailable', 'away', { isTransient: true })
    }
    const first = one.enrol(request)
    await waitUntil(async () => (await one.store.certificates.count()).reserved === 1)
    const second = two.enrol(sendAgain(request))
    deciding.resolve()
    assert.equal((await first).status, 'FAILURE')
    assert.equal((await second).status, 'SUCCESS')
  })

  test('one that works for long has the other tell its device to come again', async (t) => {
    const one = await createStage()
    const two = await createStage({ beside: one, holder: 'two' })
    const request = createDeviceRequest()
    const deciding = Promise.withResolvers<undefined>()
    one.faults.enrol = async () => await deciding.promise
    const first = one.enrol(request)
    await waitUntil(async () => (await one.store.certificates.count()).reserved === 1)
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const second = assertFailsWith(two.enrol(sendAgain(request)), 'worker/timeout')
    for (let turn = 0; turn < 2000; turn += 1) {
      t.mock.timers.tick(200)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await second
    t.mock.timers.reset()
    deciding.resolve(undefined)
    assert.equal((await first).status, 'SUCCESS')
    await one.deliverDue()
    assert.deepEqual([...one.eventIds('admin'), ...two.eventIds('admin')], [4000])
    assert.deepEqual(
      one.told.map(({ kind }) => kind),
      ['success'],
    )
  })
})

describe('the same instance after a crash', () => {
  test('takes an intent of its own up again at once', async () => {
    const dead = await createStage()
    const request = createDeviceRequest()
    dead.faults.enrol = async () => await Promise.withResolvers<never>().promise
    void dead.enrol(request)
    await waitUntil(async () => (await dead.store.certificates.count()).reserved === 1)
    const risen = await createStage({ beside: dead })
    assert.equal((await risen.enrol(request)).status, 'SUCCESS')
    await risen.deliverDue()
    assert.deepEqual(risen.eventIds('admin'), [4000])
    const counts = await risen.store.certificates.count()
    assert.deepEqual([counts.abandoned, counts.issued], [1, 1])
  })

  test('gives the certificate that was kept before', async () => {
    const dead = await createStage()
    const request = createDeviceRequest()
    const first = await dead.enrol(request)
    const risen = await createStage({ beside: dead })
    const second = await risen.enrol(sendAgain(request))
    assert.equal(second.certificateHex, first.certificateHex)
    assert.equal(risen.counts.validations, 0)
  })
})

describe('secrets', () => {
  test('REQ-111: neither challenge nor CSR stands in any event or in clear in what is kept', async () => {
    const stage = await createStage()
    const request = createDeviceRequest()
    const challenge = request.csr.challengePassword ?? ''
    stage.faults.notify = away
    await stage.enrol(request)
    await letTimePass(stage, 3)
    stage.store.faults.failWrite = (method) => method === 'certificates.complete'
    await stage.enrol(createDeviceRequest({ csr: { ...request.csr, subject: 'CN=other' } }))
    const records = JSON.stringify(stage.events)
    const kept = [
      ...(await stage.store.outbox.list(['due', 'exhausted'], 10)),
      ...stage.spool.entries.values(),
    ]
    assert.equal(kept.length, 2)
    for (const secret of [Buffer.from(challenge), request.csr.der]) {
      for (const encoding of ['utf8', 'hex', 'base64'] as const)
        assert.ok(!records.includes(Buffer.from(secret).toString(encoding)))
      for (const { payload } of kept) assert.equal(Buffer.from(payload).indexOf(secret), -1)
    }
    assert.match(stage.events[0]?.challengeHash ?? '', /^[0-9a-f]{16}$/)
  })
})

async function waitUntil(isThere: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 1000; turn += 1) {
    if (await isThere()) return
    await new Promise((resolve) => setImmediate(resolve))
  }
  throw new Error('it did not happen')
}
