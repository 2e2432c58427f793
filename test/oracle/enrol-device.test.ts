import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import {
  createDeviceKeys,
  type Enrolment,
  type EnrolmentStep,
  encodeDistinguishedName,
  enrolDevice,
  fingerprintsOf,
  type HttpFetch,
} from '../../src/cli/enrolment-client/index.ts'
import { ConnectorError, describeError, Secret } from '../../src/kernel/index.ts'
import type { Reply } from '../../src/scep/index.ts'
import {
  createScepServer,
  createTestAuthority,
  MADE_AT,
  type ServerHabits,
} from '../support/scep-messages/index.ts'

const authority = createTestAuthority()
const otherAuthority = createTestAuthority()
const keys = await createDeviceKeys({ key: 'rsa2048' })
const SECRET = 'marked-secret-7c1f'

test('a device enrols, checks its certificate, and tells each step once', async () => {
  const steps: EnrolmentStep[] = []
  const { device, seen } = await enrol({}, { onStep: (step) => steps.push(step) })
  assert.deepEqual(
    steps.map((step) => step.name),
    ['capabilities', 'ca-certificates', 'device-key', 'request', 'reply', 'certificate'],
  )
  assert.deepEqual(
    seen.map((call) => `${call.method} ${call.operation}`),
    ['GET GetCACaps', 'GET GetCACert', 'POST PKIOperation'],
  )
  const { request } = seen[2] ?? {}
  assert.equal(request?.csr.challengePassword, SECRET)
  assert.equal(request?.frame.digest, 'sha512')
  assert.equal(request?.frame.cipher, 'aes-128-cbc')
  assert.equal(request?.frame.transactionId, device.transactionId)
  assert.ok(device.certificate.x509.checkPrivateKey(keys.privateKey))
  assert.equal(device.sha1Hex, fingerprintsOf(device.certificate.der).sha1Hex)
  const [leaf = '', ...issuers] = device.chainPem.split(/(?<=-----END CERTIFICATE-----\n)/)
  assert.equal(new X509Certificate(leaf).fingerprint256, device.certificate.x509.fingerprint256)
  assert.equal(issuers.length, 2)
})

test('the challenge shows in no step and in no error', async () => {
  const steps: EnrolmentStep[] = []
  await enrol({}, { onStep: (step) => steps.push(step) })
  assert.equal(JSON.stringify(steps).includes(SECRET), false)
  const answer = () => failure('no')
  await assert.rejects(enrol({ answer }), (error) => !describeError(error).includes(SECRET))
})

test('a server without POST is asked by GET, with Triple DES and SHA-512', async () => {
  const { seen } = await enrol({ capabilities: ['Renewal', 'SHA-512', 'SHA-256', 'SHA-1', 'DES3'] })
  assert.equal(seen[2]?.method, 'GET')
  assert.equal(seen[2]?.request?.frame.cipher, 'des-ede3-cbc')
  assert.equal(seen[2]?.request?.frame.digest, 'sha512')
})

for (const key of ['p256', 'p384', 'ed25519'] as const) {
  test(`a ${key} device key enrols with an RSA signer beside it`, async () => {
    const deviceKeys = await createDeviceKeys({ key })
    const { device, seen } = await enrol({}, { keys: deviceKeys })
    assert.equal(seen[2]?.request?.signer.hasCsrKey, false)
    assert.ok(device.certificate.x509.checkPrivateKey(deviceKeys.privateKey))
  })
}

test('a certificate renews itself with RenewalReq, a new key and no challenge', async () => {
  const { device: first } = await enrol({})
  const renew = { certificateDer: first.certificate.der, privateKey: keys.privateKey }
  const fresh = await createDeviceKeys({ key: 'rsa2048' })
  const { device, seen } = await enrol({}, { renew, keys: fresh, challenge: undefined })
  const { request } = seen[2] ?? {}
  assert.equal(request?.messageType, 'RenewalReq')
  assert.equal(request?.signer.isSelfSigned, false)
  assert.equal(request?.signer.sha256Hex, first.sha256Hex)
  assert.equal(request?.csr.challengePassword, undefined)
  assert.notEqual(device.certificate.serialHex, first.certificate.serialHex)
})

