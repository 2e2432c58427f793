import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import forge from 'node-forge'
import { openRequest, prepareRaKeyRing, sealReply } from '../../src/scep/index.ts'
import {
  commonName,
  createMessage,
  createShapeWorld,
  issueTestCertificate,
  MADE_AT,
  raMaterials,
  scepRules,
  type TestCipher,
  type TestDigest,
} from '../support/scep-messages/index.ts'

const world = createShapeWorld()
const { authority, device } = world
const ring = prepareRaKeyRing(raMaterials(authority))
const rules = scepRules()
const leafDer = issueTestCertificate({
  subject: commonName('device 1'),
  issuer: commonName('Test issuing CA'),
  publicKey: device.publicKey,
  signingKey: authority.issuing.privateKey,
})
const deviceKey = forge.pki.privateKeyFromPem(
  device.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
)
const raKey = forge.pki.publicKeyFromPem(
  authority.ra.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
) as forge.pki.rsa.PublicKey

const exchanges: readonly { readonly digest: TestDigest; readonly cipher: TestCipher }[] = [
  { digest: 'sha256', cipher: 'aes-128-cbc' },
  { digest: 'sha1', cipher: 'des-ede3-cbc' },
  { digest: 'sha512', cipher: 'aes-256-cbc' },
]

for (const { digest, cipher } of exchanges) {
  test(`node-forge verifies and decrypts a SUCCESS with ${digest} and ${cipher}`, () => {
    const tree = forge.asn1.fromDer(toBinary(answer(digest, cipher)))
    const [signedData] = inside(inside(tree)[1])
    const fields = inside(signedData)
    const [signerInfo] = inside(fields.at(-1))
    const [, , , attributes, , signature] = inside(signerInfo)

    const set = forge.asn1.create(forge.asn1.Class.UNIVERSAL, forge.asn1.Type.SET, true, [
      ...inside(attributes),
    ])
    const hash = forge.md[digest as 'sha1' | 'sha256' | 'sha512'].create()
    hash.update(forge.asn1.toDer(set).getBytes())
    assert.ok(raKey.verify(hash.digest().getBytes(), octetsOf(signature)))

    const content = octetsOf(inside(inside(fields[2])[1])[0])
    const envelope = forge.pkcs7.messageFromAsn1(forge.asn1.fromDer(content)) as Envelope
    envelope.decrypt(envelope.recipients[0], deviceKey)
    const bag = forge.pkcs7.messageFromAsn1(forge.asn1.fromDer(envelope.content.getBytes()))
    assert.equal('type' in bag && bag.type, forge.pki.oids['signedData'])
    const decrypted = Buffer.from(
      forge.asn1.toDer(bag.rawCapture.certificates).getBytes(),
      'latin1',
    )
    assert.ok(decrypted.includes(Buffer.from(leafDer)), 'the leaf is inside')
    assert.equal(bag.rawCapture.certificates.value.length, 1)
  })
}

type Envelope = forge.pkcs7.PkcsEnvelopedData & {
  readonly recipients: readonly object[]
  decrypt(recipient: object | undefined, key: forge.pki.PrivateKey): void
  readonly content: forge.util.ByteStringBuffer
}

function answer(digest: TestDigest, cipher: TestCipher): Uint8Array {
  const { messageDer } = createMessage(world, { envelope: { cipher }, message: { digest } })
  const outcome = openRequest(messageDer, ring, rules, MADE_AT)
  if (outcome.kind !== 'opened')
    assert.fail(outcome.kind === 'refused' ? outcome.refusal.text : outcome.kind)
  const context = { now: MADE_AT, random: (length: number) => randomBytes(length) }
  const reply = { status: 'SUCCESS', certificateDer: leafDer, chainDer: [] } as const
  return sealReply(outcome.request.frame, reply, ring, rules, context)
}

function inside(element: forge.asn1.Asn1 | undefined): readonly forge.asn1.Asn1[] {
  assert.ok(Array.isArray(element?.value), 'not constructed')
  return element.value
}

function octetsOf(element: forge.asn1.Asn1 | undefined): string {
  if (typeof element?.value !== 'string') assert.fail('not primitive')
  return element.value
}

function toBinary(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1')
}
