import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ConnectorError } from '../../src/kernel/index.ts'
import type {
  ChallengeToValidate,
  ManagementHealth,
  ScepNotification,
  ScepNotifier,
  ScepValidator,
} from '../../src/management/index.ts'

/** The three things that a management service is asked. */
export type ManagementAction = 'validate' | 'success' | 'failure'

/** Ways in which a service fails to answer properly. */
export type Outage = 'silent' | 'reset' | 'overloaded' | 'broken'

/** One pair of ports with a service behind it that the suite can steer. */
export interface ManagementUnderTest extends AsyncDisposable {
  readonly validator: ScepValidator
  readonly notifier: ScepNotifier
  readonly health: ManagementHealth
  /** A fresh request that the service accepts. */
  makeRequest(): Promise<ChallengeToValidate>
  /** The next calls of this action answer this code, whatever they contain. */
  dictate(action: ManagementAction, code: string): Promise<void>
  /** The action fails this way until `repair`. `retryAfterSeconds` goes out with `overloaded`. */
  interrupt(action: ManagementAction, outage: Outage, retryAfterSeconds?: number): Promise<void>
  /** The action answers, but not in a form that can be read. */
  garble(action: ManagementAction, how: 'html' | 'empty'): Promise<void>
  /** The service no longer accepts our credentials for this action. */
  revokeAccess(action: ManagementAction): Promise<void>
  repair(): Promise<void>
  /** What the service was told so far. */
  notifications(): Promise<readonly { readonly kind: string; readonly transactionId: string }[]>
}

const ACTIVITY = '0f0f0f0f-1111-4222-8333-444444444444'
const never = new AbortController().signal
const notifications: readonly ('success' | 'failure')[] = ['success', 'failure']

/**
 * What every ScepValidator and ScepNotifier pair promises, whoever manages.
 *
 * @param codes every reason for a refusal that the service can name
 */
export function checkManagement(
  title: string,
  open: () => Promise<ManagementUnderTest>,
  codes: readonly string[],
): void {
  describe(title, () => {
    test('a valid challenge is accepted', async () => {
      await using service = await open()
      const verdict = await service.validator.validate(await service.makeRequest(), never)
      assert.equal(verdict.kind, 'accepted')
    })

    test('a challenge of nobody is refused', async () => {
      await using service = await open()
      const request = await service.makeRequest()
      const verdict = await service.validator.validate({ ...request, challenge: undefined }, never)
      assert.equal(verdict.kind, 'refused')
    })

    test('every code but a clear yes is a refusal that names it, also one nobody knows', async () => {
      await using service = await open()
      const request = await service.makeRequest()
      for (const code of [...codes, 'NobodyKnowsThisCode']) {
        await service.dictate('validate', code)
        const verdict = await service.validator.validate(request, never)
        assert.equal(verdict.kind === 'refused' && verdict.code, code)
      }
      assert.equal((await service.validator.validate(request, never)).kind, 'accepted')
    })

    for (const outage of ['silent', 'reset', 'overloaded', 'broken'] as const) {
      test(`a service that is ${outage} is unavailable, for a time`, async () => {
        await using service = await open()
        const request = await service.makeRequest()
        await service.interrupt('validate', outage)
        const thrown = await failureOf(service.validator.validate(request, never))
        assert.equal(thrown.code, 'management/unavailable')
        assert.equal(thrown.isTransient, true)
        assert.ok(thrown.activityId)
        await service.repair()
        assert.equal((await service.validator.validate(request, never)).kind, 'accepted')
      })
    }

    test('how long an overloaded service wants to be left alone is passed on', async () => {
      await using service = await open()
      await service.interrupt('success', 'overloaded', 120)
      const told = service.notifier.notify(await outcomeOf(service, 'success'), ACTIVITY, never)
      assert.equal((await failureOf(told)).retryAfterMs, 120_000)
    })

    for (const how of ['html', 'empty'] as const) {
      test(`an answer that is ${how} is never a yes`, async () => {
        await using service = await open()
        const request = await service.makeRequest()
        await service.garble('validate', how)
        const thrown = await failureOf(service.validator.validate(request, never))
        assert.match(thrown.code, /^management\/(bad-response|unavailable)$/)
      })
    }

    test('a service that does not accept us is unauthorized, and no time heals it', async () => {
      await using service = await open()
      const request = await service.makeRequest()
      await service.revokeAccess('validate')
      const thrown = await failureOf(service.validator.validate(request, never))
      assert.equal(thrown.code, 'management/unauthorized')
      assert.equal(thrown.isTransient, false)
    })

    for (const kind of notifications) {
      test(`a ${kind} notification arrives, and may be repeated`, async () => {
        await using service = await open()
        const outcome = await outcomeOf(service, kind)
        await service.notifier.notify(outcome, ACTIVITY, never)
        await service.notifier.notify(outcome, ACTIVITY, never)
        const seen = (await service.notifications()).filter(
          (one) => one.kind === kind && one.transactionId === outcome.transactionId,
        )
        assert.ok(seen.length >= 1)
      })

      test(`a ${kind} notification that is answered no is a bad response`, async () => {
        await using service = await open()
        const outcome = await outcomeOf(service, kind)
        await service.dictate(kind, 'NobodyKnowsThisCode')
        const thrown = await failureOf(service.notifier.notify(outcome, ACTIVITY, never))
        assert.equal(thrown.code, 'management/bad-response')
      })

      test(`a ${kind} notification that fails is left to the courier`, async () => {
        await using service = await open()
        const outcome = await outcomeOf(service, kind)
        await service.interrupt(kind, 'broken')
        const thrown = await failureOf(service.notifier.notify(outcome, ACTIVITY, never))
        assert.equal(thrown.code, 'management/unavailable')
        assert.equal(thrown.isTransient, true)
      })
    }

    test('a caller who gave up is told so', async () => {
      await using service = await open()
      const request = await service.makeRequest()
      const thrown = await failureOf(service.validator.validate(request, AbortSignal.abort()))
      assert.equal(thrown.code, 'management/unavailable')
    })

    test('health is good when the service can be reached', async () => {
      await using service = await open()
      assert.equal((await service.health.check(never)).ok, true)
    })
  })
}

async function failureOf(work: Promise<unknown>): Promise<ConnectorError> {
  const thrown: unknown = await work.then(
    () => assert.fail('nothing was thrown'),
    (cause: unknown) => cause,
  )
  assert.ok(thrown instanceof ConnectorError)
  return thrown
}

async function outcomeOf(
  service: ManagementUnderTest,
  kind: 'success' | 'failure',
): Promise<ScepNotification> {
  const { transactionId, csrDer } = await service.makeRequest()
  if (kind === 'failure') {
    return { kind, transactionId, csrDer, hResult: 0x80004005, errorDescription: 'it failed' }
  }
  return {
    kind,
    transactionId,
    csrDer,
    thumbprintHex: '00112233445566778899AABBCCDDEEFF00112233',
    serialHex: '01AB',
    notAfter: new Date('2027-01-02T03:04:05Z'),
    issuer: 'CN=Ausstellende Zürich',
    certificateAuthority: 'Ausstellende Zürich',
    caConfiguration: 'connector-ca/default',
  }
}