test('a renewal with the key of another certificate is refused before anything is sent', async () => {
  const { device } = await enrol({})
  const other = await createDeviceKeys({ key: 'rsa2048' })
  const renew = { certificateDer: device.certificate.der, privateKey: other.privateKey }
  await rejects({}, { renew }, 'config/invalid', /does not belong/)
})

test('a FAILURE is an error with failInfo, the text of the server and a next step', async () => {
  const answer = () => failure('challenge refused: ChallengeExpired')
  await rejects({ answer }, {}, 'scep/bad-request', /badRequest.*ChallengeExpired.*check challenge/)
})

test('a PENDING is an error that may pass', async () => {
  const answer = (): Reply => ({ status: 'PENDING' })
  const error = await rejects({ answer }, {}, 'ca/unavailable', /PENDING/)
  assert.equal(error.isTransient, true)
})

test('one that may wait sends the same request, with a nonce of its own, until it has an answer', async () => {
  const steps: EnrolmentStep[] = []
  let asked = 0
  const answer: ServerHabits['answer'] = (_request, issue) => {
    asked += 1
    return asked < 3 ? { status: 'PENDING' } : success(issue({}))
  }
  const { device, seen } = await enrol(
    { answer },
    { waitMs: 60_000, pauseMs: 1, onStep: (step) => steps.push(step) },
  )
  const requests = seen.flatMap(({ request }) => (request === undefined ? [] : [request]))
  assert.equal(requests.length, 3)
  const distinct = (of: (request: (typeof requests)[number]) => string): number =>
    new Set(requests.map(of)).size
  assert.equal(
    distinct(({ frame }) => frame.transactionId),
    1,
  )
  assert.equal(
    distinct(({ csr }) => Buffer.from(csr.der).toString('hex')),
    1,
  )
  assert.equal(
    distinct(({ frame }) => Buffer.from(frame.senderNonce ?? '').toString('hex')),
    3,
  )
  assert.ok(device.certificate.x509.checkPrivateKey(keys.privateKey))
  assert.deepEqual(steps.map((step) => step.name).slice(3), [
    'request',
    'reply',
    'reply',
    'certificate',
  ])
})

const refusals: readonly (readonly [
  title: string,
  code: string,
  message: RegExp,
  habits: ServerHabits,
])[] = [
  [
    'a certificate with another subject',
    'scep/bad-request',
    /asked for/,
    {
      answer: (_request, issue) =>
        success(issue({ subjectDer: encodeDistinguishedName('CN=admin') })),
    },
  ],
  [
    'a certificate with the subject in another string type',
    'scep/bad-request',
    /asked for/,
    {
      answer: ({ csr }, issue) =>
        success(
          issue({
            subjectDer: Buffer.from(
              Buffer.from(csr.subjectDer).toString('latin1').replaceAll('\x0c', '\x13'),
              'latin1',
            ),
          }),
        ),
    },
  ],
  [
    'a certificate without the names',
    'scep/bad-request',
    /subjectAltName/,
    {
      answer: (_request, issue) => success(issue({ omitSan: true })),
    },
  ],
  [
    'a certificate for another key',
    'scep/bad-request',
    /our key/,
    {
      answer: (_request, issue) =>
        success(issue({ spkiDer: authority.ra.publicKey.export({ type: 'spki', format: 'der' }) })),
    },
  ],
  [
    'a certificate signed by another CA of the same name',
    'scep/bad-signature',
    /issuer/,
    {
      answer: (_request, issue) => success(issue({ issuer: otherAuthority })),
    },
  ],
  [
    'the CA certificate in front of ours',
    'scep/bad-request',
    /first/,
    {
      answer: (_request, issue) => success(authority.issuing.certificateDer, [issue()]),
    },
  ],
]

