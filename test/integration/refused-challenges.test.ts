import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { type Enrolment, enrolDevice } from '../../src/cli/enrolment-client/index.ts'
import { ConnectorError, Secret } from '../../src/kernel/index.ts'
import { startTestConnector, type TestConnector } from '../support/running-connector.ts'

const clientAuth = '1.3.6.1.5.5.7.3.2'
const emailProtection = '1.3.6.1.5.5.7.3.4'

/** A request as the device makes it, and the terms of the challenge that it was given. */
interface Story {
  readonly code: string
  readonly terms?: Readonly<Record<string, unknown>>
  readonly device?: Partial<Enrolment>
  /** Something in the world that changes between challenge and request. */
  readonly meanwhile?: (running: TestConnector) => Promise<unknown>
  /** What the device sends instead of its challenge. */
  readonly send?: (challenge: string) => Secret | undefined
}

const registeredUser = randomUUID()
const now = Date.now()
const minutesFromNow = (minutes: number): string => new Date(now + minutes * 60_000).toISOString()

const stories: readonly Story[] = [
  { code: 'ChallengePasswordMissing', send: () => undefined },
  { code: 'ChallengeDecodingError', send: () => new Secret('abc') },
  { code: 'SignatureValidationFailed', terms: { defect: 'signature' } },
  { code: 'ChallengeDecryptionError', terms: { defect: 'recipient' } },
  { code: 'ChallengeDeserializationError', terms: { defect: 'content' } },
  { code: 'SigningCertThumbprintMismatch', terms: { defect: 'signer' } },
  { code: 'BadTenantIdInChallenge', terms: { tenantId: randomUUID() } },
  { code: 'BadCertificateRequestIdInChallenge', terms: { certificateRequestId: 'not-a-guid' } },
  { code: 'BadDeviceIdInChallenge', terms: { deviceId: 'not-a-guid' } },
  { code: 'BadUserIdInChallenge', terms: { userId: 'not-a-guid' } },
  { code: 'ChallengeInvalidTimestamp', terms: { createdUtc: minutesFromNow(600) } },
  {
    code: 'ChallengeExpired',
    terms: { createdUtc: minutesFromNow(-90), expiresUtc: minutesFromNow(-30) },
  },
  { code: 'SubjectNameMismatch', terms: { subject: 'CN=somebody-else' } },
  { code: 'SubjectAltNameMissing', terms: { sans: [{ type: 'dns', value: 'a.example' }] } },
  {
    code: 'SubjectAltNameMismatch',
    terms: { sans: [{ type: 'dns', value: 'a.example' }] },
    device: { sans: [{ kind: 'dns', value: 'b.example' }] },
  },
  { code: 'KeyLengthMismatch', terms: { keyLength: 4096 } },
  {
    code: 'KeyUsageMismatch',
    terms: { keyUsage: ['digitalSignature'] },
    device: { keyUsage: ['keyEncipherment'] },
  },
  {
    code: 'ScepProfileNoLongerTargetedToTheClient',
    terms: { profileId: 'unassigned' },
    meanwhile: (running) =>
      running.control('PUT', '/control/targeting', { profileId: 'unassigned', targeted: false }),
  },
  { code: 'AadKeyIdentifierListMissing', terms: { requiresRegisteredKey: true } },
  {
    code: 'RegisteredKeyMismatch',
    terms: { requiresRegisteredKey: true, userId: registeredUser },
    meanwhile: (running) =>
      running.control('PUT', '/control/registered-keys', {
        userId: registeredUser,
        keyIds: ['0'.repeat(64)],
      }),
  },
  { code: 'SubjectNameMissing', terms: { subject: 'CN=device' }, device: { subject: '' } },
  { code: 'EnhancedKeyUsageMissing', terms: { ekus: [clientAuth] }, device: { ekus: [] } },
  {
    code: 'EnhancedKeyUsageMismatch',
    terms: { ekus: [clientAuth] },
    device: { ekus: [emailProtection] },
  },
]

describe('a challenge that Intune does not accept', () => {
  let running: TestConnector
  before(async () => {
    running = await startTestConnector()
  })
  after(() => running.remove())

  for (const story of stories) {
    test(`REQ-139, REQ-187: ${story.code}: the device is refused, and nothing is issued`, async () => {
      const challenge = await running.challenge(story.terms)
      await story.meanwhile?.(running)
      const transactionId = randomUUID()
      await assert.rejects(
        enrolDevice({
          url: running.scepUrl(),
          subject: 'CN=device',
          ...story.device,
          transactionId,
          challenge: story.send === undefined ? new Secret(challenge) : story.send(challenge),
        }),
        (error) =>
          error instanceof ConnectorError &&
          error.code === 'scep/bad-request' &&
          error.message.includes(story.code),
      )
      await assertOnlyRefused(running, transactionId, story.code)
    })
  }

  for (const code of ['Unknown', 'SomethingIntuneInventsTomorrow']) {
    test(`REQ-187: ${code}, said by the service out of nowhere, refuses too`, async () => {
      await running.control('POST', '/control/verdicts', { code, times: 1 })
      const transactionId = randomUUID()
      await assert.rejects(
        enrolDevice({
          url: running.scepUrl(),
          subject: 'CN=device',
          transactionId,
          challenge: new Secret(await running.challenge()),
        }),
        { code: 'scep/bad-request' },
      )
      await assertOnlyRefused(running, transactionId, code)
    })
  }

  test('a challenge that the clock has overtaken is refused', async () => {
    const challenge = await running.challenge()
    await running.control('POST', '/control/clock', { advanceMinutes: 61 })
    const transactionId = randomUUID()
    await assert.rejects(
      enrolDevice({
        url: running.scepUrl(),
        subject: 'CN=device',
        transactionId,
        challenge: new Secret(challenge),
      }),
      /ChallengeExpired/,
    )
    await assertOnlyRefused(running, transactionId, 'ChallengeExpired')
  })

  test('Intune was told of none of them', async () => {
    const { value } = (await running.control('GET', '/control/notifications')) as {
      value: unknown[]
    }
    assert.deepEqual(value, [])
  })

  test('a wrong static challenge is refused without a word to Intune', async () => {
    const transactionId = randomUUID()
    await assert.rejects(
      enrolDevice({
        url: running.scepUrl('static'),
        subject: 'CN=device',
        transactionId,
        challenge: new Secret('Secret'),
      }),
      /ChallengeMismatch/,
    )
    await assertOnlyRefused(running, transactionId, 'ChallengeMismatch')
  })
})

/** 4003, 4005, 4001 and nothing else; the register holds the refusal and no certificate. */
async function assertOnlyRefused(
  running: TestConnector,
  transactionId: string,
  code: string,
): Promise<void> {
  const found = await running.events({ transactionId })
  assert.deepEqual(
    found.map(({ eventId }) => eventId),
    [4003, 4005, 4001],
  )
  assert.equal(found[1]?.errorCode, code)
  const status = await fetch(`${running.connector.adminUrl}/api/status`)
  const { recent } = (await status.json()) as {
    recent: { transactionId: string; outcome: string; serialHex?: string }[]
  }
  const mine = recent.filter((entry) => entry.transactionId === transactionId)
  assert.deepEqual(
    mine.map(({ outcome, serialHex }) => ({ outcome, serialHex })),
    [{ outcome: `refused: ${code}`, serialHex: undefined }],
  )
}
