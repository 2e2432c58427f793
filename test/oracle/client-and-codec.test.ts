import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import {
  buildRequest,
  createDeviceKeys,
  createSigner,
  encodeDistinguishedName,
  encodeSigningRequest,
  encodeSubjectAltNames,
  openReply,
  type RequestCipher,
  type RequestDigest,
  type RequestKeyTransport,
  type RequestMessage,
} from '../../src/cli/enrolment-client/index.ts'
import { Secret } from '../../src/kernel/index.ts'
import { openRequest, prepareRaKeyRing, type Reply, sealReply } from '../../src/scep/index.ts'
import {
  createTestAuthority,
  issueTestCertificate,
  MADE_AT,
  raMaterials,
  scepRules,
} from '../support/scep-messages/index.ts'

const authority = createTestAuthority()
const ring = prepareRaKeyRing(raMaterials(authority))
const rules = scepRules({ allowMd5: true, allowDes: true })
const context = { now: MADE_AT, random: (length: number) => randomBytes(length) }
const keys = await createDeviceKeys({ key: 'rsa2048' })
const ecKeys = await createDeviceKeys({ key: 'p256' })
const edKeys = await createDeviceKeys({ key: 'ed25519' })
const signer = createSigner(keys.privateKey, 'CN=device é,O=Contoso', MADE_AT)

const asked = {
  subject: 'CN=device é,OU=Sales+OU=Lab,O=Contoso\\, Ltd.,C=FR',
  sans: [
    { kind: 'dns', value: 'device.test' },
    { kind: 'upn', value: 'anna@contoso.test' },
    { kind: 'uri', value: 'IntuneDeviceId://0123' },
    { kind: 'ip', value: '2001:db8::1' },
    { kind: 'email', value: 'anna@contoso.test' },
  ],
  ekus: ['clientAuth'],
  keyUsage: ['digitalSignature', 'keyEncipherment'],
  challenge: new Secret('a challenge, with PrintableString only?'),
  keys,
} as const

/** Signed once: P-256 signatures differ from call to call. */
const leaf = issueTestCertificate({
  subject: encodeDistinguishedName(asked.subject),
  issuer: Buffer.from(encodeDistinguishedName('CN=Test issuing CA')),
  serial: [0x77],
  publicKey: keys.publicKey,
  signingKey: authority.issuing.privateKey,
})

const ciphers: readonly RequestCipher[] = [
  'des-cbc',
  'des-ede3-cbc',
  'aes-128-cbc',
  'aes-192-cbc',
  'aes-256-cbc',
]
const digests: readonly RequestDigest[] = ['md5', 'sha1', 'sha256', 'sha384', 'sha512']
const transports: readonly RequestKeyTransport[] = [
  'pkcs1',
  'oaep-sha1',
  'oaep-sha256',
  'oaep-sha384',
  'oaep-sha512',
]

for (const cipher of ciphers) {
  test(`${cipher} is read by the codec and answered in kind`, () => exchange({ cipher }))
}
for (const digest of digests) {
  test(`${digest} is read by the codec and answered in kind`, () => exchange({ digest }))
}
for (const keyTransport of transports) {
  test(`${keyTransport} is read by the codec and answered in kind`, () =>
    exchange({ keyTransport }))
}

test('a P-256 and an Ed25519 device key with a signer of their own are read', () => {
  for (const deviceKeys of [ecKeys, edKeys]) {
    const csrDer = encodeSigningRequest({ ...asked, keys: deviceKeys })
    const outcome = open(buildRequest(message({ csrDer })))
    assert.equal(outcome.signer.hasCsrKey, false)
  }
})

test('the codec reads subject, SAN, key usage and challenge as the client wrote them', () => {
  const { csr } = open(buildRequest(message({})))
  assert.deepEqual(Buffer.from(csr.subjectDer), Buffer.from(encodeDistinguishedName(asked.subject)))
  assert.equal(csr.challengePassword, 'a challenge, with PrintableString only?')
  const san = csr.extensions.find((entry) => entry.oid === '2.5.29.17')
  assert.deepEqual(Buffer.from(san?.valueDer ?? []), Buffer.from(encodeSubjectAltNames(asked.sans)))
  const usage = csr.extensions.find((entry) => entry.oid === '2.5.29.15')
  assert.deepEqual(Buffer.from(usage?.valueDer ?? []).toString('hex'), '030205a0')
})

