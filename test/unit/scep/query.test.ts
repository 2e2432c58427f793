import assert from 'node:assert/strict'
import { createHash, randomBytes, X509Certificate } from 'node:crypto'
import { suite, test } from 'node:test'
import { toHex } from '../../../src/kernel/index.ts'
import { encodeElement, encodeSequence, TAG } from '../../../src/pki/index.ts'
import {
  type OpenOutcome,
  openRequest,
  prepareRaKeyRing,
  type ScepQuery,
} from '../../../src/scep/index.ts'
import {
  commonName,
  createMessage,
  createShapeWorld,
  issueTestCertificate,
  MADE_AT,
  printable,
  raMaterials,
  scepRules,
} from '../../support/scep-messages/index.ts'

const world = createShapeWorld()
const ring = prepareRaKeyRing(raMaterials(world.authority))
const rules = scepRules()
const raName = commonName('some RA')
const deviceName = commonName('device')

function ask(digits: string, content: Uint8Array): OpenOutcome {
  const { messageDer } = createMessage(world, {
    envelope: { content },
    message: { messageType: printable(digits) },
  })
  return openRequest(messageDer, ring, rules, MADE_AT)
}

function assertAsked(outcome: OpenOutcome): ScepQuery {
  assert.ok(outcome.kind === 'asked', JSON.stringify(outcome))
  return outcome.query
}

function serial(...octets: readonly number[]): Uint8Array {
  return encodeElement(TAG.integer, Uint8Array.from(octets))
}

suite('openRequest with a query', () => {
  test('REQ-147: a CertPoll is told with both names as sent and the key of its signer', () => {
    const { asked, signer, frame } = assertAsked(ask('20', encodeSequence(raName, deviceName)))
    assert.deepEqual(asked, {
      messageType: 'CertPoll',
      issuerDer: new Uint8Array(raName),
      subjectDer: new Uint8Array(deviceName),
    })
    const spki = new X509Certificate(signer.certificateDer).publicKey.export({
      type: 'spki',
      format: 'der',
    })
    assert.equal(
      signer.publicKeySha256Hex,
      createHash('sha256').update(spki).digest('hex').toUpperCase(),
    )
    assert.equal(frame.raFingerprintHex, ring.signer.fingerprintHex)
  })

  for (const [digits, messageType] of [
    ['21', 'GetCert'],
    ['22', 'GetCRL'],
  ] as const) {
    test(`REQ-181, REQ-182: a ${messageType} is told with issuer and serial, also one of 32 octets or zero`, () => {
      for (const octets of [[0x4a, 0x01], [0], [0x80, 1], Array.from(randomBytes(32))]) {
        const query = assertAsked(ask(digits, encodeSequence(raName, serial(...octets))))
        assert.deepEqual(query.asked, {
          messageType,
          issuerDer: new Uint8Array(raName),
          serialHex: toHex(Uint8Array.from(octets)),
        })
      }
    })
  }

  test('REQ-100: whatever else the envelope holds asks about nothing that exists, and looks no other than a wrong key', () => {
    const wrong: readonly Uint8Array[] = [
      new Uint8Array([0x30, 0]),
      encodeSequence(raName),
      encodeSequence(raName, serial()),
      encodeSequence(raName, serial(...randomBytes(65))),
      encodeSequence(serial(1), raName),
      randomBytes(50),
    ]
    const issuerDer = encodeSequence()
    const nothing = new Map<string, ScepQuery['asked']>([
      ['20', { messageType: 'CertPoll', issuerDer, subjectDer: issuerDer }],
      ['21', { messageType: 'GetCert', issuerDer, serialHex: '00' }],
      ['22', { messageType: 'GetCRL', issuerDer, serialHex: '00' }],
    ])
    for (const [digits, asked] of nothing) {
      for (const content of wrong)
        assert.deepEqual(assertAsked(ask(digits, content)).asked, asked, toHex(content))
      const { messageDer } = createMessage(world, { message: { messageType: printable(digits) } })
      const csrInside = openRequest(messageDer, ring, rules, MADE_AT)
      assert.deepEqual(assertAsked(csrInside).asked, asked)
    }
  })

  test('REQ-186: a signer issued by somebody may ask too', () => {
    const { messageDer } = createMessage(world, {
      envelope: { content: encodeSequence(raName, serial(1)) },
      message: {
        messageType: printable('22'),
        signer: {
          privateKey: world.device.privateKey,
          certificateDer: issueTestCertificate({
            subject: deviceName,
            issuer: raName,
            publicKey: world.device.publicKey,
            signingKey: world.otherDevice.privateKey,
          }),
        },
      },
    })
    const { signer } = assertAsked(openRequest(messageDer, ring, rules, MADE_AT))
    assert.equal(signer.isSelfSigned, false)
    assert.equal(signer.subject, 'CN=device')
  })
})
