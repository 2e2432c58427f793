import assert from 'node:assert/strict'
import { randomBytes, sign } from 'node:crypto'
import { after, test } from 'node:test'
import { issueCrl } from '../../src/ca/index.ts'
import {
  openRequest,
  prepareRaKeyRing,
  type Reply,
  type ScepRules,
  sealReply,
} from '../../src/scep/index.ts'
import {
  commonName,
  createMessage,
  createOpensslFolder,
  createShapeWorld,
  issueTestCertificate,
  MADE_AT,
  opensslIsMissing,
  raMaterials,
  scepRules,
  type TestCipher,
  type TestDigest,
  type TestKeyTransport,
  toPem,
} from '../support/scep-messages/index.ts'

const skip = opensslIsMissing()
const world = createShapeWorld()
const { authority, device } = world
const ring = prepareRaKeyRing(raMaterials(authority))
const rules = scepRules()
const context = { now: MADE_AT, random: (length: number) => randomBytes(length) }
const folder = createOpensslFolder()
after(() => folder.close())

const leafDer = issueTestCertificate({
  subject: commonName('device 1'),
  issuer: commonName('Test issuing CA'),
  serial: [0x77],
  publicKey: device.publicKey,
  signingKey: authority.issuing.privateKey,
})
const rootPem = folder.put('root.pem', toPem('CERTIFICATE', authority.root.certificateDer))
const issuingPem = folder.put('issuing.pem', toPem('CERTIFICATE', authority.issuing.certificateDer))
const keyPem = folder.put(
  'device.key',
  device.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
)
const atTime = ['-attime', String(Math.floor(MADE_AT.getTime() / 1000))]
// For `cms`, whose -certfile names signers only, both CAs stand in one file.
const bothCas =
  toPem('CERTIFICATE', authority.root.certificateDer) +
  toPem('CERTIFICATE', authority.issuing.certificateDer)
const trust = ['-CAfile', folder.put('cas.pem', bothCas), '-purpose', 'any', ...atTime]

const success: Reply = {
  status: 'SUCCESS',
  certificateDer: leafDer,
  chainDer: [authority.issuing.certificateDer, authority.root.certificateDer],
}

const exchanges: readonly {
  readonly digest: TestDigest
  readonly cipher: TestCipher
  readonly keyTransport: TestKeyTransport
}[] = [
  { digest: 'sha256', cipher: 'aes-128-cbc', keyTransport: 'pkcs1' },
  { digest: 'sha1', cipher: 'des-ede3-cbc', keyTransport: 'pkcs1' },
  { digest: 'sha512', cipher: 'des-ede3-cbc', keyTransport: 'pkcs1' },
  { digest: 'sha384', cipher: 'aes-192-cbc', keyTransport: 'oaep-sha1' },
  { digest: 'sha224', cipher: 'aes-256-cbc', keyTransport: 'oaep-sha256' },
  { digest: 'sha512', cipher: 'aes-256-cbc', keyTransport: 'oaep-sha512' },
]

for (const { digest, cipher, keyTransport } of exchanges) {
  const title = `openssl verifies and decrypts a SUCCESS with ${digest}, ${cipher}, ${keyTransport}`
  test(title, { skip }, () => {
    verify(exchange({ cipher, keyTransport }, { digest }, success), 'envelope.der')
    const printed = decrypt()
    assert.equal(printed.match(/-----BEGIN CERTIFICATE/g)?.length, 1, 'only the leaf')
    assert.match(printed, /subject=.*device 1/)
    const leaf = folder.put('leaf.pem', printed.slice(printed.indexOf('-----BEGIN')))
    folder.run('verify', '-CAfile', rootPem, '-untrusted', issuingPem, ...atTime, leaf)
  })
}

test('openssl prints a SUCCESS with the full chain, leaf first', { skip }, () => {
  verify(exchange({}, {}, success, scepRules({ replyChain: 'full' })), 'envelope.der')
  const subjects = [...decrypt().matchAll(/subject=(.*)/g)].map((match) => match[1] ?? '')
  assert.equal(subjects.length, 3)
  assert.match(subjects[0] ?? '', /device 1/)
  assert.match(subjects[1] ?? '', /issuing/)
  assert.match(subjects[2] ?? '', /root/)
})

