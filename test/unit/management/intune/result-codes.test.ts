import assert from 'node:assert/strict'
import { test } from 'node:test'
import { getFailureHResult, getResultCode, RESULT_CODES } from '../../../../src/management/index.ts'

test('only Success is a success, in any case; all other codes are refusals', () => {
  assert.equal(getResultCode('sUCCESS').outcome, 'success')
  const successes = RESULT_CODES.filter((entry) => entry.outcome === 'success')
  assert.deepEqual(
    successes.map((entry) => entry.code),
    ['Success'],
  )
  for (const code of ['', ' Success', 'Success ', 'Succes', '__proto__', 'constructor']) {
    const found = getResultCode(code)
    assert.equal(found.outcome, 'refused')
    assert.equal(found.code, code)
    assert.equal(found.failInfo, 2)
  }
  assert.equal(getResultCode('challengeEXPIRED').code, 'ChallengeExpired')
})

test('failInfo is badTime for time codes and badMessageCheck for unreadable or unsigned requests', () => {
  const byFailInfo = (failInfo: number): readonly string[] =>
    RESULT_CODES.filter((entry) => entry.failInfo === failInfo).map((entry) => entry.code)
  assert.deepEqual(byFailInfo(1), ['CertificateRequestDecodingFailed', 'SignatureValidationFailed'])
  assert.deepEqual(byFailInfo(3), ['ChallengeInvalidTimestamp', 'ChallengeExpired'])
})

test('HRESULTs are signed 32-bit failures', () => {
  assert.equal(getFailureHResult('ca/unavailable'), -2147023174)
  assert.equal(getFailureHResult('internal/bug'), -2147467259)
  for (const { code, hResult } of RESULT_CODES) {
    assert.ok(code === 'Success' ? hResult === 0 : hResult < 0 && Number.isInteger(hResult))
  }
})