test('a FAILURE brings failInfo and text to the client', () => {
  const refusal = {
    failInfo: 'badRequest',
    text: 'challenge refused: ChallengeExpired',
    hResult: -1,
  } as const
  const reply = answer({ status: 'FAILURE', refusal })
  assert.equal(reply.kind, 'refused')
  if (reply.kind !== 'refused') return
  assert.equal(reply.failInfo, '2')
  assert.equal(reply.text, refusal.text)
})

test('a PENDING is read as pending', () => {
  assert.equal(answer({ status: 'PENDING' }).kind, 'pending')
})

test('the chain follows the leaf where the profile says so', () => {
  const chainDer = [authority.issuing.certificateDer, authority.root.certificateDer]
  for (const [replyChain, count] of [
    ['none', 1],
    ['issuer', 2],
    ['full', 3],
  ] as const) {
    const reply = answer({ status: 'SUCCESS', certificateDer: leaf, chainDer }, { replyChain })
    assert.equal(reply.kind, 'issued')
    if (reply.kind !== 'issued') return
    assert.deepEqual(
      reply.certificatesDer.map((der) => Buffer.from(der).toString('hex')),
      [leaf, ...chainDer].slice(0, count).map((der) => Buffer.from(der).toString('hex')),
    )
  }
})

test('NDES habits: no certificates, one zero octet, no signingTime', () => {
  const refusal = { failInfo: 'badAlg', text: 'no', hResult: -1 } as const
  const habits = { omitSignerCert: true, ndesEmptyContent: true, signingTime: false }
  const reply = answer({ status: 'FAILURE', refusal }, habits)
  assert.equal(reply.kind, 'refused')
  assert.equal(reply.outerCertificatesDer.length, 0)
  assert.equal(reply.attributes.signingTime, undefined)
})

test('a request to a retired RA is answered by the retired RA', () => {
  const built = message({ recipientCertificateDer: authority.retiredRa.certificateDer })
  const { frame } = open(buildRequest(built))
  const replyDer = sealReply(frame, { status: 'PENDING' }, ring, rules, context)
  const reply = openReply(replyDer, {
    ...expectation(built),
    raCertificatesDer: [authority.retiredRa.certificateDer],
  })
  assert.equal(reply.kind, 'pending')
})

function exchange(changes: Partial<RequestMessage>): void {
  const built = message(changes)
  const { frame, messageType, csr } = open(buildRequest(built))
  assert.equal(messageType, 'PKCSReq')
  assert.deepEqual(Buffer.from(csr.der), Buffer.from(built.csrDer))
  const { digest, cipher, keyTransport, transactionId } = frame
  assert.deepEqual(
    { digest, cipher, keyTransport, transactionId },
    {
      digest: built.digest,
      cipher: built.cipher,
      keyTransport: built.keyTransport,
      transactionId: built.transactionId,
    },
  )
  const success: Reply = { status: 'SUCCESS', certificateDer: leaf, chainDer: [] }
  const reply = openReply(sealReply(frame, success, ring, rules, context), expectation(built))
  assert.equal(reply.kind, 'issued')
  if (reply.kind !== 'issued') return
  assert.equal(reply.digest, built.digest)
  assert.equal(reply.cipher, built.cipher)
  assert.equal(reply.keyTransport, built.keyTransport)
  assert.deepEqual(
    reply.certificatesDer.map((der) => Buffer.from(der)),
    [Buffer.from(leaf)],
  )
}

function answer(reply: Reply, habits: Parameters<typeof scepRules>[0] = {}) {
  const built = message({})
  const { frame } = open(buildRequest(built))
  const replyDer = sealReply(frame, reply, ring, scepRules(habits), context)
  return openReply(replyDer, expectation(built))
}

function open(messageDer: Uint8Array) {
  const outcome = openRequest(messageDer, ring, rules, MADE_AT)
  if (outcome.kind !== 'opened')
    assert.fail(outcome.kind === 'refused' ? outcome.refusal.text : outcome.kind)
  return outcome.request
}

function message(changes: Partial<RequestMessage>): RequestMessage {
  return {
    messageType: 'PKCSReq',
    csrDer: encodeSigningRequest(asked),
    signer,
    recipientCertificateDer: authority.ra.certificateDer,
    digest: 'sha256',
    cipher: 'aes-128-cbc',
    keyTransport: 'pkcs1',
    transactionId: 'CLIENT-1',
    senderNonce: Buffer.alloc(16, 4),
    signingTime: MADE_AT,
    ...changes,
  }
}

function expectation({ transactionId, senderNonce }: RequestMessage) {
  return { raCertificatesDer: [authority.ra.certificateDer], transactionId, senderNonce, signer }
}
