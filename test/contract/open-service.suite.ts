import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { ConnectorError, Secret } from '../../src/kernel/index.ts'
import {
  type OpenService,
  type OpenServiceOptions,
  renewalDueAt,
} from '../../src/management/index.ts'
import type { WorkValues } from '../../src/management/work-items.ts'
import type { WorkItem, WorkKind, WorkQueue, WorkResult } from '../../src/management/work-queue.ts'

/** A service that is to be checked, and the ways in which a test steers it: an implementer writes this for theirs. */
export interface OpenServiceUnderTest {
  /** A client of this service that has not enrolled, with an identity of its own. */
  openClient(change?: Partial<OpenServiceOptions>): OpenService
  /** A token for one connector. */
  issueToken(): Promise<string>
  /** Queues an item that our schemas accept; its context. */
  queue(kind: WorkKind, members?: Readonly<Record<string, unknown>>): Promise<string>
  /** State of an item by its context. */
  stateOf(kind: WorkKind, requestContext: string): Promise<string>
  pause(connectorId: string, paused: boolean): Promise<void>
  /** Makes a user of the tenant known. */
  recordUser(userPrincipalName: string): Promise<void>
  /** Moves the clock of the service. */
  advance(minutes: number): Promise<void>
  /** The next call of this kind has its effect, and its answer is lost. */
  loseAnswer(call: 'enrolment' | 'upload'): Promise<void>
  /** Intervals of a metric that the service keeps. */
  intervalsOf(connectorId: string, metric: string): Promise<number>
  close(): Promise<void>
}

const kinds: readonly WorkKind[] = ['pkcs', 'pkcsRecrypt', 'pkcsImport', 'revocation']

const bytes = new Uint8Array([0x30, 0x03, 0x02, 0x01, 0x05])
const payload = {
  protection: 'passwordCms',
  encryptedPfxBlob: bytes,
  encryptedPfxPassword: bytes,
  deviceKeyThumbprintHex: '0f'.repeat(20),
} as const

/** A result of each kind with every member. */
const values: WorkValues = {
  pkcs: {
    caConfiguration: 'ca1.corp.example\\Corp Issuing CA',
    caRequestId: '48213',
    certificateDer: bytes,
    serialHex: '6A0000012F9C',
    issuerName: 'CN=Corp Issuing CA,DC=corp,DC=example',
    thumbprintHex: 'a1'.repeat(20),
    notBefore: new Date('2026-01-01T00:00:00Z'),
    notAfter: new Date('2027-01-01T00:00:00Z'),
    payload,
    escrowPayload: bytes,
  },
  pkcsRecrypt: { thumbprintHex: 'a1'.repeat(20), payload, escrowPayload: undefined },
  pkcsImport: {
    thumbprintHex: 'f6'.repeat(20),
    deviceKeyThumbprintHex: '0f'.repeat(20),
    encryptedPfxPassword: bytes,
    encryptedAppleProfiles: [bytes],
    encryptedPfxBlob: undefined,
  },
  revocation: { revokedAt: new Date('2026-01-01T00:00:00Z'), alreadyRevoked: true },
}

function call() {
  return { activityId: randomUUID(), signal: AbortSignal.timeout(20_000) }
}

async function take(queue: WorkQueue<'revocation'>, leaseSeconds = 300, maxItems = 100) {
  const batch = await queue.download({ ...call(), maxItems, waitSeconds: 0, leaseSeconds })
  return batch.items
}

function revoked(item: WorkItem<'revocation'>): WorkResult<'revocation'> {
  const value = { revokedAt: new Date('2026-01-01T00:00:00Z'), alreadyRevoked: false }
  const { requestContext, lease } = item
  return { requestContext, lease, durationMs: 5, end: { succeeded: true, value } }
}

function hasCode(code: string, httpStatus?: number) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof ConnectorError, String(error))
    assert.equal(error.code, code, error.message)
    if (httpStatus !== undefined) assert.equal(error.httpStatus, httpStatus, error.message)
    return true
  }
}

