import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { HRESULT, refusalFor, refusalForChallenge } from '../../../src/scep/index.ts'

suite('refusals', () => {
  const table = [
    ['scep/unsupported-algorithm', 'badAlg', HRESULT.NTE_BAD_ALGID],
    ['pki/unsupported-algorithm', 'badAlg', HRESULT.NTE_BAD_ALGID],
    ['scep/bad-signature', 'badMessageCheck', HRESULT.NTE_BAD_SIGNATURE],
    ['pki/bad-csr', 'badMessageCheck', HRESULT.NTE_BAD_SIGNATURE],
    ['scep/not-for-us', 'badMessageCheck', HRESULT.NTE_BAD_DATA],
    ['pki/malformed', 'badRequest', HRESULT.E_INVALIDARG],
    ['scep/bad-time', 'badTime', HRESULT.E_INVALIDARG],
    ['pki/weak-key', 'badRequest', HRESULT.CERTSRV_E_KEY_LENGTH],
    ['policy/not-willing', 'badRequest', HRESULT.CERTSRV_E_TEMPLATE_DENIED],
    ['challenge/refused', 'badRequest', HRESULT.E_ACCESSDENIED],
    ['ca/refused', 'badRequest', HRESULT.CERTSRV_E_ADMIN_DENIED_REQUEST],
    ['management/unavailable', 'badRequest', HRESULT.E_INVALIDARG],
    ['internal/bug', 'badRequest', HRESULT.E_INVALIDARG],
  ] as const
  for (const [code, failInfo, hResult] of table) {
    test(`REQ-162: ${code} is told as ${failInfo}`, () => {
      const refusal = refusalFor(code)
      assert.equal(refusal.failInfo, failInfo)
      assert.equal(refusal.hResult, hResult)
      assert.ok(refusal.text.length > 0)
    })
  }

  test('REQ-162: the HRESULTs are those of Windows', () => {
    const asHex = (value: number) => (value >>> 0).toString(16)
    assert.deepEqual(
      Object.values(HRESULT).map(asHex).join(' '),
      '80070057 80070005 80090005 80090006 80090008 80094001 80094012 80094014 80094811',
    )
  })

  test('what is told replaces the fixed sentence and is cut to 255 characters', () => {
    assert.equal(refusalFor('scep/bad-request', 'why').text, 'why')
    const cut = refusalFor('scep/bad-request', `${'x'.repeat(254)}\u{1f600}`).text
    assert.equal(cut.length, 255)
    assert.ok(cut.isWellFormed())
  })

  test('REQ-139, REQ-187: a refused challenge is badRequest with the name of the reason', () => {
    const { failInfo, text, hResult } = refusalForChallenge('ChallengeExpired')
    assert.deepEqual([failInfo, hResult], ['badRequest', HRESULT.E_ACCESSDENIED])
    assert.match(text, /ChallengeExpired/)
  })

  test('a reason of unexpected shape is not passed on to the device', () => {
    for (const code of ['', 'a b', 'x\n', 'x'.repeat(65), '<script>']) {
      assert.equal(refusalForChallenge(code).text, 'challenge refused: Unknown')
    }
  })
})
