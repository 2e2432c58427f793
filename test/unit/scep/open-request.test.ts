import assert from 'node:assert/strict'
import { generateKeyPairSync, hash, randomBytes, X509Certificate } from 'node:crypto'
import { suite, test } from 'node:test'
import { ConnectorError, fromHex, toHex } from '../../../src/kernel/index.ts'
import {
  encodeAttribute,
  encodeBmpString,
  encodeContext,
  encodeElement,
  encodeExtensions,
  encodeIa5String,
  encodeInteger,
  encodeIssuerAndSerial,
  encodeNull,
  encodeOctetString,
  encodeOid,
  encodePrintableString,
  encodeSequence,
  encodeSetUnsorted,
  encodeTime,
  encodeUtf8String,
  keyIdentifierOf,
  OID,
  parseCertificate,
  TAG,
} from '../../../src/pki/index.ts'
import {
  type FailInfo,
  HRESULT,
  type OpenOutcome,
  openRequest,
  prepareRaKeyRing,
  type ScepRequest,
  type ScepRules,
} from '../../../src/scep/index.ts'
import {
  buildCsr,
  buildEnvelope,
  buildMessage,
  buildRecipient,
  defaultRules,
  type MessageOptions,
  makeCa,
  makeIdentity,
  makeRa,
  now,
  toRaMaterial,
} from './message-builder.ts'

const ca = makeCa()
const ra = makeRa(ca)
const oldRa = makeRa(ca, '6F02')
const device = makeIdentity('SCEP SIGNER')
const ring = prepareRaKeyRing([toRaMaterial(oldRa, false), toRaMaterial(ra)])
const csrDer = buildCsr(device)

function open(options: MessageOptions = {}, rules: Partial<ScepRules> = {}): OpenOutcome {
  const message = buildMessage(device, ra, csrDer, options)
  return openRequest(message, ring, { ...defaultRules, ...rules }, now)
}

function assertOpened(outcome: OpenOutcome): ScepRequest {
  assert.equal(outcome.kind, 'opened', JSON.stringify(outcome))
  assert.ok(outcome.kind === 'opened')
  return outcome.request
}

function assertRefused(outcome: OpenOutcome, failInfo: FailInfo, text?: RegExp) {
  assert.ok(outcome.kind === 'refused', 'the request must be refused')
  assert.equal(outcome.refusal.failInfo, failInfo, outcome.refusal.text)
  if (text !== undefined) assert.match(outcome.refusal.text, text)
  assert.equal(outcome.frame.transactionId, '4711')
  return outcome
}

