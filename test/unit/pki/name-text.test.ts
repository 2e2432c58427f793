import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ConnectorError } from '../../../src/kernel/index.ts'
import {
  encodeName,
  encodeNameText,
  findNameValues,
  OID,
  parseElement,
  parseName,
} from '../../../src/pki/index.ts'

describe('names from text', () => {
  test('the first part of the text is the last of the name', () => {
    const expected = encodeName([
      { oid: OID.domainComponent, value: 'corp' },
      { oid: OID.organizationName, value: 'Corp' },
      { oid: OID.emailAddress, value: 'user1@corp.example' },
      { oid: OID.commonName, value: 'user1' },
    ])
    assert.deepEqual(encodeNameText('CN=user1,E=user1@corp.example,O=Corp,DC=corp'), expected)
    assert.deepEqual(
      encodeNameText(
        ' cn = user1 , emailAddress=user1@corp.example, o=Corp ,OID.0.9.2342.19200300.100.1.25=#1604636F7270',
      ),
      expected,
    )
  })

  for (const [title, text, value] of [
    ['escaped separators', String.raw`CN=Doe\, John\+Jane\;x\=y,O=Corp`, 'Doe, John+Jane;x=y'],
    ['escaped quotes and angles', String.raw`CN=\"a\" \<b\>,O=Corp`, '"a" <b>'],
    ['escaped space at both ends', String.raw`CN=\ a\ ,O=Corp`, ' a '],
    ['a leading number sign', String.raw`CN=\#1,O=Corp`, '#1'],
    ['hexadecimal pairs of UTF-8', String.raw`CN=Lu\C4\8Di\C4\87,O=Corp`, 'Lučić'],
    ['an equals sign inside', 'CN=a=b,O=Corp', 'a=b'],
    ['letters beyond ASCII', 'CN=Zoë 🔑,O=Corp', 'Zoë 🔑'],
    ['a backslash', String.raw`CN=a\\b,O=Corp`, String.raw`a\b`],
  ] as const)
    test(`${title} are read as RFC 4514 has them`, () => {
      const name = encodeNameText(text)
      assert.deepEqual(findNameValues(name, OID.commonName), [value])
      assert.deepEqual(findNameValues(name, OID.organizationName), ['Corp'])
    })

  test('several attributes in one part stay in one part, in DER order', () => {
    const name = parseElement(encodeNameText('UID=u1+CN=user,O=Corp'))
    assert.equal(name.children.length, 2)
    assert.equal(name.children[1]?.children.length, 2)
    assert.deepEqual(
      encodeNameText('UID=u1+CN=user,O=Corp'),
      encodeNameText('CN=user+UID=u1,O=Corp'),
    )
  })

  for (const [title, text, pattern] of [
    ['an unresolved variable', 'CN={{UserName}}', /variable/],
    ['no attribute', 'user1', /no attribute=value/],
    ['nothing', '', /no attribute=value/],
    ['nothing after a comma', 'CN=a,', /no attribute=value/],
    ['an empty value', 'CN=,O=Corp', /without a value/],
    ['an unknown type', 'XY=a', /'XY' is not known/],
    ['a quote without backslash', 'CN="a"', /without a backslash/],
    ['a backslash before a letter', String.raw`CN=\q`, /backslash/],
    ['a backslash at the end', 'CN=a\\', /backslash/],
    ['pairs that are no UTF-8', String.raw`CN=\C4\C4`, /UTF-8/],
    ['a control character', String.raw`CN=a\0Ab`, /control character/],
    ['a country of three letters', 'C=CHE', /two letters/],
    ['e-mail beyond ASCII', 'E=zoë@corp.example', /ASCII/],
    ['broken hexadecimal', 'CN=#0', /hexadecimal pairs/],
    ['hexadecimal that is no DER', 'CN=#0C05', /malformed|length|exceeds/],
    ['very long text', `CN=${'a'.repeat(5000)}`, /4096/],
  ] as const)
    test(`${title} is refused`, () => {
      assert.throws(() => encodeNameText(text), { code: 'pki/malformed', message: pattern })
    })

  test('what is written of a name is read as that name', () => {
    const oids = [
      OID.commonName,
      OID.organizationName,
      OID.organizationalUnitName,
      OID.localityName,
    ]
    const value = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
      .filter((text) => !/[\p{Cc}\p{Cs}]|\{\{|\}\}/u.test(text))
    const attributes = fc.array(fc.record({ oid: fc.constantFrom(...oids), value }), {
      minLength: 1,
      maxLength: 6,
    })
    fc.assert(
      fc.property(attributes, (list) => {
        const der = encodeName(list)
        assert.deepEqual(encodeNameText(parseName(der)), der)
      }),
    )
  })

  test('any text gives a name or pki/malformed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        try {
          parseName(encodeNameText(`CN=${text}`))
        } catch (error) {
          assert.ok(
            error instanceof ConnectorError && error.code === 'pki/malformed',
            String(error),
          )
        }
      }),
    )
  })
})
