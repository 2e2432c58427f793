import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { suite, test } from 'node:test'
import { ConnectorError, type ErrorCode } from '../../../src/kernel/index.ts'
import {
  encodeAttribute,
  encodeBitString,
  encodeBmpString,
  encodeElement,
  encodeExtensions,
  encodeIa5String,
  encodeName,
  encodeNull,
  encodeOctetString,
  encodeOid,
  encodePrintableString,
  encodeSequence,
  encodeSetOf,
  encodeUtf8String,
  importPublicKey,
  OID,
  parseCertificationRequest,
  parseElement,
  parseKeyUsage,
  parseSubjectAltName,
  TAG,
  verifyCertificationRequest,
} from '../../../src/pki/index.ts'
import { buildCsr, makeIdentity } from '../scep/message-builder.ts'
import { withOpenssl } from '../scep/openssl.ts'

const device = makeIdentity('device')

function assertCode(code: ErrorCode, work: () => unknown) {
  assert.throws(work, (error) => error instanceof ConnectorError && error.code === code)
}

suite('certification requests', () => {
  const kinds: [string, string, object][] = [
    ['RSA-2048', 'rsa:2048', { algorithm: 'rsa', bits: 2048, exponent: 65537 }],
    [
      'P-256',
      'ec -pkeyopt ec_paramgen_curve:P-256',
      { algorithm: 'ec', bits: 256, curve: 'P-256' },
    ],
    [
      'P-384',
      'ec -pkeyopt ec_paramgen_curve:P-384',
      { algorithm: 'ec', bits: 384, curve: 'P-384' },
    ],
    [
      'P-521',
      'ec -pkeyopt ec_paramgen_curve:P-521',
      { algorithm: 'ec', bits: 521, curve: 'P-521' },
    ],
    [
      'secp256k1',
      'ec -pkeyopt ec_paramgen_curve:secp256k1',
      { algorithm: 'ec', bits: 0, curve: '1.3.132.0.10' },
    ],
    ['Ed25519', 'ed25519', { algorithm: 'ed25519', bits: 256 }],
  ]
  for (const [title, newkey, publicKey] of kinds) {
    test(`a request of openssl with ${title} is read and verified`, () => {
      const der = withOpenssl((tool) => {
        tool.run(
          `req -new -newkey ${newkey} -nodes -keyout key.pem -outform DER -out csr.der -subj /O=Example/CN=a,b ` +
            '-addext subjectAltName=DNS:a.example,IP:192.0.2.1 -addext keyUsage=critical,digitalSignature',
        )
        return tool.read('csr.der')
      })
      const csr = parseCertificationRequest(der)
      assert.equal(csr.subject, String.raw`CN=a\,b,O=Example`)
      assert.deepEqual(csr.publicKey, publicKey)
      assert.equal(csr.challengePassword, undefined)
      const [san, usage] = csr.extensions
      assert.deepEqual(
        parseSubjectAltName(san?.valueDer ?? encodeNull()).map(({ value }) => value),
        ['a.example', '192.0.2.1'],
      )
      assert.equal(usage?.critical, true)
      assert.deepEqual(parseKeyUsage(usage.valueDer), ['digitalSignature'])
      verifyCertificationRequest(parseElement(csr.der))
    })
  }

  test('a request signed with RSASSA-PSS is verified', () => {
    const der = withOpenssl((tool) => {
      tool.run(
        'req -new -newkey rsa:2048 -nodes -keyout key.pem -outform DER -out csr.der -subj /CN=a ' +
          '-sha384 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:-1',
      )
      return tool.read('csr.der')
    })
    verifyCertificationRequest(parseElement(der))
  })

  test('openssl verifies a request of the test builder', () => {
    withOpenssl((tool) => {
      tool.write('csr.der', buildCsr(device))
      tool.run('req -verify -noout -inform DER -in csr.der')
    })
  })

  const challenges: [string, Uint8Array][] = [
    ['PrintableString', encodePrintableString('Geheim')],
    ['UTF8String', encodeUtf8String('Geheim')],
    ['T61String', encodeElement(TAG.t61String, Buffer.from('Geheim'))],
    ['BMPString', encodeBmpString('Geheim')],
    ['IA5String', encodeIa5String('Geheim')],
    [
      'UniversalString',
      encodeElement(
        TAG.universalString,
        Buffer.from('Geheim').reduce<Buffer>(
          (all, octet) => Buffer.concat([all, Buffer.from([0, 0, 0, octet])]),
          Buffer.alloc(0),
        ),
      ),
    ],
  ]
  for (const [title, challengeDer] of challenges) {
    test(`REQ-109: the challenge is read from a ${title}`, () => {
      assert.equal(
        parseCertificationRequest(buildCsr(device, { challengeDer })).challengePassword,
        'Geheim',
      )
    })
  }

  test('REQ-110: a challenge of 40,000 characters is read', () => {
    const challengeDer = encodePrintableString('x'.repeat(40_000))
    const csr = parseCertificationRequest(buildCsr(device, { challengeDer }))
    assert.equal(csr.challengePassword?.length, 40_000)
  })

  test('two challenges, or one that is no text, are malformed', () => {
    const second = encodeAttribute(OID.challengePassword, encodePrintableString('b'))
    assertCode('pki/malformed', () =>
      parseCertificationRequest(buildCsr(device, { moreAttributesDer: [second] })),
    )
    assertCode('pki/malformed', () =>
      parseCertificationRequest(buildCsr(device, { challengeDer: encodeNull() })),
    )
  })

  test('REQ-112: extensions are collected from all three request attributes and never twice', () => {
    const one = (oid: string) =>
      encodeExtensions([{ oid, critical: false, valueDer: encodeNull() }])
    const moreAttributesDer = [
      encodeAttribute(OID.extensionRequest, one('1.2.3')),
      encodeAttribute(OID.microsoftExtensionRequest, one('1.2.4')),
      encodeAttribute(OID.verisignExtensionRequest, one('1.2.5')),
    ]
    const csr = parseCertificationRequest(buildCsr(device, { moreAttributesDer }))
    assert.deepEqual(
      csr.extensions.map(({ oid }) => oid),
      ['1.2.3', '1.2.4', '1.2.5'],
    )
    const twice = [
      ...moreAttributesDer,
      encodeAttribute(OID.microsoftExtensionRequest, one('1.2.3')),
    ]
    assertCode('pki/malformed', () =>
      parseCertificationRequest(buildCsr(device, { moreAttributesDer: twice })),
    )
  })

  test('REQ-116: name/value pairs of Microsoft are read, several of them', () => {
    const pair = (name: string, value: string) =>
      encodeAttribute(
        OID.enrolmentNameValuePair,
        encodeSequence(encodeBmpString(name), encodeBmpString(value)),
      )
    const moreAttributesDer = [pair('ValidityPeriod', 'Years'), pair('ValidityPeriodUnits', '2')]
    assert.deepEqual(
      parseCertificationRequest(buildCsr(device, { moreAttributesDer })).nameValuePairs,
      [
        { name: 'ValidityPeriod', value: 'Years' },
        { name: 'ValidityPeriodUnits', value: '2' },
      ],
    )
  })

  test('REQ-123: subject and key are slices of the request, byte for byte', () => {
    const subjectDer = encodeSequence()
    const der = buildCsr(device, { subjectDer })
    const csr = parseCertificationRequest(der)
    assert.deepEqual(csr.subjectDer, subjectDer)
    assert.deepEqual(csr.spkiDer, device.spkiDer)
    assert.equal(csr.spkiDer.buffer, der.buffer)
  })

  test('a subject that is not DER is refused, since a certificate would copy it', () => {
    const inPieces = encodeElement(TAG.utf8String | 0x20, encodeOctetString(Buffer.from('device')))
    const attribute = encodeSequence(encodeOid(OID.commonName), inPieces)
    for (const subjectDer of [
      Uint8Array.of(0x30, 0x80, 0, 0),
      encodeSequence(encodeSetOf(attribute)),
    ])
      assertCode('pki/malformed', () => parseCertificationRequest(buildCsr(device, { subjectDer })))
  })

  suite('a key in another encoding than its usual one is refused, though OpenSSL takes it for the same key', () => {
    const known = createPublicKey({ key: Buffer.from(device.spkiDer), format: 'der', type: 'spki' })
    const { n = '', e = '' } = known.export({ format: 'jwk' })
    const [modulus, exponent] = [n, e].map((text) => Buffer.from(text, 'base64url'))
    assert.ok(modulus !== undefined && exponent !== undefined)
    const integer = (...octets: Uint8Array[]) => encodeElement(TAG.integer, ...octets)
    const zero = Uint8Array.of(0)
    const usualIdentifier = encodeSequence(encodeOid(OID.rsaEncryption), encodeNull())
    const keyOf = (parts: readonly Uint8Array[], identifier = usualIdentifier) =>
      encodeSequence(identifier, encodeBitString(encodeSequence(...parts)))
    const usual = [integer(zero, modulus), integer(exponent)]
    const inLongForm = Buffer.concat([Uint8Array.of(0x30, 0x83, 0x00, 0x01, 0x0a), ...usual])
    const others: [string, Uint8Array][] = [
      ['without the parameters NULL', keyOf(usual, encodeSequence(encodeOid(OID.rsaEncryption)))],
      [
        'with other parameters',
        keyOf(usual, encodeSequence(encodeOid(OID.rsaEncryption), encodeUtf8String('other'))),
      ],
      ['with a negative modulus', keyOf([integer(modulus), integer(exponent)])],
      ['with a padded modulus', keyOf([integer(zero, zero, modulus), integer(exponent)])],
      ['with a padded exponent', keyOf([integer(zero, modulus), integer(zero, exponent)])],
      ['with a long length', encodeSequence(usualIdentifier, encodeBitString(inLongForm))],
    ]
    for (const [title, spkiDer] of others)
      test(title, () => {
        const request = buildCsr({ ...device, spkiDer })
        verifyCertificationRequest(parseElement(request))
        assert.ok(importPublicKey(spkiDer).equals(known))
        assertCode('pki/malformed', () => parseCertificationRequest(request))
      })

    test('a compressed point', () => {
      const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const usualDer = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }))
      const point = usualDer.subarray(-65)
      const compressed = Buffer.concat([
        Uint8Array.of(2 + ((point.at(-1) ?? 0) & 1)),
        point.subarray(1, 33),
      ])
      const identifier = encodeSequence(encodeOid(OID.ecPublicKey), encodeOid(OID.prime256v1))
      const spkiDer = encodeSequence(identifier, encodeBitString(compressed))
      assert.ok(importPublicKey(spkiDer).equals(publicKey))
      const request = (der: Uint8Array) => buildCsr({ ...device, key: privateKey, spkiDer: der })
      assert.equal(parseCertificationRequest(request(usualDer)).publicKey.algorithm, 'ec')
      assertCode('pki/malformed', () => parseCertificationRequest(request(spkiDer)))
    })
  })

  test('a subject of more than 4096 octets is refused, and one of 4096 is read', () => {
    const subjectOf = (length: number) =>
      encodeName([{ oid: OID.commonName, value: 'x'.repeat(length) }])
    const most = 4096 - (subjectOf(4000).length - 4000)
    const { subject } = parseCertificationRequest(buildCsr(device, { subjectDer: subjectOf(most) }))
    assert.equal(subject.length, 'CN='.length + most)
    const longer = buildCsr(device, { subjectDer: subjectOf(most + 1) })
    assertCode('pki/malformed', () => parseCertificationRequest(longer))
  })

  test('a changed request does not verify', () => {
    const der = buildCsr(device)
    const at = Buffer.from(der).indexOf('secret')
    der[at] = (der[at] ?? 0) ^ 1
    assertCode('pki/bad-csr', () => verifyCertificationRequest(parseElement(der)))
  })

  test('a key that the caller knows is used only for the same key bytes', () => {
    const other = makeIdentity('other')
    verifyCertificationRequest(parseElement(buildCsr(device)), other)
    verifyCertificationRequest(parseElement(buildCsr(device)), device)
  })

  test('an unknown signature algorithm is not supported', () => {
    const der = buildCsr(device)
    const at = Buffer.from(der).lastIndexOf(Buffer.from('2a864886f70d01010b', 'hex'))
    der[at + 8] = 0x7f
    assertCode('pki/unsupported-algorithm', () => verifyCertificationRequest(parseElement(der)))
  })
})
