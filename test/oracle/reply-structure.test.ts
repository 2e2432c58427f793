import assert from 'node:assert/strict'
import { constants, createDecipheriv, createHash, privateDecrypt, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import * as asn1js from 'asn1js'
import * as pkijs from 'pkijs'
import {
  openRequest,
  prepareRaKeyRing,
  type Reply,
  type ScepRules,
  sealReply,
} from '../../src/scep/index.ts'
import {
  ATTRIBUTE,
  childrenOf,
  commonName,
  createMessage,
  createShapeWorld,
  issuerAndSerialOf,
  issueTestCertificate,
  MADE_AT,
  name,
  octetString,
  printable,
  raMaterials,
  scepRules,
  t61,
  utf8,
} from '../support/scep-messages/index.ts'

const world = createShapeWorld()
const { authority, device } = world
const ring = prepareRaKeyRing(raMaterials(authority))
const context = { now: MADE_AT, random: (length: number) => randomBytes(length) }
const leafDer = issueTestCertificate({
  subject: commonName('device 1'),
  issuer: commonName('Test issuing CA'),
  publicKey: device.publicKey,
  signingKey: authority.issuing.privateKey,
})
const success: Reply = { status: 'SUCCESS', certificateDer: leafDer, chainDer: [] }
const refusal = { failInfo: 'badRequest', text: 'nein: ß', hResult: -2147024809 } as const
const failure: Reply = { status: 'FAILURE', refusal }
const pending: Reply = { status: 'PENDING' }

test('REQ-163, 164: the frame is version 1 with one digest, and the signature is rsaEncryption with NULL', () => {
  for (const reply of [success, failure, pending]) {
    const { signedData, signerInfo } = read(answer(reply))
    assert.equal(signedData.version, 1)
    assert.deepEqual(
      signedData.digestAlgorithms.map((one) => one.algorithmId),
      ['2.16.840.1.101.3.4.2.1'],
    )
    assert.equal(signedData.encapContentInfo.eContentType, '1.2.840.113549.1.7.1')
    assert.equal(signerInfo.version, 1)
    assert.equal(signerInfo.digestAlgorithm.algorithmId, '2.16.840.1.101.3.4.2.1')
    assert.equal(signerInfo.signatureAlgorithm.algorithmId, '1.2.840.113549.1.1.1')
    assert.ok(signerInfo.signatureAlgorithm.algorithmParams instanceof asn1js.Null)
    const sid = signerInfo.sid as pkijs.IssuerAndSerialNumber
    assert.deepEqual(
      toHex(sid.toSchema().toBER()),
      toHex(issuerAndSerialOf(authority.ra.certificateDer)),
    )
  }
})

test('REQ-180: asn1js writes a reply as it reads it, so it is DER but for set order', () => {
  for (const reply of [success, failure, pending]) {
    const replyDer = answer(reply)
    const parsed = asn1js.fromBER(Uint8Array.from(replyDer))
    assert.equal(parsed.offset, replyDer.byteLength)
    assert.equal(toHex(parsed.result.toBER()), toHex(replyDer))
  }
})

test('REQ-169: signed attributes are single-valued and sorted by their encodings', () => {
  for (const reply of [success, failure, pending]) {
    const { attributes, encodings } = read(answer(reply))
    assert.ok([...attributes.values()].every((values) => values.length === 1))
    assert.deepEqual(encodings, encodings.toSorted())
  }
})

test('REQ-167: a SUCCESS has the seven attributes of the RFC and a nonce of its own', () => {
  const first = read(answer(success))
  const second = read(answer(success))
  const { senderNonce, recipientNonce, messageType, pkiStatus, transactionId, signingTime } =
    ATTRIBUTE
  for (const type of [
    ATTRIBUTE.contentType,
    ATTRIBUTE.messageDigest,
    senderNonce,
    recipientNonce,
  ]) {
    assert.ok(first.attributes.has(type), type)
  }
  assert.equal(hexOf(first, messageType), toHex(printable('3')))
  assert.equal(hexOf(first, pkiStatus), toHex(printable('0')))
  assert.equal(hexOf(first, transactionId), toHex(printable('TRANSACTION-1')))
  assert.equal(hexOf(first, signingTime), `170d${Buffer.from('261122120000Z').toString('hex')}`)
  assert.notEqual(hexOf(first, senderNonce), hexOf(second, senderNonce))
  assert.notEqual(hexOf(first, senderNonce), hexOf(first, recipientNonce))
})

test('REQ-87: transactionID comes back with its string tag', () => {
  for (const transactionId of [utf8('grün'), t61('A+/='), printable('x'.repeat(255))]) {
    assert.equal(
      hexOf(read(answer(failure, { transactionId })), ATTRIBUTE.transactionId),
      toHex(transactionId),
    )
  }
})

test('REQ-90, 91, 167: nonces of any length come back, and none where there was none', () => {
  for (const length of [1, 8, 16, 64]) {
    const senderNonce = octetString(Buffer.alloc(length, 5))
    const reply = read(answer(success, { senderNonce }))
    assert.equal(hexOf(reply, ATTRIBUTE.recipientNonce), toHex(senderNonce))
    assert.equal(hexOf(reply, ATTRIBUTE.senderNonce).length, toHex(senderNonce).length)
  }
  const reply = read(answer(success, { senderNonce: null }))
  assert.equal(reply.attributes.has(ATTRIBUTE.recipientNonce), false)
  assert.equal(hexOf(reply, ATTRIBUTE.senderNonce).length, 36)
})

test('REQ-176, 178: a FAILURE has no content, digests the empty string, and says why', () => {
  const reply = read(answer(failure))
  assert.equal(reply.signedData.encapContentInfo.eContent, undefined)
  const empty = createHash('sha256').digest()
  assert.equal(hexOf(reply, ATTRIBUTE.messageDigest), toHex(octetString(empty)))
  assert.equal(hexOf(reply, ATTRIBUTE.pkiStatus), toHex(printable('2')))
  assert.equal(hexOf(reply, ATTRIBUTE.failInfo), toHex(printable('2')))
  assert.equal(hexOf(reply, '1.3.6.1.5.5.7.24.1'), toHex(utf8('nein: ß')))
  assert.equal(hexOf(reply, '1.3.6.1.4.1.311.21.33'), toHex(printable('-2147024809')))
})

test('REQ-179: a PENDING has status 3 and no failInfo', () => {
  const reply = read(answer(pending))
  assert.equal(hexOf(reply, ATTRIBUTE.pkiStatus), toHex(printable('3')))
  assert.equal(reply.attributes.has(ATTRIBUTE.failInfo), false)
})

test('Annex A: the NDES form has one zero octet, its digest, no certificates and no signingTime', () => {
  const habits = scepRules({ ndesEmptyContent: true, omitSignerCert: true, signingTime: false })
  for (const reply of [read(answer(failure, {}, habits)), read(answer(pending, {}, habits))]) {
    const zero = createHash('sha256').update(Buffer.of(0)).digest()
    assert.equal(hexOf(reply, ATTRIBUTE.messageDigest), toHex(octetString(zero)))
    assert.equal(
      toHex(reply.signedData.encapContentInfo.eContent?.getValue() ?? new ArrayBuffer(0)),
      '00',
    )
    assert.equal(reply.signedData.certificates, undefined)
    assert.equal(reply.attributes.has(ATTRIBUTE.signingTime), false)
  }
})

for (const cipher of ['aes-128-gcm', 'aes-256-gcm'] as const) {
  test(`REQ-101, 166: a request with ${cipher} is answered with it, tag behind the content`, () => {
    const { messageDer } = createMessage(world, { envelope: { cipher } })
    const { replyDer } = open(messageDer, success, scepRules())
    const content = read(replyDer).signedData.encapContentInfo.eContent?.getValue()
    const envelope = at(at(new Uint8Array(content ?? new ArrayBuffer(0)), 1), 0)
    const wrapped = bodyOf(at(at(at(envelope, 1), 0), 3))
    const encrypted = at(envelope, 2)
    const [nonce, tagLength] = childrenOf(at(at(encrypted, 1), 1))
    assert.equal(toHex(tagLength ?? Buffer.alloc(0)), '020110')
    const padding = constants.RSA_PKCS1_PADDING
    const key = privateDecrypt({ key: device.privateKey, padding }, wrapped)
    const decipher = createDecipheriv(cipher, key, bodyOf(nonce ?? Buffer.alloc(0)))
    const octets = bodyOf(at(encrypted, 2))
    decipher.setAuthTag(octets.subarray(-16))
    const bag = Buffer.concat([decipher.update(octets.subarray(0, -16)), decipher.final()])
    assert.ok(bag.includes(Buffer.from(leafDer)))
  })
}

const signers = {
  'a serial of 32 octets': { serial: [...Buffer.from('00112233445566778899AABBCCDDEEFF')] },
  'a negative serial': { serial: [0xfe, 0x01] },
  'serial zero': { serial: [0] },
  'a v1 certificate': { version: 'v1' },
  'a T61 name': { subject: name(['2.5.4.3', t61('Anna')]) },
} as const

for (const [title, signer] of Object.entries(signers)) {
  test(`REQ-171, 172: the answer to ${title} names issuer and serial octet for octet`, () => {
    const { messageDer } = createMessage(world, { signer })
    const { replyDer, signerDer } = open(messageDer, success, scepRules())
    const { signedData } = read(replyDer)
    const content = signedData.encapContentInfo.eContent?.getValue() ?? new ArrayBuffer(0)
    // ContentInfo > [0] > EnvelopedData > recipientInfos > KeyTransRecipientInfo
    const envelope = at(at(new Uint8Array(content), 1), 0)
    assert.equal(toHex(at(envelope, 0)), '020100')
    const recipients = childrenOf(at(envelope, 1))
    assert.equal(recipients.length, 1)
    const recipient = recipients[0] ?? Buffer.alloc(0)
    assert.equal(toHex(at(recipient, 0)), '020100')
    assert.equal(toHex(at(recipient, 1)), toHex(issuerAndSerialOf(signerDer)))
  })
}

function at(der: Uint8Array, index: number): Uint8Array {
  return childrenOf(der)[index] ?? assert.fail(`no element ${index}`)
}

/** Value octets of a DER element. */
function bodyOf(der: Uint8Array): Uint8Array {
  const first = der[1] ?? 0
  return der.subarray(first < 0x80 ? 2 : 2 + (first & 0x7f))
}

function answer(
  reply: Reply,
  message: NonNullable<Parameters<typeof createMessage>[1]>['message'] = {},
  rules = scepRules(),
): Uint8Array {
  return open(createMessage(world, { message }).messageDer, reply, rules).replyDer
}

function open(messageDer: Uint8Array, reply: Reply, rules: ScepRules) {
  const outcome = openRequest(messageDer, ring, rules, MADE_AT)
  if (outcome.kind !== 'opened')
    assert.fail(outcome.kind === 'refused' ? outcome.refusal.text : outcome.kind)
  const { frame, signer } = outcome.request
  return {
    replyDer: sealReply(frame, reply, ring, rules, context),
    signerDer: signer.certificateDer,
  }
}

function read(replyDer: Uint8Array) {
  const outer = pkijs.ContentInfo.fromBER(Uint8Array.from(replyDer))
  const signedData = new pkijs.SignedData({ schema: outer.content })
  assert.equal(signedData.signerInfos.length, 1)
  const [signerInfo] = signedData.signerInfos
  assert.ok(signerInfo?.signedAttrs)
  const attributes = new Map<string, readonly asn1js.BaseBlock[]>()
  for (const { type, values } of signerInfo.signedAttrs.attributes) {
    assert.equal(attributes.has(type), false, `attribute ${type} twice`)
    attributes.set(type, values as readonly asn1js.BaseBlock[])
  }
  const encodings = childrenOf(new Uint8Array(signerInfo.signedAttrs.encodedValue)).map(toHex)
  return { signedData, signerInfo, attributes, encodings }
}

function hexOf(reply: ReturnType<typeof read>, type: string): string {
  const value = reply.attributes.get(type)?.[0]
  assert.ok(value, `attribute ${type} is missing`)
  return toHex(value.toBER())
}

function toHex(bytes: Uint8Array | ArrayBuffer): string {
  return Buffer.from(bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes).toString('hex')
}
