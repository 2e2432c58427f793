import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ConnectorError } from '../../../src/kernel/index.ts'
import {
  encodeElement,
  encodeName,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  encodeSetOf,
  encodeUtf8String,
  findNameValues,
  OID,
  parseElement,
  parseName,
  TAG,
} from '../../../src/pki/index.ts'

const nameOf = (value: string) => parseName(encodeName([{ oid: OID.commonName, value }]))

suite('names', () => {
  test('the most specific part comes first', () => {
    const name = encodeName([
      { oid: OID.countryName, value: 'DE' },
      { oid: OID.domainComponent, value: 'example' },
      { oid: OID.organizationName, value: 'Example' },
      { oid: OID.commonName, value: 'device' },
    ])
    assert.equal(parseName(name), 'CN=device,O=Example,DC=example,C=DE')
    assert.equal(parseElement(name).children[0]?.children[0]?.children[1]?.tag, TAG.printableString)
  })

  test('parts of one relative name are joined by +', () => {
    const attribute = (oid: string, text: string) =>
      encodeSequence(encodeOid(oid), encodeUtf8String(text))
    const name = encodeSequence(
      encodeSetOf(attribute(OID.commonName, 'a'), attribute(OID.serialNumber, '1')),
    )
    assert.equal(parseName(name), 'CN=a+serialNumber=1')
  })

  const escapes: [string, string][] = [
    ['a,b', String.raw`CN=a\,b`],
    ['a+b;c<d>e"f\\g', String.raw`CN=a\+b\;c\<d\>e\"f\\g`],
    [' a ', String.raw`CN=\ a\ `],
    ['#a#', String.raw`CN=\#a#`],
    ['a=b', 'CN=a=b'],
    ['', 'CN='],
    [' ', String.raw`CN=\ `],
    ['a\nb', String.raw`CN=a\0Ab`],
    ['a\0b', String.raw`CN=a\00b`],
    ['\u001b[31m', String.raw`CN=\1B[31m`],
    ['a\u202eb', String.raw`CN=a\E2\80\AEb`],
    ['a\u0085b', String.raw`CN=a\C2\85b`],
    ['Jürgen 😀', 'CN=Jürgen 😀'],
  ]
  for (const [value, text] of escapes) {
    test(`${JSON.stringify(value)} is written ${JSON.stringify(text)}`, () => {
      assert.equal(nameOf(value), text)
    })
  }

  test('unknown attributes and values that are no text appear in hexadecimal', () => {
    const name = encodeSequence(
      encodeSetOf(encodeSequence(encodeOid('1.2.3.4'), encodeUtf8String('a'))),
      encodeSetOf(encodeSequence(encodeOid(OID.commonName), encodeOctetString(Uint8Array.of(1)))),
      encodeSetOf(
        encodeSequence(
          encodeOid(OID.commonName),
          encodeElement(TAG.utf8String, Uint8Array.of(0xff)),
        ),
      ),
    )
    assert.equal(parseName(name), 'CN=#0C01FF,CN=#040101,1.2.3.4=#0C0161')
  })

  test('an empty name is an empty text', () => {
    assert.equal(parseName(encodeSequence()), '')
  })

  test('what is no name is malformed', () => {
    const broken = [
      encodeSetOf(),
      encodeSequence(encodeSetOf()),
      encodeSequence(encodeSequence()),
      encodeSequence(encodeSetOf(encodeSequence(encodeOid('1.2.3')))),
      encodeSequence(encodeSetOf(encodeSequence(encodeUtf8String('a'), encodeUtf8String('b')))),
    ]
    for (const der of broken) {
      assert.throws(
        () => parseName(der),
        (error) => error instanceof ConnectorError && error.code === 'pki/malformed',
      )
    }
  })

  test('values of one type are found', () => {
    const name = encodeName([
      { oid: OID.organizationalUnitName, value: 'a' },
      { oid: OID.commonName, value: 'c' },
      { oid: OID.organizationalUnitName, value: 'b' },
    ])
    assert.deepEqual(findNameValues(name, OID.organizationalUnitName), ['a', 'b'])
    assert.deepEqual(findNameValues(name, OID.countryName), [])
  })
})
