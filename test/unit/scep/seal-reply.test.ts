import assert from 'node:assert/strict'
import { randomBytes, X509Certificate } from 'node:crypto'
import { suite, test } from 'node:test'
import { Null } from 'asn1js'
import forge from 'node-forge'
import { ContentInfo, IssuerAndSerialNumber, SignedData } from 'pkijs'
import { ConnectorError } from '../../../src/kernel/index.ts'
import {
  type Attribute,
  decryptContent,
  encodePrintableString,
  encodeUtf8String,
  findText,
  OID,
  parseCertificates,
  parseElement,
  parseEnvelopedData,
  parseOid,
  parseSignedData,
  parseTime,
  readContentCipher,
  readKeyTransport,
  readSignedContent,
  readSignerInfo,
  sortEncodings,
  unwrapContentKey,
} from '../../../src/pki/index.ts'
import {
  type ContentCipher,
  type DigestName,
  type KeyTransport,
  openRequest,
  prepareRaKeyRing,
  type Reply,
  type ReplyFrame,
  refusalFor,
  type ScepRules,
  sealReply,
} from '../../../src/scep/index.ts'
import {
  buildCsr,
  buildMessage,
  defaultRules,
  type MessageOptions,
  makeCa,
  makeIdentity,
  makeRa,
  now,
  toRaMaterial,
} from './message-builder.ts'
import { toPem, withOpenssl } from './openssl.ts'

const ca = makeCa()
const ra = makeRa(ca)
const oldRa = makeRa(ca, '6F02')
const device = makeIdentity('SCEP SIGNER')
const leaf = makeIdentity('device', { issuer: ca, key: device.key, serialHex: '0123' })
const ring = prepareRaKeyRing([toRaMaterial(ra), toRaMaterial(oldRa, false)])
const random = (length: number) => new Uint8Array(randomBytes(length))
const success: Reply = {
  status: 'SUCCESS',
  certificateDer: leaf.certificateDer,
  chainDer: [ca.certificateDer, ra.certificateDer],
}
const failure: Reply = {
  status: 'FAILURE',
  refusal: refusalFor('policy/not-willing', 'Schlüssel zu kurz'),
}

function frameOf(options: MessageOptions = {}, toRa = ra): ReplyFrame {
  const message = buildMessage(device, toRa, buildCsr(device), options)
  const rules = { ...defaultRules, allowMd5: true, allowDes: true }
  const outcome = openRequest(message, ring, rules, now)
  assert.equal(outcome.kind, 'opened')
  assert.ok(outcome.kind === 'opened')
  return outcome.request.frame
}

function seal(frame: ReplyFrame, reply: Reply, rules: Partial<ScepRules> = {}): Uint8Array {
  return sealReply(frame, reply, ring, { ...defaultRules, ...rules }, { now, random })
}

function readReply(replyDer: Uint8Array) {
  const signed = parseSignedData(replyDer)
  const [info] = signed.signerInfos
  assert.ok(info !== undefined && signed.signerInfos.length === 1)
  const signerInfo = readSignerInfo(info)
  const values = new Map(signerInfo.attributes.map(onlyValue))
  assert.equal(values.size, signerInfo.attributes.length, 'no attribute twice')
  return { signed, signerInfo, values, content: readSignedContent(signed) }
}

function onlyValue({ oid, values }: Attribute) {
  const [value] = values
  assert.ok(value !== undefined && values.length === 1)
  return [oid, value] as const
}

function decrypt(replyDer: Uint8Array): Uint8Array {
  const content = readReply(replyDer).content
  assert.ok(content !== undefined)
  const envelope = parseEnvelopedData(content.octets)
  const [recipient] = envelope.recipients
  assert.ok(recipient?.kind === 'keyTransport' && envelope.recipients.length === 1)
  const { cipher, iv } = readContentCipher(envelope.cipherAlgorithm)
  const transport = readKeyTransport(recipient.keyAlgorithm)
  const keyLength = {
    'des-cbc': 8,
    'des-ede3-cbc': 24,
    'aes-128-cbc': 16,
    'aes-192-cbc': 24,
    'aes-256-cbc': 32,
    'aes-128-gcm': 16,
    'aes-256-gcm': 32,
  }[cipher]
  const key = unwrapContentKey(device.key, transport, recipient.wrappedKey, keyLength)
  const plain = decryptContent(cipher, key, iv, envelope.encryptedContent ?? new Uint8Array())
  assert.ok(plain !== undefined)
  return plain
}

