import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { suite, test } from 'node:test'
import {
  parseCertificationRequest,
  parseElement,
  parseEnvelopedData,
  parseSignedData,
  readSignedContent,
  type SignedData,
  verifyCertificationRequest,
} from '../../../src/pki/index.ts'
import {
  openRequest,
  prepareRaKeyRing,
  redactCsr,
  redactMessage,
  sealReply,
} from '../../../src/scep/index.ts'
import {
  createShapes,
  createShapeWorld,
  MADE_AT,
  raMaterials,
  scepRules,
} from '../../support/scep-messages/index.ts'

const world = createShapeWorld()
const ring = prepareRaKeyRing(raMaterials(world.authority))
const opened = createShapes(world).flatMap((shape) => {
  if (shape.expected.kind !== 'opened') return []
  const outcome = openRequest(shape.messageDer, ring, scepRules(shape.rules), MADE_AT)
  return outcome.kind === 'opened' ? [{ shape, request: outcome.request }] : []
})

function envelopeOf(signed: SignedData) {
  return parseEnvelopedData(readSignedContent(signed)?.octets ?? assert.fail('no content'))
}

const isZero = (bytes: Uint8Array) => bytes.every((octet) => octet === 0)

suite('messages without what is encrypted in them', () => {
  test('REQ-194: of every shape that opens, keys and content become zeros and the rest stays, octet by octet', () => {
    assert.ok(opened.length > 60, `only ${opened.length}`)
    for (const { shape } of opened) {
      const { messageDer, title } = shape
      const redacted = redactMessage(messageDer)
      assert.ok(redacted !== undefined, title)
      assert.equal(redacted.length, messageDer.length, title)
      const before = parseSignedData(Uint8Array.from(messageDer))
      const after = parseSignedData(redacted)
      const content = envelopeOf(after)
      const original = envelopeOf(before)
      const { encryptedContent } = content
      assert.ok(encryptedContent !== undefined && isZero(encryptedContent), title)
      assert.equal(encryptedContent.length, original.encryptedContent?.length, title)
      assert.equal(content.recipients.length, original.recipients.length, title)
      for (const recipient of content.recipients)
        if (recipient.kind === 'keyTransport') assert.ok(isZero(recipient.wrappedKey), title)
      assert.deepEqual(after.signerInfos[0]?.der, before.signerInfos[0]?.der, title)
      assert.deepEqual(after.certificates, before.certificates, title)
      const outcome = openRequest(redacted, ring, scepRules(shape.rules), MADE_AT)
      assert.equal(outcome.kind, 'refused', title)
    }
  })

  test('REQ-194: of every CSR the challenge becomes asterisks, and its signature zeros; nothing else changes', () => {
    let challenges = 0
    for (const { shape, request } of opened) {
      const { der, challengePassword } = request.csr
      const redacted = redactCsr(der)
      assert.equal(redacted.length, der.length, shape.title)
      const after = parseCertificationRequest(redacted)
      assert.equal(after.subject, request.csr.subject, shape.title)
      assert.deepEqual(after.extensions, request.csr.extensions, shape.title)
      assert.throws(
        () => verifyCertificationRequest(parseElement(redacted)),
        { code: 'pki/bad-csr' },
        shape.title,
      )
      if (challengePassword === undefined || challengePassword === '') continue
      challenges += 1
      assert.notEqual(after.challengePassword, challengePassword, shape.title)
      for (const form of [
        Buffer.from(challengePassword),
        Buffer.from(challengePassword, 'utf16le').swap16(),
      ])
        if (form.length > 4) assert.ok(!Buffer.from(redacted).includes(form), shape.title)
    }
    assert.ok(challenges > 50, `only ${challenges}`)
  })

  test('REQ-194: a reply loses its content too, and one without content stays as it is', () => {
    const { request } = opened[0] ?? assert.fail()
    const context = { now: MADE_AT, random: randomBytes }
    const success = sealReply(
      request.frame,
      { status: 'SUCCESS', certificateDer: request.signer.certificateDer, chainDer: [] },
      ring,
      scepRules(),
      context,
    )
    const { encryptedContent } = envelopeOf(
      parseSignedData(redactMessage(success) ?? assert.fail()),
    )
    assert.ok(encryptedContent !== undefined && isZero(encryptedContent))
    const pending = sealReply(request.frame, { status: 'PENDING' }, ring, scepRules(), context)
    assert.deepEqual(redactMessage(pending), Uint8Array.from(pending))
  })

  test('content that is no EnvelopedData becomes zeros altogether', () => {
    const { shape } = opened[0] ?? assert.fail()
    const broken = Uint8Array.from(shape.messageDer)
    const content = parseSignedData(broken)
    const inner = readSignedContent(content)?.octets ?? assert.fail('no content')
    // In DER the content is a window on the message.
    const at = Buffer.from(broken).indexOf(Buffer.from(inner))
    assert.ok(at > 0)
    broken[at] = 0x04
    const redacted = redactMessage(broken)
    assert.ok(redacted !== undefined)
    assert.ok(isZero(redacted.subarray(at, at + inner.length)))
  })

  test('bytes that are no message are told apart, and octets behind one do not survive', () => {
    for (const bytes of [new Uint8Array(), randomBytes(300), Buffer.from('3003020105', 'hex')])
      assert.equal(redactMessage(Uint8Array.from(bytes)), undefined)
    const { shape } = opened[0] ?? assert.fail()
    const trailing = Buffer.concat([shape.messageDer, Buffer.from('secret')])
    assert.ok(!Buffer.from(redactMessage(trailing) ?? []).includes('secret'))
  })
})
