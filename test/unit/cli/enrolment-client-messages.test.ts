import assert from 'node:assert/strict'
import { createHash, verify } from 'node:crypto'
import { test } from 'node:test'
import * as pkijs from 'pkijs'
import {
  buildRequest,
  createDeviceKeys,
  createSigner,
  encodeSigningRequest,
  openReply,
  parseCapabilities,
  parseCertificate,
} from '../../../src/cli/enrolment-client/index.ts'
import { ConnectorError, Secret } from '../../../src/kernel/index.ts'
import {
  ATTRIBUTE,
  attribute,
  createTestAuthority,
  MADE_AT,
  octetString,
  type ReplyShape,
  sealTestReply,
} from '../../support/scep-messages/index.ts'

const authority = createTestAuthority()
const keys = await createDeviceKeys({ key: 'rsa2048' })
const signer = createSigner(keys.privateKey, 'CN=device', MADE_AT)
const senderNonce = Buffer.alloc(16, 8)
const challenge = new Secret('not to be seen')
const asked = {
  keys,
  subject: 'CN=device',
  challenge,
  sans: [{ kind: 'dns', value: 'device.test' }],
  ekus: ['clientAuth'],
  keyUsage: ['digitalSignature'],
} as const
const csrDer = encodeSigningRequest(asked)
const shape: ReplyShape = {
  ra: authority.ra,
  transactionId: 'T-1',
  recipientNonce: senderNonce,
  status: '0',
  certificates: [authority.ra.certificateDer],
  recipient: { certificateDer: signer.certificateDer },
}
const expected = {
  raCertificatesDer: [authority.ra.certificateDer],
  transactionId: 'T-1',
  senderNonce,
  signer,
}

test('a CSR proves possession for every kind of device key', async () => {
  for (const key of ['rsa2048', 'p256', 'p384', 'ed25519'] as const) {
    const deviceKeys = await createDeviceKeys({ key })
    const der = encodeSigningRequest({ ...asked, keys: deviceKeys })
    const parsed = pkijs.CertificationRequest.fromBER(Uint8Array.from(der))
    const hash = { rsa2048: 'sha256', p256: 'sha256', p384: 'sha384', ed25519: null }[key]
    const signature = Buffer.from(parsed.signatureValue.valueBlock.valueHexView)
    assert.ok(verify(hash, Buffer.from(parsed.tbsView), deviceKeys.publicKey, signature), key)
  }
})

test('the signer certificate verifies with its own key and is valid around now', () => {
  const { x509 } = parseCertificate(signer.certificateDer)
  assert.ok(x509.verify(x509.publicKey))
  assert.ok(x509.validFromDate < MADE_AT && MADE_AT < x509.validToDate)
})

test('a request is a SignedData that pkijs reads and whose signature and digest hold', () => {
  const outer = pkijs.ContentInfo.fromBER(Uint8Array.from(request()))
  const signedData = new pkijs.SignedData({ schema: outer.content })
  const [signerInfo] = signedData.signerInfos
  assert.ok(signerInfo?.signedAttrs)
  const content = new Uint8Array(
    signedData.encapContentInfo.eContent?.getValue() ?? new ArrayBuffer(0),
  )
  const signature = Buffer.from(signerInfo.signature.getValue())
  const attributes = Buffer.from(signerInfo.signedAttrs.encodedValue)
  assert.ok(verify('sha256', attributes, keys.publicKey, signature))
  assert.ok(attributes.includes(createHash('sha256').update(content).digest()))
  assert.equal(signerInfo.signedAttrs.attributes.length, 6)
})

test('neither the CSR nor its challenge shows in the message', () => {
  const message = Buffer.from(request())
  assert.equal(message.includes('not to be seen'), false)
  assert.ok(Buffer.from(csrDer).includes('not to be seen'), 'the check would see it')
})

test('two requests with the same content share no ciphertext', () => {
  assert.notDeepEqual(request().slice(-400), request().slice(-400))
})

test('a good reply opens', () => {
  const reply = openReply(sealTestReply(shape), expected)
  assert.equal(reply.kind, 'issued')
  if (reply.kind !== 'issued') return
  assert.deepEqual(
    reply.certificatesDer.map((der) => Buffer.from(der)),
    [Buffer.from(authority.ra.certificateDer)],
  )
})

test('a refusal opens with failInfo and text', () => {
  const reply = openReply(
    sealTestReply({ ...shape, status: '2', failInfo: '3', failInfoText: 'späte' }),
    expected,
  )
  assert.deepEqual(reply.kind === 'refused' && [reply.failInfo, reply.text], ['3', 'späte'])
})