test('openssl verifies a FAILURE and a PENDING, which sign the empty string', { skip }, () => {
  const refusal = { failInfo: 'badTime', text: 'too late', hResult: -2147024809 } as const
  for (const reply of [{ status: 'FAILURE', refusal }, { status: 'PENDING' }] as const) {
    // The command takes an absent content for a detached one: the empty file.
    const file = exchange({}, {}, reply)
    verify(file, 'none', '-content', folder.put('empty', ''))
    const text = folder.run('cms', '-cmsout', '-print', '-noout', '-inform', 'DER', '-in', file)
    assert.match(
      text,
      /signatureAlgorithm:\s+algorithm: rsaEncryption \(1\.2\.840\.113549\.1\.1\.1\)\s+parameter: NULL/,
    )
    assert.match(text, /eContent: <ABSENT>/)
  }
})

test('openssl verifies the NDES form, one zero octet and no certificate', { skip }, () => {
  const refusal = { failInfo: 'badRequest', text: 'no', hResult: -2147024809 } as const
  const habits = { ndesEmptyContent: true, omitSignerCert: true, signingTime: false }
  const file = exchange({}, {}, { status: 'FAILURE', refusal }, scepRules(habits))
  const ra = folder.put('ra.pem', toPem('CERTIFICATE', authority.ra.certificateDer))
  verify(file, 'zero', '-certfile', ra)
  assert.deepEqual(folder.get('zero'), Buffer.of(0))
})

test('REQ-183: openssl decrypts the answer to a GetCRL: the CRL alone, and verifies it', {
  skip,
}, async () => {
  const crlDer = await issueCrl(
    {
      number: 7,
      thisUpdate: MADE_AT,
      nextUpdate: new Date(MADE_AT.getTime() + 3_600_000),
      revoked: [{ serialHex: '4A01', at: MADE_AT, reason: 1 }],
    },
    authority.issuing.certificateDer,
    async (tbs) => {
      const signature = sign('sha256', tbs, authority.issuing.privateKey)
      return new Uint8Array(signature)
    },
  )
  verify(exchange({}, {}, { status: 'SUCCESS', crlDer }), 'envelope.der')
  const printed = decrypt()
  assert.equal(printed.match(/-----BEGIN CERTIFICATE/g), null)
  const [crl] = /-----BEGIN X509 CRL.*END X509 CRL-----/s.exec(printed) ?? []
  const file = folder.put('crl.pem', crl ?? '')
  assert.match(folder.run('crl', '-in', file, '-text', '-noout'), /Serial Number: 4A01/)
})

test('openssl does not verify a reply with one octet changed', { skip }, () => {
  const file = exchange({}, {}, success)
  const reply = folder.get('reply.der')
  reply[reply.length - 3] = (reply[reply.length - 3] ?? 0) ^ 1
  folder.put('reply.der', reply)
  assert.throws(() => verify(file, 'none'), /Verification failure|bad signature/)
})

/** Opens a message of this shape with the codec and seals this reply to it. */
function exchange(
  envelope: { readonly cipher?: TestCipher; readonly keyTransport?: TestKeyTransport },
  message: { readonly digest?: TestDigest },
  reply: Reply,
  habits: ScepRules = rules,
) {
  const { messageDer } = createMessage(world, { envelope, message })
  const outcome = openRequest(messageDer, ring, habits, MADE_AT)
  if (outcome.kind !== 'opened')
    assert.fail(outcome.kind === 'refused' ? outcome.refusal.text : outcome.kind)
  const { frame, signer } = outcome.request
  folder.put('signer.pem', toPem('CERTIFICATE', signer.certificateDer))
  return folder.put('reply.der', sealReply(frame, reply, ring, habits, context))
}

function verify(file: string, output: string, ...more: readonly string[]): void {
  const input = ['-inform', 'DER', '-binary', '-in', file]
  folder.run('cms', '-verify', ...input, ...trust, ...more, '-out', folder.path(output))
}

/** Certificates inside the envelope, as PEM with subject lines. */
function decrypt(): string {
  const input = ['-inform', 'DER', '-binary', '-in', folder.path('envelope.der')]
  const key = ['-recip', folder.path('signer.pem'), '-inkey', keyPem]
  folder.run('cms', '-decrypt', ...input, ...key, '-out', folder.path('bag.der'))
  return folder.run('pkcs7', '-inform', 'DER', '-in', folder.path('bag.der'), '-print_certs')
}