for (const [title, code, message, habits] of refusals) {
  test(`the client refuses ${title}`, async () => {
    await rejects({ ...habits, rules: { replyChain: 'full' } }, {}, code, message)
  })
}

test('a trusted root is checked by its fingerprint', async () => {
  const rootFingerprintHex = fingerprintsOf(authority.root.certificateDer).sha1Hex
  await enrol({}, { rootFingerprintHex })
  const other = fingerprintsOf(otherAuthority.root.certificateDer).sha1Hex
  await rejects({}, { rootFingerprintHex: other }, 'scep/bad-signature', /expected/)
})

const http: readonly (readonly [
  title: string,
  message: RegExp,
  isTransient: boolean,
  habits: ServerHabits,
])[] = [
  [
    'HTTP 404',
    /GetCACaps: HTTP 404.*no such profile/,
    false,
    { http: { GetCACaps: { status: 404, type: 'text/plain', body: 'no such profile' } } },
  ],
  [
    'HTTP 503',
    /HTTP 503/,
    true,
    { http: { PKIOperation: { status: 503, type: 'text/plain', body: 'busy' } } },
  ],
  [
    'an HTML page',
    /text\/html/,
    false,
    { http: { PKIOperation: { status: 200, type: 'text/html; charset=utf-8', body: '<html>' } } },
  ],
  [
    'an empty body',
    /no octets/,
    false,
    { http: { GetCACert: { status: 200, type: 'text/plain', body: '' } } },
  ],
  ['a broken connection', /no answer.*running/, true, { breaksAt: 'GetCACert' }],
]

for (const [title, message, isTransient, habits] of http) {
  test(`${title} says what to check`, async () => {
    const error = await rejects(habits, {}, 'scep/unavailable', message)
    assert.equal(error.isTransient, isTransient)
  })
}

test('an answer without end is given up after a mebibyte', async () => {
  let pieces = 0
  async function* endless() {
    for (;;) {
      pieces += 1
      yield new Uint8Array(65_536)
    }
  }
  const fetch: HttpFetch = () =>
    Promise.resolve({
      status: 200,
      headers: { get: () => 'text/plain' },
      body: endless(),
      arrayBuffer: () => assert.fail('it was read as a whole'),
    })
  await rejects({}, { fetch }, 'scep/unavailable', /more than 1048576 octets/)
  assert.equal(pieces, 17)
})

async function enrol(habits: ServerHabits, changes: Partial<Enrolment> = {}) {
  const { fetch, seen } = createScepServer(authority, MADE_AT, habits)
  const device = await enrolDevice({
    url: 'http://127.0.0.1:1/scep/test',
    subject: 'CN=device é,O=Contoso',
    sans: [
      { kind: 'dns', value: 'device.test' },
      { kind: 'upn', value: 'anna@contoso.test' },
    ],
    ekus: ['clientAuth'],
    keyUsage: ['digitalSignature'],
    challenge: new Secret(SECRET),
    keys,
    fetch,
    now: () => MADE_AT,
    ...changes,
  })
  return { device, seen }
}

async function rejects(
  habits: ServerHabits,
  changes: Partial<Enrolment>,
  code: string,
  message: RegExp,
): Promise<ConnectorError> {
  const error: unknown = await enrol(habits, changes).then(
    () => assert.fail('it enrolled'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof ConnectorError, String(error))
  assert.equal(error.code, code, error.message)
  assert.match(error.message, message)
  return error
}

function success(certificateDer: Uint8Array, chainDer: readonly Uint8Array[] = []): Reply {
  return { status: 'SUCCESS', certificateDer, chainDer }
}

function failure(text: string): Reply {
  return { status: 'FAILURE', refusal: { failInfo: 'badRequest', text, hResult: -2147024891 } }
}