const wrong: readonly (readonly [title: string, code: string, changes: Partial<ReplyShape>])[] = [
  ['another transactionID', 'scep/bad-signature', { transactionId: 'OTHER' }],
  ['another recipientNonce', 'scep/bad-signature', { recipientNonce: Buffer.alloc(16, 9) }],
  [
    'our own nonce as senderNonce',
    'scep/bad-signature',
    { more: { senderNonce: octetString(senderNonce) } },
  ],
  ['no senderNonce', 'scep/bad-signature', { more: { senderNonce: null } }],
  ['a signer that GetCACert did not list', 'scep/bad-signature', { ra: authority.strangerRa }],
  ['a changed signature', 'scep/bad-signature', { more: { tamperSignature: true } }],
  ['a wrong messageDigest', 'scep/bad-signature', { more: { tamperDigest: true } }],
  ['two signatures', 'scep/malformed', { more: { signatures: 2 } }],
  ['no signature', 'scep/malformed', { more: { signatures: 0 } }],
  [
    'the messageType of a request',
    'scep/malformed',
    { more: { messageType: Buffer.from('13023139', 'hex') } },
  ],
  ['no contentType attribute', 'scep/malformed', { more: { contentTypeAttribute: null } }],
  ['pkiStatus 1', 'scep/malformed', { status: '1' as '0' }],
  ['SUCCESS without an envelope', 'scep/malformed', { more: { content: null } }],
  [
    'an envelope for somebody else',
    'scep/not-for-us',
    { recipient: { certificateDer: authority.strangerRa.certificateDer } },
  ],
  [
    'a content key of a wrong length',
    'scep/not-for-us',
    { recipient: { certificateDer: signer.certificateDer, keyBytes: 5 } },
  ],
  ['a content cipher that nobody asked for', 'pki/unsupported-algorithm', { cipher: 'rc2' }],
  [
    'a repeated attribute',
    'scep/malformed',
    {
      more: {
        attributes: [
          attribute(ATTRIBUTE.recipientNonce, octetString(senderNonce)),
          attribute(ATTRIBUTE.recipientNonce, octetString(senderNonce)),
        ],
      },
    },
  ],
]

for (const [title, code, changes] of wrong) {
  test(`a reply with ${title} is refused`, () => {
    assert.throws(() => openReply(sealTestReply({ ...shape, ...changes }), expected), hasCode(code))
  })
}

test('an RA certificate inside the reply does not make its signer known', () => {
  const reply = sealTestReply({ ...shape, ra: authority.strangerRa })
  const known = { ...expected, raCertificatesDer: [] }
  assert.throws(() => openReply(reply, known), hasCode('scep/bad-signature'))
})

for (const bytes of [Buffer.alloc(0), Buffer.from('<html>'), Buffer.from('3003020101', 'hex')]) {
  test(`a reply of "${bytes.toString('hex')}" is malformed`, () => {
    assert.throws(() => openReply(bytes, expected), hasCode('scep/malformed'))
  })
}

const capabilities: readonly (readonly [text: string, expected: object])[] = [
  ['', { hasPost: false, hasRenewal: false, digest: 'sha1', cipher: 'des-ede3-cbc' }],
  ['SCEPStandard\n', { hasPost: true, digest: 'sha256', cipher: 'aes-128-cbc' }],
  [
    'renewal\r\nsha-512\r\nAES\r\n',
    { hasPost: false, hasRenewal: true, digest: 'sha512', cipher: 'aes-128-cbc' },
  ],
  [
    'SHA-1\nSHA-256\nDES3\nPOSTPKIOperation',
    { hasPost: true, digest: 'sha256', cipher: 'des-ede3-cbc' },
  ],
]

for (const [text, wanted] of capabilities) {
  test(`the capabilities ${JSON.stringify(text)} are read`, () => {
    const { keywords: _keywords, ...got } = parseCapabilities(text)
    assert.deepEqual(got, { ...got, ...wanted })
  })
}

function request(): Uint8Array {
  return buildRequest({
    messageType: 'PKCSReq',
    csrDer,
    signer,
    recipientCertificateDer: authority.ra.certificateDer,
    digest: 'sha256',
    cipher: 'aes-256-cbc',
    keyTransport: 'pkcs1',
    transactionId: 'T-1',
    senderNonce,
    signingTime: MADE_AT,
  })
}

function hasCode(code: string) {
  return (error: unknown) => {
    if (!(error instanceof ConnectorError)) return false
    assert.equal(error.code, code, error.message)
    return true
  }
}