/** What a service of the open contract must do, seen through our client. */
export function checkOpenService(title: string, open: () => Promise<OpenServiceUnderTest>): void {
  describe(title, () => {
    let service: OpenServiceUnderTest
    let first: OpenService
    let second: OpenService
    let queue: WorkQueue<'revocation'>
    let other: WorkQueue<'revocation'>

    before(async () => {
      service = await open()
      first = service.openClient()
      second = service.openClient()
      for (const client of [first, second])
        assert.equal(await client.keepEnrolled(AbortSignal.timeout(20_000)), 'enrolled')
      queue = first.queue('revocation')
      other = second.queue('revocation')
    })
    after(async () => {
      await first.close()
      await second.close()
      await service.close()
    })

    test('two connectors have ids of their own; enrolling again changes nothing', async () => {
      const ids = [first, second].map((client) => client.current()?.record.connectorId)
      assert.equal(new Set(ids).size, 2)
      assert.equal(await first.keepEnrolled(AbortSignal.timeout(20_000)), 'unchanged')
    })

    test('a token that nobody gave out enrols nobody; one for one connector enrols one', async () => {
      const enrol = async (token: string): Promise<void> => {
        const client = service.openClient({ enrolmentToken: new Secret(token) })
        try {
          await client.keepEnrolled(AbortSignal.timeout(20_000))
        } finally {
          await client.close()
        }
      }
      await assert.rejects(enrol('nobody-gave-this-out'), hasCode('management/unauthorized', 401))
      const token = await service.issueToken()
      await enrol(token)
      await assert.rejects(enrol(token), hasCode('management/unauthorized', 401))
    })

    test('an enrolment whose answer was lost is the same connector when it is tried again', async () => {
      const client = service.openClient({ enrolmentToken: new Secret(await service.issueToken()) })
      await service.loseAnswer('enrolment')
      await assert.rejects(client.keepEnrolled(AbortSignal.timeout(20_000)))
      assert.equal(await client.keepEnrolled(AbortSignal.timeout(20_000)), 'enrolled')
      await client.close()
    })

    test('from two thirds of its life on a certificate is renewed; the connector stays the same', async () => {
      let aheadMs = 0
      const clock = { now: () => new Date(Date.now() + aheadMs) }
      const client = service.openClient({ clock })
      await client.keepEnrolled(AbortSignal.timeout(20_000))
      const before = client.current()?.record
      assert.ok(before)
      aheadMs = renewalDueAt(before.certificatePem).getTime() - Date.now() + 1000
      assert.equal(await client.keepEnrolled(AbortSignal.timeout(20_000)), 'renewed')
      const after = client.current()?.record
      assert.equal(after?.connectorId, before.connectorId)
      assert.notEqual(after?.certificatePem, before.certificatePem)
      await take(client.queue('revocation'))
      await client.close()
    })

    test('without a certificate nobody gets work', async () => {
      const stranger = service.openClient()
      await assert.rejects(take(stranger.queue('revocation')), hasCode('management/unauthorized'))
      await stranger.close()
    })

    for (const kind of kinds)
      test(`${kind}: an item is lent once, with a lease and its attempt`, async () => {
        const context = await service.queue(kind)
        const terms = { maxItems: 10, waitSeconds: 0, leaseSeconds: 300 }
        const batch = await first.queue(kind).download({ ...call(), ...terms })
        assert.deepEqual(batch.unreadable, [])
        const item = batch.items.find(({ requestContext }) => requestContext === context)
        assert.equal(item?.lease?.attempt, 1)
        assert.ok((item?.lease?.expires.getTime() ?? 0) > Date.now() - 86_400_000)
        const again = await second.queue(kind).download({ ...call(), ...terms })
        assert.ok(!again.items.some(({ requestContext }) => requestContext === context))
        await first.queue(kind).releaseLeases?.(
          batch.items.map(({ requestContext, lease }) => ({
            requestContext,
            leaseId: lease?.id ?? '',
          })),
          'drain',
          call(),
        )
      })

    test('a feature that a connector lacks is a queue that it cannot ask', async () => {
      const scepOnly = service.openClient({
        features: { scep: true, pkcs: false, pkcsImport: false, revocation: false },
      })
      await scepOnly.keepEnrolled(AbortSignal.timeout(20_000))
      for (const kind of kinds) {
        await service.queue(kind)
        const asked = scepOnly
          .queue(kind)
          .download({ ...call(), maxItems: 10, waitSeconds: 0, leaseSeconds: 300 })
        await assert.rejects(asked, hasCode('management/unauthorized', 403))
      }
      await scepOnly.close()
      await drain()
    })

    test('a result is recorded; the same again is a duplicate, also when its answer was lost', async () => {
      const context = await service.queue('revocation')
      const [item] = await take(queue)
      assert.ok(item)
      await service.loseAnswer('upload')
      await assert.rejects(queue.upload([revoked(item)], call()))
      const [outcome] = await queue.upload([revoked(item)], call())
      assert.ok(['recorded', 'duplicate'].includes(outcome?.outcome ?? ''), outcome?.outcome)
      assert.equal(await service.stateOf('revocation', context), 'succeeded')
    })

    test('a lease that ran out goes to the next, whose result counts; the late one is superseded', async () => {
      const context = await service.queue('revocation')
      const [mine] = await take(queue, 60)
      assert.ok(mine)
      await service.advance(5)
      const theirs = (await take(other)).find(({ requestContext }) => requestContext === context)
      assert.equal(theirs?.lease?.attempt, 2)
      const late = await queue.upload([revoked(mine)], call())
      assert.deepEqual(
        late.map(({ outcome }) => outcome),
        ['staleLease'],
      )
      assert.equal((await other.upload([revoked(theirs)], call()))[0]?.outcome, 'recorded')
      const failed = {
        succeeded: false,
        errorCode: 'CertificateNotFoundError',
        errorMessage: 'x',
      } as const
      const [after] = await queue.upload([{ ...revoked(mine), end: failed }], call())
      assert.equal(after?.outcome, 'superseded')
      assert.equal(await service.stateOf('revocation', context), 'succeeded')
    })

    test('an item whose time was over without a result: one connector is told that it failed, the next that it is superseded', async () => {
      await service.queue('revocation')
      const [mine] = await take(queue, 60)
      assert.ok(mine)
      await service.advance(5)
      const [theirs] = await take(other, 60)
      assert.ok(theirs)
      await service.advance(8 * 24 * 60)
      assert.equal(await service.stateOf('revocation', mine.requestContext), 'failedFinal')
      for (const [asked, item, outcome] of [
        [queue, mine, 'rejected'],
        [other, theirs, 'superseded'],
        // Of another attempt, so that it is no repetition.
        [queue, { ...mine, lease: theirs.lease }, 'rejected'],
      ] as const)
        assert.equal((await asked.upload([revoked(item)], call()))[0]?.outcome, outcome)
    })

    test('a lease that is renewed stays ours; one that is lost says so', async () => {
      await service.queue('revocation')
      const [item] = await take(queue, 60)
      assert.ok(item?.lease)
      const reference = { requestContext: item.requestContext, leaseId: item.lease.id }
      const renewed = await queue.renewLeases?.([reference], 600, call())
      assert.ok((renewed?.[0]?.expires?.getTime() ?? 0) > item.lease.expires.getTime())
      await service.advance(5)
      assert.deepEqual(await take(other), [])
      await service.advance(10)
      const lost = await queue.renewLeases?.([reference], 600, call())
      assert.equal(lost?.[0]?.expires, undefined)
      await drain()
    })

    test('an item that is given back goes to another connector at once, and to us after ten minutes', async () => {
      const context = await service.queue('revocation')
      const [item] = await take(queue)
      const reference = { requestContext: context, leaseId: item?.lease?.id ?? '' }
      await queue.releaseLeases?.([reference], 'noKey', call())
      assert.deepEqual(await take(queue), [])
      const [theirs] = await take(other)
      assert.equal(theirs?.requestContext, context)
      assert.equal(theirs?.lease?.attempt, 2)
      await other.upload([revoked(theirs)], call())
    })

    test('an item whose CA lets the request wait comes back with the number of the request, not before its time, and only to who has the key', async () => {
      const context = await service.queue('pkcs')
      const takePkcs = async (from: OpenService) => {
        const terms = { maxItems: 10, waitSeconds: 0, leaseSeconds: 300 }
        const { items } = await from.queue('pkcs').download({ ...call(), ...terms })
        return items.find(({ requestContext }) => requestContext === context)
      }
      // Longer than a service tries again: a CA that takes its time is no failure.
      for (let round = 1; round <= 10; round += 1) {
        const item = await takePkcs(first)
        assert.equal(item?.lease?.attempt, round)
        assert.equal(item?.request.resumeCaRequestId, round === 1 ? undefined : '48213')
        const waitsFor = { caRequestId: '48213', retryAfterMs: 3_600_000 }
        const given = { requestContext: context, leaseId: item?.lease?.id ?? '', waitsFor }
        await first.queue('pkcs').releaseLeases?.([given], 'caPending', call())
        assert.equal(await takePkcs(first), undefined)
        await service.advance(61)
        assert.equal(await takePkcs(second), undefined)
      }
      // With a lease that ran out, and a connector that is gone: the other one is told of the request at the CA.
      assert.ok(await takePkcs(first))
      await service.advance(24 * 60 + 1)
      const theirs = await takePkcs(second)
      assert.equal(theirs?.request.resumeCaRequestId, '48213')
      const end = { succeeded: false, errorCode: 'CryptographyError', errorMessage: 'x' } as const
      const result = { requestContext: context, lease: theirs?.lease, durationMs: 5, end }
      await second.queue('pkcs').upload([result], call())
      assert.equal(await service.stateOf('pkcs', context), 'failedFinal')
    })

    test('a failure that may pass comes back after a pause; one that may not is final', async () => {
      const retried = await service.queue('revocation')
      const [item] = await take(queue)
      assert.ok(item)
      const end = {
        succeeded: false,
        errorCode: 'ServiceUnavailableException',
        errorMessage: 'away',
      } as const
      await queue.upload([{ ...revoked(item), end }], call())
      assert.deepEqual(await take(queue), [])
      await service.advance(65)
      const [again] = await take(queue)
      assert.equal(again?.requestContext, retried)
      assert.ok(again)
      const final = { ...end, errorCode: 'CertificateNotFoundError' } as const
      await queue.upload([{ ...revoked(again), end: final }], call())
      assert.equal(await service.stateOf('revocation', retried), 'failedFinal')
    })

    test('a download waits for an item that comes meanwhile', async () => {
      const terms = { maxItems: 10, waitSeconds: 10, leaseSeconds: 300 }
      const startedAt = Date.now()
      const waiting = queue.download({ ...call(), ...terms })
      const context = await service.queue('revocation')
      const { items } = await waiting
      assert.deepEqual(
        items.map(({ requestContext }) => requestContext),
        [context],
      )
      assert.ok(Date.now() - startedAt < 9000)
      await queue.upload(items.map(revoked), call())
    })

    test('a paused connector gets nothing and is told when to ask again', async () => {
      const id = first.current()?.record.connectorId ?? ''
      await service.queue('revocation')
      await service.pause(id, true)
      const terms = { maxItems: 10, waitSeconds: 0, leaseSeconds: 300 }
      const batch = await queue.download({ ...call(), ...terms })
      assert.deepEqual(batch.items, [])
      assert.ok((batch.pollAfterMs ?? 0) > 0)
      await service.pause(id, false)
      await drain()
    })

    test('only items of the CAs that a download names are lent, and those that name none', async () => {
      const caConfiguration = 'ca1.corp.example\\Corp Issuing CA'
      const ours = await service.queue('revocation', { caConfiguration })
      const any = await service.queue('revocation')
      const theirs = await service.queue('revocation', { caConfiguration: 'ca2.corp.example\\X' })
      const lent = await take(first.queue('revocation', [caConfiguration.toUpperCase()]))
      assert.deepEqual(
        lent.map(({ requestContext }) => requestContext).toSorted(),
        [ours, any].toSorted(),
      )
      const rest = await take(queue)
      assert.deepEqual(
        rest.map(({ requestContext }) => requestContext),
        [theirs],
      )
      await queue.upload([...lent, ...rest].map(revoked), call())
    })

    test('an imported PFX is recorded once, listed without its secrets, written over and removed', async () => {
      const alice = "alice.o'hara@corp.example"
      await service.recordUser(alice)
      const signal = AbortSignal.timeout(20_000)
      const { imports } = first
      assert.equal(await imports.findUserId('nobody@corp.example', signal), undefined)
      const userId = await imports.findUserId(alice.toUpperCase(), signal)
      assert.ok(userId)
      const shown = {
        thumbprint: 'a1'.repeat(20),
        userPrincipalName: alice,
        intendedPurpose: 'smimeEncryption',
        providerName: 'Microsoft Software Key Storage Provider',
        keyName: 'PFXEncryptionKey',
        paddingScheme: 'oaepSha512',
        startDateTime: new Date('2026-01-01T00:00:00Z'),
        expirationDateTime: new Date('2027-01-01T00:00:00Z'),
      }
      const record = { ...shown, encryptedPfxBlob: bytes, encryptedPfxPassword: bytes }
      assert.equal(await imports.find(userId, record.thumbprint, signal), undefined)
      await imports.add(record, signal)
      await imports.add(record, signal)
      for (const user of [undefined, alice.toUpperCase()]) {
        const listed = await imports.list(user, signal)
        assert.deepEqual(
          listed.map((one) => ({ ...one, lastModifiedDateTime: undefined })),
          [{ ...shown, lastModifiedDateTime: undefined }],
        )
      }
      assert.deepEqual(await imports.list('nobody@corp.example', signal), [])
      await imports.replace(userId, { ...record, paddingScheme: 'oaepSha256' }, signal)
      const replaced = await imports.find(userId, record.thumbprint, signal)
      assert.equal(replaced?.paddingScheme, 'oaepSha256')
      assert.deepEqual(await imports.listDeliveries?.(userId, record.thumbprint, signal), [])
      const foreign = imports.add({ ...record, userPrincipalName: 'nobody@corp.example' }, signal)
      await assert.rejects(foreign, (error) => {
        hasCode('management/bad-response', 400)(error)
        assert.match(String(error), /userPrincipalName: /)
        return true
      })
      assert.equal(await imports.remove(userId, record.thumbprint, signal), true)
      assert.equal(await imports.remove(userId, record.thumbprint, signal), false)
      const stranger = service.openClient()
      await assert.rejects(
        stranger.imports.list(undefined, signal),
        hasCode('management/unauthorized'),
      )
      await stranger.close()
    })

    test('an interval of health counts once, however often it comes', async () => {
      const id = first.current()?.record.connectorId ?? ''
      const from = new Date('2026-01-01T00:00:00Z')
      const interval = {
        metric: 'scepIssue' as const,
        from,
        to: new Date('2026-01-01T00:05:00Z'),
        successes: 3,
        failures: 1,
      }
      const report = {
        sentAt: new Date(),
        uptimeSeconds: 1,
        intervals: [interval],
        observations: [
          { name: 'store', status: 'pass' as const, detail: 'it works', at: new Date() },
        ],
        queues: { journalPending: 0, spoolPending: 0, oldestSpoolSeconds: 0 },
      }
      const answer = await first.health.report(report, call())
      assert.equal(answer.isPaused, false)
      assert.ok(answer.everyMs === undefined || answer.everyMs >= 10_000)
      await first.health.report(report, call())
      assert.equal(await service.intervalsOf(id, 'scepIssue'), 1)
    })

    for (const kind of kinds)
      test(`${kind}: a result with all its members is recorded`, async () => {
        const context = await service.queue(kind)
        const work = first.queue(kind)
        await service.advance(65)
        const terms = { maxItems: 100, waitSeconds: 0, leaseSeconds: 300 }
        const { items } = await work.download({ ...call(), ...terms })
        const end = { succeeded: true, value: values[kind] } as WorkResult<typeof kind>['end']
        const outcomes = await work.upload(
          items.map(({ requestContext, lease }) => ({ requestContext, lease, end, durationMs: 1 })),
          call(),
        )
        assert.ok(outcomes.length > 0)
        assert.ok(outcomes.every(({ outcome }) => outcome === 'recorded'))
        assert.equal(await service.stateOf(kind, context), 'succeeded')
      })

    /** Takes what is there and ends it, so that the next test finds an empty queue. */
    async function drain(): Promise<void> {
      await service.advance(65)
      for (const client of [queue, other])
        for (const items of [await take(client)])
          if (items.length > 0) await client.upload(items.map(revoked), call())
    }
  })

  describe(`${title}, and who comes and goes`, () => {
    let service: OpenServiceUnderTest
    before(async () => {
      service = await open()
    })
    after(async () => await service.close())

    test('who leaves is a stranger from then on', async () => {
      const client = service.openClient()
      await client.keepEnrolled(AbortSignal.timeout(20_000))
      await client.leave(AbortSignal.timeout(20_000))
      await assert.rejects(
        take(client.queue('revocation')),
        hasCode('management/unauthorized', 401),
      )
      await client.close()
    })

    test('a tenant has at most 100 connectors: one more is told so, and comes in when another leaves', async () => {
      const signal = AbortSignal.timeout(60_000)
      let latest = service.openClient()
      let isFull = false
      for (let number = 0; !isFull; number += 1) {
        const client = service.openClient()
        try {
          await client.keepEnrolled(signal)
          assert.ok(number < 100, 'one too many was let in')
          await latest.close()
          latest = client
        } catch (error) {
          assert.equal(number, 100)
          hasCode('management/bad-response', 409)(error)
          assert.match(String(error), /TooManyConnectors/)
          isFull = true
          await latest.leave(signal)
          assert.equal(await client.keepEnrolled(signal), 'enrolled')
          await client.close()
        }
      }
      assert.ok(isFull)
      await latest.close()
    })
  })
}
