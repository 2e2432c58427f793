import assert from 'node:assert/strict'
import { hash, webcrypto } from 'node:crypto'
import { suite, test } from 'node:test'
import { type AsnType, ObjectIdentifier, OctetString, PrintableString } from 'asn1js'
import forge from 'node-forge'
import {
  Attribute,
  Certificate,
  ContentInfo,
  EncapsulatedContentInfo,
  IssuerAndSerialNumber,
  SignedAndUnsignedAttributes,
  SignedData,
  SignerInfo,
} from 'pkijs'
import { encodeSubjectKeyIdentifier, OID } from '../../../src/pki/index.ts'
import { openRequest, prepareRaKeyRing } from '../../../src/scep/index.ts'
import {
  buildCsr,
  buildMessage,
  defaultRules,
  makeCa,
  makeIdentity,
  makeRa,
  now,
  toRaMaterial,
} from './message-builder.ts'
import { toPem, withOpenssl } from './openssl.ts'

const ra = makeRa(makeCa())
const device = makeIdentity('SCEP SIGNER')
const ring = prepareRaKeyRing([toRaMaterial(ra)])
const csrDer = buildCsr(device)

function assertOpens(contentDer: Uint8Array) {
  const outcome = openRequest(
    buildMessage(device, ra, csrDer, { contentDer }),
    ring,
    defaultRules,
    now,
  )
  assert.ok(outcome.kind === 'opened', JSON.stringify(outcome))
  assert.deepEqual(outcome.request.csr.der, csrDer)
  return outcome.request.frame
}

suite('messages made by others', () => {
  const envelopes: [string, string, string, string][] = [
    ['3DES', '-des3', 'des-ede3-cbc', 'pkcs1'],
    ['AES-128', '-aes128', 'aes-128-cbc', 'pkcs1'],
    ['AES-256, BER in pieces', '-aes256 -stream', 'aes-256-cbc', 'pkcs1'],
    ['AES-192, recipient by key identifier', '-aes192 -keyid', 'aes-192-cbc', 'pkcs1'],
    ['OAEP with its defaults', '-aes128', 'aes-128-cbc', 'oaep-sha1'],
    ['OAEP with SHA-256', '-aes256', 'aes-256-cbc', 'oaep-sha256'],
    ['OAEP with SHA-512', '-aes256', 'aes-256-cbc', 'oaep-sha512'],
  ]
  for (const [title, options, cipher, transport] of envelopes) {
    test(`an envelope of openssl with ${title} opens`, () => {
      const withKeyIdentifier = makeRaWithKeyIdentifier()
      const envelope = withOpenssl((tool) => {
        tool.write('ra.pem', toPem(withKeyIdentifier.certificateDer))
        tool.write('csr.der', csrDer)
        const oaep =
          transport === 'pkcs1'
            ? ''
            : ` -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:${transport.slice(5)} -keyopt rsa_mgf1_md:${transport.slice(5)}`
        tool.run(
          `cms -encrypt -binary ${options} -in csr.der -outform DER -out envelope.der -recip ra.pem${oaep}`,
        )
        return tool.read('envelope.der')
      })
      const message = buildMessage(device, ra, csrDer, { contentDer: envelope })
      const keyRing = prepareRaKeyRing([toRaMaterial(withKeyIdentifier)])
      const outcome = openRequest(message, keyRing, defaultRules, now)
      assert.ok(outcome.kind === 'opened', JSON.stringify(outcome))
      assert.deepEqual(outcome.request.csr.der, csrDer)
      assert.deepEqual(
        [outcome.request.frame.cipher, outcome.request.frame.keyTransport],
        [cipher, transport],
      )
    })
  }

  test('an envelope of node-forge opens', () => {
    const enveloped = forge.pkcs7.createEnvelopedData()
    enveloped.addRecipient(forge.pki.certificateFromPem(toPem(ra.certificateDer)))
    enveloped.content = forge.util.createBuffer(Buffer.from(csrDer).toString('latin1'))
    enveloped.encrypt()
    const der = forge.asn1.toDer(enveloped.toAsn1()).getBytes()
    assert.equal(assertOpens(new Uint8Array(Buffer.from(der, 'latin1'))).cipher, 'aes-256-cbc')
  })

  test('a pkiMessage signed by pkijs opens', async () => {
    const envelope = withOpenssl((tool) => {
      tool.write('ra.pem', toPem(ra.certificateDer))
      tool.write('csr.der', csrDer)
      tool.run(
        'cms -encrypt -binary -aes128 -in csr.der -outform DER -out envelope.der -recip ra.pem',
      )
      return tool.read('envelope.der')
    })
    const outcome = openRequest(await signWithPkijs(envelope), ring, defaultRules, now)
    assert.ok(outcome.kind === 'opened', JSON.stringify(outcome))
    assert.deepEqual(outcome.request.csr.der, csrDer)
    assert.equal(outcome.request.frame.transactionId, 'from-pkijs')
  })
})

function makeRaWithKeyIdentifier() {
  return makeIdentity('RA', {
    key: ra.key,
    serialHex: '05',
    extensions: [encodeSubjectKeyIdentifier(ra.spkiDer)],
  })
}

async function signWithPkijs(content: Uint8Array): Promise<Uint8Array> {
  const certificate = Certificate.fromBER(new Uint8Array(device.certificateDer).buffer)
  const attribute = (type: string, value: AsnType) => new Attribute({ type, values: [value] })
  const signerInfo = new SignerInfo({
    version: 1,
    sid: new IssuerAndSerialNumber({
      issuer: certificate.issuer,
      serialNumber: certificate.serialNumber,
    }),
    signedAttrs: new SignedAndUnsignedAttributes({
      type: 0,
      attributes: [
        attribute(OID.contentType, new ObjectIdentifier({ value: OID.data })),
        attribute(
          OID.messageDigest,
          new OctetString({ valueHex: new Uint8Array(hash('sha256', content, 'buffer')) }),
        ),
        attribute(OID.messageType, new PrintableString({ value: '19' })),
        attribute(OID.transactionId, new PrintableString({ value: 'from-pkijs' })),
        attribute(OID.senderNonce, new OctetString({ valueHex: new Uint8Array(16) })),
      ],
    }),
  })
  const signed = new SignedData({
    version: 1,
    encapContentInfo: new EncapsulatedContentInfo({
      eContentType: OID.data,
      eContent: new OctetString({ valueHex: new Uint8Array(content) }),
    }),
    signerInfos: [signerInfo],
    certificates: [certificate],
  })
  const key = await webcrypto.subtle.importKey(
    'pkcs8',
    device.key.export({ format: 'der', type: 'pkcs8' }),
    { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
    false,
    ['sign'],
  )
  await signed.sign(key, 0, 'SHA-256')
  const info = new ContentInfo({ contentType: OID.signedData, content: signed.toSchema(true) })
  return new Uint8Array(info.toSchema().toBER())
}