suite('openRequest', () => {
  test('a plain PKCSReq opens with everything the pipeline needs', () => {
    const request = assertOpened(open())
    assert.equal(request.messageType, 'PKCSReq')
    assert.deepEqual(request.csr.der, csrDer)
    assert.equal(request.csr.challengePassword, 'secret')
    assert.equal(request.csr.subject, 'CN=device')
    assert.equal(request.csrSha256Hex, toHex(hash('sha256', csrDer, 'buffer')))
    assert.deepEqual(request.signer, {
      certificateDer: device.certificateDer,
      sha256Hex: toHex(hash('sha256', device.certificateDer, 'buffer')),
      publicKeySha256Hex: toHex(
        hash(
          'sha256',
          new X509Certificate(device.certificateDer).publicKey.export({
            type: 'spki',
            format: 'der',
          }),
          'buffer',
        ),
      ),
      isSelfSigned: true,
      subject: 'CN=SCEP SIGNER',
      hasCsrKey: true,
    })
    assert.equal(request.signingTime, undefined)
    const signer = parseCertificate(device.certificateDer)
    assert.deepEqual(request.frame, {
      transactionId: '4711',
      transactionIdDer: encodePrintableString('4711'),
      senderNonce: new Uint8Array(16).fill(7),
      digest: 'sha256',
      cipher: 'aes-128-cbc',
      keyTransport: 'pkcs1',
      isByPassword: false,
      raFingerprintHex: toHex(hash('sha256', ra.certificateDer, 'buffer')),
      recipient: {
        issuerAndSerialDer: encodeIssuerAndSerial(signer.issuerDer, fromHex(signer.serialHex)),
        spkiDer: signer.spkiDer,
      },
    })
  })

  test('what is opened survives the way to another thread', () => {
    const request = assertOpened(open())
    assert.deepEqual(structuredClone(request), request)
  })

  const accepted: [string, MessageOptions, Partial<ScepRules>?][] = [
    ['BER with indefinite lengths and constructed strings', { ber: true }],
    ['SHA-1', { digest: 'sha1' }],
    ['SHA-224', { digest: 'sha224' }],
    ['SHA-384', { digest: 'sha384' }],
    ['SHA-512', { digest: 'sha512' }],
    ['MD5 where allowed', { digest: 'md5' }, { allowMd5: true }],
    ['sha256WithRSAEncryption as signature algorithm', { signature: 'hashWithRsa' }],
    ['RSASSA-PSS', { signature: 'pss' }],
    ['3DES', { cipher: 'des-ede3-cbc' }],
    ['AES-192', { cipher: 'aes-192-cbc' }],
    ['AES-256', { cipher: 'aes-256-cbc' }],
    ['AES-128-GCM', { cipher: 'aes-128-gcm' }],
    ['AES-256-GCM', { cipher: 'aes-256-gcm' }],
    ['DES where allowed', { cipher: 'des-cbc' }, { allowDes: true }],
    ['OAEP with SHA-1', { transport: 'oaep-sha1' }],
    ['OAEP with SHA-256', { transport: 'oaep-sha256' }],
    ['OAEP with SHA-384', { transport: 'oaep-sha384' }],
    ['OAEP with SHA-512', { transport: 'oaep-sha512' }],
    ['attributes sent unsorted and signed sorted', { unsorted: true }],
    ['attributes sent and signed unsorted', { signUnsorted: true }],
    ['a nonce of 8 octets', { senderNonce: new Uint8Array(8) }],
    ['a nonce of 64 octets', { senderNonce: new Uint8Array(64) }],
    ['no nonce', { senderNonce: undefined }],
    ['messageType 17', { messageTypeDer: encodePrintableString('17') }],
    ['messageType with leading zeros', { messageTypeDer: encodePrintableString('0019') }],
    ['messageType as INTEGER', { messageTypeDer: encodeInteger(19) }],
    ['messageType as UTF8String', { messageTypeDer: encodeUtf8String('19') }],
    ['eContent as bare SEQUENCE', { contentAs: 'sequence' }],
    ['eContentType id-envelopedData', { contentTypeOid: OID.envelopedData }],
    ['EnvelopedData version 2', { envelopeVersion: 2 }],
    ['EnvelopedData version 3', { envelopeVersion: 3 }],
    ['encrypted content of type id-encryptedData', { innerTypeOid: '1.2.840.113549.1.7.6' }],
    ['a recipient by key identifier', { keyIdentifier: keyIdentifierOf(ra.spkiDer) }],
    [
      'a key identifier wrapped twice',
      { keyIdentifier: encodeOctetString(keyIdentifierOf(ra.spkiDer)) },
    ],
    ['octets behind the CSR', { plain: Buffer.concat([csrDer, Uint8Array.of(0, 1, 2)]) }],
    ['a chain beside the signer', { certificatesDer: [ca.certificateDer, device.certificateDer] }],
    [
      'a signer that is not named as it is called, when there is one certificate',
      { signerIdentifierDer: encodeElement(0x80, new Uint8Array(20)) },
    ],
    [
      'a signer named by its key identifier',
      {
        signerIdentifierDer: encodeElement(0x80, keyIdentifierOf(device.spkiDer)),
        certificatesDer: [ca.certificateDer, device.certificateDer],
      },
    ],
    [
      'an unknown attribute',
      {
        moreAttributesDer: [
          encodeAttribute('1.2.840.113549.1.9.25.3', encodeOctetString(new Uint8Array(16))),
        ],
      },
    ],
    [
      'signingTime of any date',
      { moreAttributesDer: [encodeAttribute(OID.signingTime, encodeTime(new Date(0)))] },
    ],
  ]
  for (const [title, options, rules] of accepted) {
    test(`REQ-28, REQ-65, REQ-69, REQ-73, REQ-76, REQ-89, REQ-94, REQ-99, REQ-101: accepts ${title}`, () => {
      const request = assertOpened(open(options, rules))
      assert.deepEqual(request.csr.der, csrDer)
      assert.equal(request.frame.digest, options.digest ?? 'sha256')
      assert.equal(request.frame.cipher, options.cipher ?? 'aes-128-cbc')
      assert.equal(request.frame.keyTransport, options.transport ?? 'pkcs1')
      assert.deepEqual(
        request.frame.senderNonce,
        'senderNonce' in options ? options.senderNonce : new Uint8Array(16).fill(7),
      )
    })
  }

  const refused: [string, MessageOptions, FailInfo, RegExp?, Partial<ScepRules>?][] = [
    ['MD5', { digest: 'md5' }, 'badAlg', /MD5/],
    ['DES', { cipher: 'des-cbc' }, 'badAlg', /DES/],
    ['a wrong messageDigest', { tamper: 'digest' }, 'badMessageCheck', /messageDigest/],
    ['a wrong signature', { tamper: 'signature' }, 'badMessageCheck', /signature/],
    ['no content', { contentAs: 'absent' }, 'badRequest'],
    ['a CSR in clear text', { contentDer: csrDer }, 'badRequest'],
    ['a nonce of 65 octets', { senderNonce: new Uint8Array(65) }, 'badRequest', /65/],
    ['an empty nonce', { senderNonce: new Uint8Array() }, 'badRequest', /senderNonce/],
    ['no messageType', { messageTypeDer: undefined }, 'badRequest', /messageType/],
    ['messageType 18', { messageTypeDer: encodePrintableString('18') }, 'badRequest', /18/],
    ['messageType of letters', { messageTypeDer: encodePrintableString('x') }, 'badRequest'],
    ['two signers', { signerInfos: (one) => [one, one] }, 'badMessageCheck', /one signer/],
    [
      'a repeated attribute',
      { moreAttributesDer: [encodeAttribute(OID.messageType, encodePrintableString('19'))] },
      'badMessageCheck',
      /one value/,
    ],
    ['no certificate', { certificatesDer: [] }, 'badMessageCheck', /certificate/],
    [
      'several certificates of which none is named',
      { certificatesDer: [ca.certificateDer, ra.certificateDer] },
      'badMessageCheck',
    ],
    [
      'more than 16 certificates',
      { certificatesDer: Array.from({ length: 17 }, () => device.certificateDer) },
      'badRequest',
      /16/,
    ],
    ['EnvelopedData version 1', { envelopeVersion: 1 }, 'badRequest', /version/],
    [
      'recipients of other kinds only',
      { recipients: [encodeContext(1, encodeInteger(3))] },
      'badAlg',
    ],
    [
      'signingTime beyond the limit',
      {
        moreAttributesDer: [
          encodeAttribute(OID.signingTime, encodeTime(new Date(now.getTime() + 301_000))),
        ],
      },
      'badTime',
      /300/,
      { maxSigningTimeSkewSeconds: 300 },
    ],
  ]
  for (const [title, options, failInfo, text, rules] of refused) {
    test(`REQ-68, REQ-76, REQ-79, REQ-89, REQ-92, REQ-101, REQ-105, REQ-106, REQ-189: refuses ${title} with ${failInfo}`, () => {
      assertRefused(open(options, rules), failInfo, text)
    })
  }

  test('a content cipher that nobody allows is refused with badAlg', () => {
    const rc2 = encodeSequence(encodeOid('1.2.840.113549.3.2'), encodeNull())
    const enveloped = encodeSequence(
      encodeInteger(0),
      encodeSetUnsorted(buildRecipient(ra, randomBytes(16))),
      encodeSequence(encodeOid(OID.data), rc2, encodeElement(0x80, randomBytes(64))),
    )
    const contentDer = encodeSequence(encodeOid(OID.envelopedData), encodeContext(0, enveloped))
    assertRefused(open({ contentDer }), 'badAlg', /1\.2\.840\.113549\.3\.2/)
  })

  test('an EnvelopedData without its ContentInfo opens', () => {
    const info = buildEnvelope(ra, csrDer)
    const bare = parseBare(info)
    assertOpened(open({ contentDer: bare, contentTypeOid: OID.envelopedData }))
  })

  test('REQ-97, REQ-98: an encryption to somebody else names issuer and serial that the client used', () => {
    const message = buildMessage(device, ca, csrDer)
    const outcome = openRequest(message, ring, defaultRules, now)
    const { refusal, frame } = assertRefused(
      outcome,
      'badMessageCheck',
      /serial 01 of issuer CN=CA/,
    )
    assert.equal(refusal.hResult, HRESULT.NTE_BAD_DATA)
    assert.equal(frame.raFingerprintHex, undefined)
  })

  test('REQ-95, REQ-98: of several recipients the one that is ours is used', () => {
    const contentKey = randomBytes(16)
    const recipients = [
      encodeContext(1, encodeInteger(3)),
      buildRecipient(ca, contentKey),
      buildRecipient(ra, contentKey),
    ]
    // The envelope draws its own content key, so only the choice of the recipient shows here.
    const { frame } = assertRefused(open({ recipients }), 'badMessageCheck')
    assert.equal(frame.raFingerprintHex, toHex(hash('sha256', ra.certificateDer, 'buffer')))
  })

  test('REQ-48, REQ-98: a retired RA key still decrypts, and the frame says so', () => {
    const outcome = openRequest(buildMessage(device, oldRa, csrDer), ring, defaultRules, now)
    const { frame } = assertOpened(outcome)
    assert.equal(frame.raFingerprintHex, toHex(hash('sha256', oldRa.certificateDer, 'buffer')))
  })

  test('REQ-100: all failures after the RSA decryption give one and the same refusal', () => {
    const other = makeIdentity('other')
    const info = csrDer.slice()
    info[info.length - 3] = (info[info.length - 3] ?? 0) ^ 1
    const failures: MessageOptions[] = [
      { tamper: 'wrapped-key' },
      { tamper: 'wrapped-key', transport: 'oaep-sha1' },
      { tamper: 'wrapped-key', cipher: 'aes-256-gcm' },
      { tamper: 'content' },
      { tamper: 'content', cipher: 'aes-128-gcm' },
      { plain: new Uint8Array() },
      { plain: randomBytes(300) },
      { plain: encodeSequence(encodeInteger(1)) },
      { plain: info },
      { plain: other.certificateDer },
    ]
    const refusals = failures.map(
      (options) => assertRefused(open(options), 'badMessageCheck').refusal,
    )
    for (const refusal of refusals) assert.deepEqual(refusal, refusals[0])
    assert.equal(refusals[0]?.hResult, HRESULT.NTE_BAD_DATA)
  })

  test('REQ-112: an extension that is requested twice is refused with badRequest once possession is proven', () => {
    const extension = { oid: OID.extKeyUsage, critical: false, valueDer: encodeSequence() }
    const plain = buildCsr(device, {
      extensions: [extension],
      moreAttributesDer: [
        encodeAttribute(OID.microsoftExtensionRequest, encodeExtensions([extension])),
      ],
    })
    assertRefused(open({ plain }), 'badRequest', /requested twice/)
  })

  test('REQ-76: a CSR signed with MD5 opens only where MD5 is allowed', () => {
    const plain = buildCsr(device, { digest: 'md5' })
    assertRefused(open({ plain }), 'badAlg', /MD5/)
    assertOpened(open({ plain }, { allowMd5: true }))
  })

  test('REQ-84: a signer key other than that of the CSR is accepted unless the rules forbid it', () => {
    const plain = buildCsr(makeIdentity('other'))
    assert.equal(assertOpened(open({ plain })).signer.hasCsrKey, false)
    assertRefused(open({ plain }, { requireSameKey: true }), 'badRequest', /another key/)
  })

  test('REQ-85: a signer issued by a CA is not taken for self-signed, whatever its names say', () => {
    const renewing = makeIdentity('CA', { issuer: ca, serialHex: '22' })
    const message = buildMessage(renewing, ra, buildCsr(renewing))
    const request = assertOpened(openRequest(message, ring, defaultRules, now))
    assert.equal(request.signer.isSelfSigned, false)
  })

  test('a signer with an EC key is refused with badAlg: nothing can be encrypted to it', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
    const elliptic = makeIdentity('EC', { key: privateKey })
    const message = buildMessage(elliptic, ra, csrDer)
    assertRefused(openRequest(message, ring, defaultRules, now), 'badAlg', /cannot be encrypted/)
  })

  test('a signature algorithm that does not fit the digest is refused', () => {
    const der = buildMessage(device, ra, csrDer, { signature: 'hashWithRsa' })
    const from = Buffer.from(encodeOid(OID.sha256WithRsaEncryption))
    // The last one is that of the SignerInfo; the one in the certificate stands before it.
    const at = Buffer.from(der).lastIndexOf(from)
    der.set(encodeOid(OID.sha512WithRsaEncryption), at)
    assertRefused(openRequest(der, ring, defaultRules, now), 'badMessageCheck', /fit together/)
  })

  const strings: [string, Uint8Array, string][] = [
    ['UTF8String', encodeUtf8String('ü1'), 'ü1'],
    ['IA5String', encodeIa5String('a+/='), 'a+/='],
    ['BMPString', encodeBmpString('id'), 'id'],
    ['T61String', encodeElement(TAG.t61String, Uint8Array.of(0xe9)), 'é'],
    ['VisibleString', encodeElement(TAG.visibleString, Uint8Array.of(0x41)), 'A'],
    ['control characters', encodePrintableString('a\n\u001b[31m'), '610A1B5B33316D'],
    ['spaces alone', encodePrintableString('  '), '2020'],
    ['turned text', encodeUtf8String('\u202ea'), 'E280AE61'],
    ['half a surrogate pair', encodeElement(TAG.bmpString, Uint8Array.of(0xd8, 0)), 'D800'],
    ['255 octets', encodePrintableString('x'.repeat(255)), 'x'.repeat(255)],
  ]
  for (const [title, transactionIdDer, text] of strings) {
    test(`a transactionID as ${title} is kept with its tag`, () => {
      const { frame } = assertOpened(open({ transactionIdDer }))
      assert.deepEqual(frame.transactionIdDer, transactionIdDer)
      assert.equal(frame.transactionId, text)
    })
  }

  const malformed: [string, () => Uint8Array][] = [
    ['nothing', () => new Uint8Array()],
    ['text', () => Buffer.from('hello')],
    ['a CSR', () => csrDer],
    ['a cut message', () => buildMessage(device, ra, csrDer).subarray(0, -1)],
    [
      'octets behind the message',
      () => Buffer.concat([buildMessage(device, ra, csrDer), Uint8Array.of(0)]),
    ],
    ['no signer', () => buildMessage(device, ra, csrDer, { signerInfos: () => [] })],
    ['no transactionID', () => buildMessage(device, ra, csrDer, { transactionIdDer: undefined })],
    [
      'an empty transactionID',
      () => buildMessage(device, ra, csrDer, { transactionIdDer: encodePrintableString('') }),
    ],
    [
      'a transactionID of 256 octets',
      () =>
        buildMessage(device, ra, csrDer, {
          transactionIdDer: encodePrintableString('x'.repeat(256)),
        }),
    ],
  ]
  for (const [title, make] of malformed) {
    test(`REQ-64: throws scep/malformed for ${title}`, () => {
      assert.throws(
        () => openRequest(make(), ring, defaultRules, now),
        (error) => error instanceof ConnectorError && error.code === 'scep/malformed',
      )
    })
  }

  test('REQ-74: digest and signature algorithms may come without parameters', () => {
    assertOpened(open({ omitNull: true }))
  })
})

function parseBare(info: Uint8Array): Uint8Array {
  // ContentInfo SEQUENCE, OID of 11 octets, [0] with a two-octet length.
  return info.subarray(4 + 11 + 4)
}
