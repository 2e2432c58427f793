import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ConnectorError, fromHex, toHex } from '../../../src/kernel/index.ts'
import {
  encodeAuthorityInfoAccess,
  encodeAuthorityKeyIdentifier,
  encodeBasicConstraints,
  encodeContext,
  encodeCrlDistributionPoints,
  encodeElement,
  encodeExtensions,
  encodeExtKeyUsage,
  encodeGeneralName,
  encodeKeyUsage,
  encodeName,
  encodeNull,
  encodeOctetString,
  encodeOtherName,
  encodeSequence,
  encodeSidExtension,
  encodeSubjectAltName,
  KEY_USAGE_NAMES,
  OID,
  parseAuthorityInfoAccess,
  parseAuthorityKeyIdentifier,
  parseBasicConstraints,
  parseCrlDistributionPoints,
  parseElement,
  parseExtKeyUsage,
  parseKeyUsage,
  parseSidExtension,
  parseSubjectAltName,
  readExtensions,
} from '../../../src/pki/index.ts'

suite('extension values', () => {
  test('keyUsage has its bits where RFC 5280 puts them and no trailing zeros', () => {
    assert.equal(
      toHex(encodeKeyUsage(['digitalSignature', 'keyEncipherment']).valueDer),
      '030205A0',
    )
    assert.equal(toHex(encodeKeyUsage(['keyCertSign', 'cRLSign']).valueDer), '03020106')
    assert.equal(toHex(encodeKeyUsage(['decipherOnly']).valueDer), '0303070080')
    assert.equal(toHex(encodeKeyUsage([]).valueDer), '030100')
    for (const name of KEY_USAGE_NAMES) {
      assert.deepEqual(parseKeyUsage(encodeKeyUsage([name]).valueDer), [name])
    }
    assert.equal(encodeKeyUsage([]).critical, true)
  })

  test('extKeyUsage keeps the order of its OIDs', () => {
    const oids = [OID.serverAuth, OID.certificateRequestAgent]
    assert.deepEqual(parseExtKeyUsage(encodeExtKeyUsage(oids).valueDer), oids)
  })

  test('the SID extension equals the published vector', () => {
    const sid = 'S-1-5-21-1111111111-2222222222-3333333333-1001'
    const { valueDer, oid, critical } = encodeSidExtension(sid)
    assert.equal(
      toHex(valueDer),
      '3040A03E060A2B060104018237190201A030042E532D312D352D32312D313131313131313131312D323232323232323232322D333333333333333333332D31303031',
    )
    assert.deepEqual([oid, critical], ['1.3.6.1.4.1.311.25.2', false])
    assert.equal(parseSidExtension(valueDer), sid)
    assert.equal(parseSidExtension(encodeSequence()), undefined)
  })

  test('basicConstraints of a CA and of a leaf', () => {
    assert.equal(
      toHex(encodeBasicConstraints({ isCa: true, pathLength: 0 }).valueDer),
      '30060101FF020100',
    )
    assert.equal(toHex(encodeBasicConstraints({ isCa: false }).valueDer), '3000')
    for (const value of [{ isCa: true, pathLength: 3 }, { isCa: true }, { isCa: false }]) {
      assert.deepEqual(parseBasicConstraints(encodeBasicConstraints(value).valueDer), value)
    }
  })

  test('pointers to the issuer and to CRLs are read back', () => {
    const access = {
      caIssuersUrls: ['http://a.example/ca.cer'],
      ocspUrls: ['http://a.example/ocsp', 'http://b.example/ocsp'],
    }
    assert.deepEqual(parseAuthorityInfoAccess(encodeAuthorityInfoAccess(access).valueDer), access)
    const urls = ['http://a.example/1.crl', 'http://b.example/1.crl']
    assert.deepEqual(parseCrlDistributionPoints(encodeCrlDistributionPoints(urls).valueDer), urls)
  })

  test('an authorityKeyIdentifier gives its key identifier, if it has one', () => {
    const identifier = fromHex('0102')
    assert.deepEqual(
      parseAuthorityKeyIdentifier(encodeAuthorityKeyIdentifier(identifier).valueDer),
      identifier,
    )
    assert.equal(parseAuthorityKeyIdentifier(encodeSequence()), undefined)
  })

  const names: [Parameters<typeof encodeGeneralName>[0], string, string?][] = [
    ['dns', 'a.example'],
    ['email', 'a@a.example'],
    ['uri', 'tag:microsoft.com,2022-09-14:sid:S-1-5-21-1-2-3-1001'],
    ['ip', '192.0.2.1'],
    ['ip', '2001:db8::1', '2001:db8:0:0:0:0:0:1'],
    ['ip', '::ffff:192.0.2.1', '0:0:0:0:0:ffff:c000:201'],
    ['upn', 'jürgen@a.example'],
    ['registeredId', '1.2.3.4'],
  ]
  for (const [kind, value, read] of names) {
    test(`a subjectAltName of kind ${kind} holds ${value}`, () => {
      const der = encodeGeneralName(kind, value)
      const [name] = parseSubjectAltName(encodeSubjectAltName([der]).valueDer)
      assert.equal(name?.kind, kind)
      assert.equal(name.value, read ?? value)
      assert.deepEqual(name.der, der)
    })
  }

  test('the other kinds of general names are told apart', () => {
    const ders = [
      encodeOtherName('1.2.3', encodeNull()),
      encodeContext(3, encodeNull()),
      encodeContext(4, encodeName([{ oid: OID.commonName, value: 'a' }])),
      encodeContext(5, encodeNull()),
      encodeElement(0x87, Uint8Array.of(1, 2, 3)),
    ]
    const read = parseSubjectAltName(encodeSubjectAltName(ders).valueDer)
    assert.deepEqual(
      read.map(({ kind, value, typeOid }) => [kind, value, typeOid]),
      [
        ['otherName', '0500', '1.2.3'],
        ['x400Address', '0500', undefined],
        ['dirName', 'CN=a', undefined],
        ['ediPartyName', '0500', undefined],
        ['ip', '010203', undefined],
      ],
    )
  })

  test('a value that its kind cannot hold is a mistake of the programmer', () => {
    assert.throws(() => encodeGeneralName('dns', 'ü.example'), TypeError)
    assert.throws(() => encodeGeneralName('ip', '300.1.1.1'), TypeError)
    assert.throws(() => encodeGeneralName('ip', 'fe80::1%eth0'), TypeError)
  })

  test('critical is false when it is left out, and read when it is there', () => {
    const extensions = [
      { oid: '1.2.3', critical: true, valueDer: encodeNull() },
      { oid: '1.2.4', critical: false, valueDer: encodeNull() },
    ]
    assert.deepEqual(readExtensions(parseElement(encodeExtensions(extensions))), extensions)
  })

  test('what is no extension is malformed', () => {
    for (const der of [
      encodeNull(),
      encodeSequence(encodeNull()),
      encodeSequence(encodeSequence(encodeOctetString(fromHex('00')))),
    ]) {
      assert.throws(
        () => readExtensions(parseElement(der)),
        (error) => error instanceof ConnectorError && error.code === 'pki/malformed',
      )
    }
  })
})