suite('sealReply', () => {
  const ciphers: ContentCipher[] = [
    'des-cbc',
    'des-ede3-cbc',
    'aes-128-cbc',
    'aes-192-cbc',
    'aes-256-cbc',
    'aes-128-gcm',
    'aes-256-gcm',
  ]
  for (const cipher of ciphers) {
    test(`REQ-28, REQ-166: a request with ${cipher} is answered with ${cipher}`, () => {
      const reply = seal(frameOf({ cipher }), success)
      assert.deepEqual(parseCertificates(decrypt(reply)), [leaf.certificateDer])
      const content = readReply(reply).content
      const envelope = parseEnvelopedData(content?.octets ?? new Uint8Array())
      assert.equal(readContentCipher(envelope.cipherAlgorithm).cipher, cipher)
    })
  }

  const transports: KeyTransport[] = [
    'pkcs1',
    'oaep-sha1',
    'oaep-sha256',
    'oaep-sha384',
    'oaep-sha512',
  ]
  for (const transport of transports) {
    test(`REQ-99, REQ-166: a request with ${transport} is answered with ${transport}`, () => {
      const reply = seal(frameOf({ transport }), success)
      assert.deepEqual(parseCertificates(decrypt(reply)), [leaf.certificateDer])
    })
  }

  test('openssl verifies the signature and decrypts the certificate', () => {
    const matrix: MessageOptions[] = [
      {},
      { cipher: 'des-ede3-cbc', digest: 'sha1' },
      { cipher: 'aes-256-cbc', digest: 'sha512', transport: 'oaep-sha256' },
      { cipher: 'aes-192-cbc', digest: 'sha384', transport: 'oaep-sha1' },
    ]
    withOpenssl((tool) => {
      tool.write('ca.pem', toPem(ca.certificateDer))
      tool.write('device.pem', toPem(device.certificateDer))
      tool.write('key.pem', device.key.export({ format: 'pem', type: 'pkcs8' }))
      for (const options of matrix) {
        tool.write('reply.der', seal(frameOf(options), success))
        tool.run(
          'cms -verify -binary -in reply.der -inform DER -CAfile ca.pem -purpose ' +
            'any -attime 1772366400 -out envelope.der',
        )
        tool.run(
          'cms -decrypt -binary -in envelope.der -inform DER -recip device.pem ' +
            '-inkey key.pem -out certs.der',
        )
        const printed = tool.run('pkcs7 -inform DER -in certs.der -print_certs')
        const [pem] = /-----BEGIN[^]+END CERTIFICATE-----/.exec(printed) ?? []
        assert.deepEqual(new Uint8Array(new X509Certificate(pem ?? '').raw), leaf.certificateDer)
      }
    })
  })

  test('REQ-163, REQ-164, REQ-171, REQ-173: pkijs verifies it and finds the same fields', async () => {
    const der = seal(frameOf(), success)
    const info = ContentInfo.fromBER(toArrayBuffer(der))
    const signed = new SignedData({ schema: info.content })
    assert.equal(signed.version, 1)
    assert.equal(await signed.verify({ signer: 0, checkChain: false }), true)
    const [signerInfo] = signed.signerInfos
    assert.ok(signerInfo !== undefined)
    assert.ok(signerInfo.sid instanceof IssuerAndSerialNumber)
    assert.equal(signerInfo.version, 1)
    assert.equal(signerInfo.signatureAlgorithm.algorithmId, OID.rsaEncryption)
    assert.ok(signerInfo.signatureAlgorithm.algorithmParams instanceof Null)
    const inner = ContentInfo.fromBER(toArrayBuffer(decrypt(der)))
    const certificates = new SignedData({ schema: inner.content })
    assert.equal(certificates.signerInfos.length, 0)
    assert.equal(certificates.digestAlgorithms.length, 0)
    assert.equal(certificates.encapContentInfo.eContent, undefined)
    assert.equal(certificates.certificates?.length, 1)
  })

  test('node-forge decrypts it', () => {
    const content = readReply(seal(frameOf(), success)).content
    const asn1 = forge.asn1.fromDer(Buffer.from(content?.octets ?? []).toString('latin1'))
    const enveloped = forge.pkcs7.messageFromAsn1(asn1) as forge.pkcs7.PkcsEnvelopedData
    const certificate = forge.pki.certificateFromPem(toPem(device.certificateDer))
    const recipient = enveloped.findRecipient(certificate)
    assert.ok(recipient !== null, 'the recipient is the signer of the request')
    const pem = device.key.export({ format: 'pem', type: 'pkcs8' }).toString()
    enveloped.decrypt(recipient, forge.pki.privateKeyFromPem(pem))
    const plain = Buffer.from(
      String((enveloped.content as forge.util.ByteStringBuffer).getBytes()),
      'latin1',
    )
    assert.deepEqual(parseCertificates(new Uint8Array(plain)), [leaf.certificateDer])
  })

  test('REQ-161, REQ-169: a SUCCESS says so in its attributes, which stand in DER order', () => {
    const transactionIdDer = encodeUtf8String('tränsaction')
    const { values, signerInfo } = readReply(seal(frameOf({ transactionIdDer }), success))
    const text = (oid: string) =>
      findText(values.get(oid) ?? parseElement(encodePrintableString('')))
    assert.equal(text(OID.messageType), '3')
    assert.equal(text(OID.pkiStatus), '0')
    assert.equal(text(OID.microsoftScepServerMessage), 'Issued')
    assert.deepEqual(values.get(OID.transactionId)?.der, transactionIdDer)
    assert.deepEqual(values.get(OID.recipientNonce)?.value, new Uint8Array(16).fill(7))
    assert.equal(values.get(OID.senderNonce)?.value.length, 16)
    assert.equal(parseOid(values.get(OID.contentType) ?? parseElement(transactionIdDer)), OID.data)
    const time = values.get(OID.signingTime)
    assert.ok(time !== undefined)
    assert.deepEqual(parseTime(time, 'signingTime'), now)
    assert.equal(values.has(OID.failInfo), false)
    const encodings = signerInfo.signedAttributes.children.map(({ der }) => der)
    assert.deepEqual(encodings, sortEncodings(encodings))
  })

  test('REQ-161, REQ-162, REQ-176, REQ-178: a FAILURE carries failInfo, its text, the HRESULT and no content', () => {
    const { values, content, signed } = readReply(seal(frameOf(), failure))
    const text = (oid: string) =>
      findText(values.get(oid) ?? parseElement(encodePrintableString('')))
    assert.equal(text(OID.pkiStatus), '2')
    assert.equal(text(OID.failInfo), '2')
    assert.equal(text(OID.failInfoText), 'Schlüssel zu kurz')
    assert.equal(text(OID.microsoftScepError), '-2146877422')
    assert.equal(content, undefined)
    assert.equal(signed.encapsulated.children.length, 1)
  })

  test('REQ-177: openssl verifies a FAILURE in both forms of its empty content', () => {
    withOpenssl((tool) => {
      tool.write('ca.pem', toPem(ca.certificateDer))
      for (const ndesEmptyContent of [false, true]) {
        tool.write('reply.der', seal(frameOf(), failure, { ndesEmptyContent }))
        tool.write('empty', '')
        tool.run(
          `cms -verify -binary -in reply.der -inform DER${ndesEmptyContent ? '' : ' -content empty'} -CAfile ca.pem -purpose any -attime 1772366400 -out out`,
        )
        assert.deepEqual(tool.read('out'), new Uint8Array(ndesEmptyContent ? 1 : 0))
      }
    })
  })

  test('REQ-179: a PENDING has status 3 and no failInfo', () => {
    const { values, content } = readReply(seal(frameOf(), { status: 'PENDING' }))
    assert.equal(findText(values.get(OID.pkiStatus) ?? parseElement(encodeUtf8String(''))), '3')
    assert.equal(values.has(OID.failInfo), false)
    assert.equal(values.has(OID.failInfoText), false)
    assert.equal(content, undefined)
  })

  test('a refused request without an envelope can be answered with FAILURE and not with SUCCESS', () => {
    const message = buildMessage(device, ra, buildCsr(device), { contentAs: 'absent' })
    const outcome = openRequest(message, ring, defaultRules, now)
    assert.ok(outcome.kind === 'refused')
    const { frame, refusal } = outcome
    const { values } = readReply(seal(frame, { status: 'FAILURE', refusal }))
    assert.equal(values.has(OID.failInfo), true)
    assert.throws(
      () => seal(frame, success),
      (error) => error instanceof ConnectorError && error.code === 'internal/bug',
    )
  })

  const digests: DigestName[] = ['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512']
  for (const digest of digests) {
    test(`REQ-28, REQ-165: a request with ${digest} is answered with ${digest}`, () => {
      const { signerInfo, signed } = readReply(seal(frameOf({ digest }), success))
      assert.equal(
        parseOid(signerInfo.digestAlgorithm.children[0] ?? signerInfo.digestAlgorithm),
        OID[digest],
      )
      assert.equal(signed.signerInfos.length, 1)
    })
  }

  test('a request without senderNonce is answered without recipientNonce', () => {
    const { values } = readReply(seal(frameOf({ senderNonce: undefined }), success))
    assert.equal(values.has(OID.recipientNonce), false)
    assert.equal(values.get(OID.senderNonce)?.value.length, 16)
  })

  test('REQ-167: the senderNonce of the reply has the length of that of the request and never repeats', () => {
    const frame = frameOf({ senderNonce: new Uint8Array(8).fill(1) })
    const nonces = [seal(frame, success), seal(frame, success)].map(
      (der) => readReply(der).values.get(OID.senderNonce)?.value,
    )
    assert.equal(nonces[0]?.length, 8)
    assert.notDeepEqual(nonces[0], nonces[1])
  })

  test('REQ-161, REQ-168, REQ-170: the rules leave signingTime, signer certificate and Microsoft attributes out', () => {
    const rules = { signingTime: false, omitSignerCert: true, ndesAttributes: false }
    for (const reply of [success, failure]) {
      const { values, signed } = readReply(seal(frameOf(), reply, rules))
      assert.equal(values.has(OID.signingTime), false)
      assert.equal(values.has(OID.microsoftScepError), false)
      assert.equal(values.has(OID.microsoftScepServerMessage), false)
      assert.equal(signed.certificates.length, 0)
    }
  })

  test('REQ-170: the issuers of the signer follow it by option, and never where it is left out itself', () => {
    const materials = [{ ...toRaMaterial(ra), issuersDer: [ca.certificateDer] }]
    const certificatesOf = (rules: Partial<ScepRules>) =>
      parseCertificates(
        sealReply(
          frameOf(),
          failure,
          prepareRaKeyRing(materials),
          { ...defaultRules, ...rules },
          { now, random: (length) => new Uint8Array(length) },
        ),
      )
    assert.deepEqual(certificatesOf({}), [ra.certificateDer])
    const both = [ra.certificateDer, ca.certificateDer]
    assert.deepEqual(certificatesOf({ includeSignerChain: true }), both)
    assert.deepEqual(certificatesOf({ includeSignerChain: true, omitSignerCert: true }), [])
  })

  test('REQ-174, REQ-175: replyChain puts CA certificates behind the leaf, never before it', () => {
    const certificatesFor = (replyChain: ScepRules['replyChain']) =>
      parseCertificates(decrypt(seal(frameOf(), success, { replyChain })))
    assert.deepEqual(certificatesFor('none'), [leaf.certificateDer])
    assert.deepEqual(certificatesFor('issuer'), [leaf.certificateDer, ca.certificateDer])
    assert.deepEqual(certificatesFor('chain'), [leaf.certificateDer, ra.certificateDer])
    assert.deepEqual(certificatesFor('full'), [
      leaf.certificateDer,
      ca.certificateDer,
      ra.certificateDer,
    ])
  })

  test('REQ-48: a request to a retired RA key is answered under that key', () => {
    const { signed } = readReply(seal(frameOf({}, oldRa), success))
    assert.deepEqual(signed.certificates[0]?.der, oldRa.certificateDer)
  })
})

function toArrayBuffer(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer
}
