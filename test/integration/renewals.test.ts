import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createDeviceKeys, enrolDevice } from '../../src/cli/enrolment-client/index.ts'
import { Secret } from '../../src/kernel/index.ts'
import { assertFailsWith } from '../support/assert-fails-with.ts'
import { startTestConnector, type TestConnector } from '../support/running-connector.ts'

describe('a certificate is renewed with RenewalReq', () => {
  let running: TestConnector
  before(async () => {
    running = await startTestConnector((configuration) => ({
      ...configuration,
      profiles: configuration.profiles.map((profile) =>
        profile.name === 'legacy'
          ? { ...profile, allowCertificateOnlyRenewal: true, renewalWindowDays: 3650 }
          : profile,
      ),
    }))
  })
  after(() => running.remove())

  const subject = 'CN=renewing-device'

  async function renew(profile: string, challenge: string | undefined, issuedBy = 'static') {
    const url = running.scepUrl(profile)
    const keys = await createDeviceKeys({ key: 'rsa2048' })
    const secret = new Secret('secret')
    const first = await enrolDevice({
      url: running.scepUrl(issuedBy),
      subject,
      keys,
      challenge: secret,
    })
    return await enrolDevice({
      url,
      subject,
      renew: { certificateDer: first.certificate.der, privateKey: keys.privateKey },
      challenge: challenge === undefined ? undefined : new Secret(challenge),
    })
  }

  test('REQ-133: with a challenge that is accepted', async () => {
    const renewed = await renew('static', 'secret')
    assert.equal(renewed.certificate.subject, subject)
  })

  for (const profile of ['static', 'default']) {
    test(`REQ-136: without one, ${profile} refuses: the old certificate alone opens nothing`, async () => {
      const refusal = await assertFailsWith(renew(profile, undefined), 'scep/bad-request')
      assert.match(refusal.message, /challenge refused/)
    })
  }

  test('REQ-137: without one it is served where the profile lets the old certificate speak', async () => {
    const renewed = await renew('legacy', undefined, 'legacy')
    assert.equal(renewed.certificate.subject, subject)
    const refusal = await assertFailsWith(renew('legacy', 'wrong', 'legacy'), 'scep/bad-request')
    assert.match(refusal.message, /challenge refused/)
  })

  test('REQ-137: but not a certificate that another profile of the same CA gave out', async () => {
    const refusal = await assertFailsWith(renew('legacy', undefined, 'static'), 'scep/bad-request')
    assert.match(refusal.message, /another profile/)
  })

  test('REQ-136: with a wrong one it is refused', async () => {
    const refusal = await assertFailsWith(renew('static', 'wrong'), 'scep/bad-request')
    assert.match(refusal.message, /challenge refused/)
  })
})
