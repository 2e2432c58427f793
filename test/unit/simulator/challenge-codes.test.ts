import assert from 'node:assert/strict'
import { createHash, createPublicKey } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import * as asn1js from 'asn1js'
import * as pkijs from 'pkijs'
import { type CsrOrder, dnsName, encodeCsr, ipName, upnName } from './csr-maker.ts'
import { pick, textAt, WireClient } from './wire-client.ts'

const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
const otherTenant = '11111111-2222-4333-8444-555555555555'

let wire: WireClient

before(async () => {
  wire = await WireClient.start()
})
after(async () => {
  await wire[Symbol.asyncDispose]()
})

/** Mints, builds the CSR, asks. */
async function codeFor(order: object, csr: CsrOrder): Promise<string> {
  const challenge = await wire.mint(order)
  const { status, json } = await wire.validate(await encodeCsr({ challenge, ...csr }))
  assert.equal(status, 200)
  return textAt(json, 'code')
}

/** What a profile expects and a CSR that fulfils all of it. */
const profile = {
  subject: 'CN=device-1',
  sans: [
    { type: 'dns', value: 'device-1.example' },
    { type: 'upn', value: 'ada@example' },
    { type: 'ip', value: '2001:db8::1' },
  ],
  ekus: [CLIENT_AUTH],
  keyUsage: ['digitalSignature', 'keyEncipherment'],
  keyLength: 2048,
}
const fulfilling: CsrOrder = {
  commonName: 'device-1',
  sans: [
    ipName(0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
    upnName('ada@example'),
    dnsName('device-1.example'),
  ],
  ekus: [CLIENT_AUTH],
  keyUsage: 0xa0,
}

describe('every code of chapter 3.5 has a real cause (check 68)', () => {
  test('a CSR that fulfils the whole profile is accepted', async () => {
    assert.equal(await codeFor(profile, fulfilling), 'Success')
  })

  test('a SAN in an extension request of its own is compared as well', async () => {
    assert.equal(await codeFor(profile, { ...fulfilling, isSplit: true }), 'Success')
  })

  test('members that are not given are not compared', async () => {
    assert.equal(await codeFor({}, { commonName: 'anything' }), 'Success')
  })

  test('the same challenge is accepted twice', async () => {
    const csr = await encodeCsr({ challenge: await wire.mint() })
    assert.equal(pick((await wire.validate(csr)).json, 'code'), 'Success')
    assert.equal(pick((await wire.validate(csr)).json, 'code'), 'Success')
  })

  for (const [title, garbage] of [
    ['text that is not base64', '***'],
    ['base64 that is no PKCS #10', 'Q1NS'],
    ['PEM armour', '-----BEGIN CERTIFICATE REQUEST-----'],
  ] as const) {
    test(`${title} is CertificateRequestDecodingFailed`, async () => {
      const { json } = await wire.validate(garbage)
      assert.equal(pick(json, 'code'), 'CertificateRequestDecodingFailed')
    })
  }

  test('a SAN that cannot be read is CertificateRequestDecodingFailed, not absent', async () => {
    const sans = [new asn1js.Integer({ value: 7 })]
    assert.equal(await codeFor({}, { sans }), 'CertificateRequestDecodingFailed')
  })

  test('a CSR without the attribute is ChallengePasswordMissing', async () => {
    const { json } = await wire.validate(await encodeCsr({ commonName: 'device-1' }))
    assert.equal(pick(json, 'code'), 'ChallengePasswordMissing')
  })

  test('a challenge that is base64 of something else is ChallengeDecodingError', async () => {
    const csr = await encodeCsr({ challenge: Buffer.from('no CMS at all').toString('base64') })
    assert.equal(pick((await wire.validate(csr)).json, 'code'), 'ChallengeDecodingError')
  })

  for (const [defect, code] of [
    ['encoding', 'ChallengeDecodingError'],
    ['signature', 'SignatureValidationFailed'],
    ['recipient', 'ChallengeDecryptionError'],
    ['content', 'ChallengeDeserializationError'],
    ['signer', 'SigningCertThumbprintMismatch'],
  ] as const) {
    test(`a challenge with a wrong ${defect} is ${code}`, async () => {
      assert.equal(await codeFor({ defect }, {}), code)
    })
  }

  test('one flipped bit of the signed envelope is SignatureValidationFailed', async () => {
    const octets = Buffer.from(await wire.mint(), 'base64')
    // The middle of the structure lies in the content, well before certificate and signature.
    const middle = 400
    octets[middle] = (octets[middle] ?? 0) ^ 0x10
    const csr = await encodeCsr({ challenge: octets.toString('base64') })
    assert.equal(pick((await wire.validate(csr)).json, 'code'), 'SignatureValidationFailed')
  })

  test('a challenge of another simulator is refused: it was encrypted to a key not ours', async () => {
    await using other = await WireClient.start()
    const csr = await encodeCsr({ challenge: await other.mint() })
    assert.equal(pick((await wire.validate(csr)).json, 'code'), 'ChallengeDecryptionError')
  })

  for (const [member, value, code] of [
    ['tenantId', otherTenant, 'BadTenantIdInChallenge'],
    ['certificateRequestId', '42', 'BadCertificateRequestIdInChallenge'],
    ['deviceId', 'device', 'BadDeviceIdInChallenge'],
    ['userId', 'ada', 'BadUserIdInChallenge'],
    ['createdUtc', '2999-01-01T00:00:00Z', 'ChallengeInvalidTimestamp'],
    ['createdUtc', null, 'ChallengeInvalidTimestamp'],
    ['expiresUtc', '2001-01-01T00:00:00Z', 'ChallengeInvalidTimestamp'],
    ['expiresUtc', 'soon', 'ChallengeInvalidTimestamp'],
  ] as const) {
    test(`${member} ${value} is ${code}`, async () => {
      assert.equal(await codeFor({ [member]: value }, {}), code)
    })
  }

  for (const [title, change, code] of [
    ['no subject', { commonName: undefined }, 'SubjectNameMissing'],
    ['another subject', { commonName: 'device-2' }, 'SubjectNameMismatch'],
    ['the subject in other case', { commonName: 'Device-1' }, 'SubjectNameMismatch'],
    ['no SAN', { sans: undefined }, 'SubjectAltNameMissing'],
    ['a SAN too few', { sans: [dnsName('device-1.example')] }, 'SubjectAltNameMismatch'],
    [
      'a SAN too many',
      { sans: [...(fulfilling.sans ?? []), dnsName('more.example')] },
      'SubjectAltNameMismatch',
    ],
    ['a short key', { keyBits: 1024 }, 'KeyLengthMismatch'],
    ['another key usage', { keyUsage: 0x80 }, 'KeyUsageMismatch'],
    ['no key usage', { keyUsage: undefined }, 'KeyUsageMismatch'],
    ['no extended key usage', { ekus: undefined }, 'EnhancedKeyUsageMissing'],
    ['another purpose', { ekus: [CLIENT_AUTH, SERVER_AUTH] }, 'EnhancedKeyUsageMismatch'],
  ] as const) {
    test(`${title} is ${code}`, async () => {
      const changed = Object.entries({ ...fulfilling, ...change }).filter(([, value]) => value)
      assert.equal(await codeFor(profile, Object.fromEntries(changed)), code)
    })
  }

  test('a subject where none is expected is SubjectNameMismatch', async () => {
    assert.equal(await codeFor({ subject: '' }, { commonName: 'device-1' }), 'SubjectNameMismatch')
  })

  test('a profile that was unassigned is ScepProfileNoLongerTargetedToTheClient', async () => {
    const order = { profileId: 'laptops' }
    await wire.control('PUT', 'targeting', { ...order, targeted: false })
    assert.equal(await codeFor(order, {}), 'ScepProfileNoLongerTargetedToTheClient')
    await wire.control('PUT', 'targeting', { ...order, targeted: true })
    assert.equal(await codeFor(order, {}), 'Success')
  })

  test('a device that left is ScepProfileNoLongerTargetedToTheClient', async () => {
    const order = { deviceId: '0d0d0d0d-0000-4000-8000-000000000001' }
    await wire.control('PUT', 'targeting', { ...order, targeted: false })
    assert.equal(await codeFor(order, {}), 'ScepProfileNoLongerTargetedToTheClient')
  })

  test('a key that must be registered: no list, another key, the right key', async () => {
    const userId = '0e0e0e0e-0000-4000-8000-000000000001'
    const order = { userId, requiresRegisteredKey: true }
    assert.equal(await codeFor(order, {}), 'AadKeyIdentifierListMissing')
    await wire.control('PUT', 'registered-keys', { userId, keyIds: ['0'.repeat(64)] })
    assert.equal(await codeFor(order, {}), 'RegisteredKeyMismatch')
    const parsed = pkijs.CertificationRequest.fromBER(Buffer.from(await encodeCsr({}), 'base64'))
    const spki = Buffer.from(parsed.subjectPublicKeyInfo.toSchema().toBER())
    const key = createPublicKey({ key: spki, format: 'der', type: 'spki' })
    const der = key.export({ format: 'der', type: 'spki' })
    const keyIds = [createHash('sha256').update(der).digest('hex')]
    await wire.control('PUT', 'registered-keys', { userId, keyIds })
    assert.equal(await codeFor(order, {}), 'Success')
  })

  test('Unknown, and codes that no list has, can be dictated for a number of calls', async () => {
    const csr = await encodeCsr({ challenge: await wire.mint() })
    await wire.control('POST', 'verdicts', { code: 'Unknown' })
    await wire.control('POST', 'verdicts', { code: 'NeverHeardOf', times: 2 })
    const codes: unknown[] = []
    for (let call = 0; call < 4; call++) codes.push(pick((await wire.validate(csr)).json, 'code'))
    assert.deepEqual(codes, ['Unknown', 'NeverHeardOf', 'NeverHeardOf', 'Success'])
  })

  test('check 63: an expired challenge says interval, expiration and creation', async () => {
    const challenge = await wire.mint({ validMinutes: 60 })
    await wire.control('POST', 'clock', { advanceMinutes: 61 })
    const { json } = await wire.validate(await encodeCsr({ challenge }))
    await wire.control('POST', 'clock', { advanceMinutes: -61 })
    assert.equal(pick(json, 'code'), 'ChallengeExpired')
    const times =
      /challengeExpInterval=60, challengeExpiration=(.+), challengeCreation=(.+)\.$/.exec(
        textAt(json, 'errorDescription'),
      )
    assert.equal(Date.parse(times?.[1] ?? '') - Date.parse(times?.[2] ?? ''), 60 * 60_000)
  })

  test('check 62: a refusal is HTTP 200 with context, code and description', async () => {
    const { status, json } = await wire.validate('Q1NS')
    assert.equal(status, 200)
    assert.match(textAt(json, '@odata.context'), /scepActionResult$/)
    assert.notEqual(pick(json, 'errorDescription'), '')
  })
})
