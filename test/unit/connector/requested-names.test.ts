import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { encodeRequestedNames } from '../../../src/connector/policy/requested-names.ts'
import type { RequestedName } from '../../../src/management/index.ts'
import { encodeUtf8String, parseSubjectAltName } from '../../../src/pki/index.ts'

const other = `1.3.6.1.4.1.99999.1:${Buffer.from(encodeUtf8String('x')).toString('base64')}`
const all: readonly RequestedName[] = [
  { sanType: 'userPrincipalName', name: 'zoë@corp.example' },
  { sanType: 'emailAddress', name: 'user1@corp.example' },
  { sanType: 'domainNameService', name: 'host.corp.example' },
  { sanType: 'universalResourceIdentifier', name: 'tag:microsoft.com,2022-09-14:sid:S-1-5-21-1' },
  { sanType: 'ipAddress', name: '2001:db8::1' },
  { sanType: 'directoryName', name: String.raw`CN=Doe\, John,O=Corp` },
  { sanType: 'otherName', name: other },
]

describe('subject alternative names of a work item', () => {
  test('every kind comes out as what it is', () => {
    const extension = encodeRequestedNames(all)
    const names = parseSubjectAltName(extension?.valueDer ?? new Uint8Array())
    assert.deepEqual(
      names.map(({ kind, value }) => [kind, value]),
      [
        ['upn', 'zoë@corp.example'],
        ['email', 'user1@corp.example'],
        ['dns', 'host.corp.example'],
        ['uri', 'tag:microsoft.com,2022-09-14:sid:S-1-5-21-1'],
        ['ip', '2001:db8:0:0:0:0:0:1'],
        ['dirName', String.raw`CN=Doe\, John,O=Corp`],
        ['otherName', '0C0178'],
      ],
    )
    assert.equal(names[6]?.typeOid, '1.3.6.1.4.1.99999.1')
  })

  test('no names are no extension', () => {
    assert.equal(encodeRequestedNames([]), undefined)
  })

  for (const [title, name, pattern] of [
    ['an empty value', { sanType: 'emailAddress', name: ' ' }, /name 1 \(emailAddress\) is empty/],
    ['an unresolved variable', { sanType: 'emailAddress', name: '{{EmailAddress}}' }, /variable/],
    ['e-mail beyond ASCII', { sanType: 'emailAddress', name: 'zoë@x' }, /cannot be encoded/],
    ['no address', { sanType: 'ipAddress', name: '10.0.0' }, /cannot be encoded/],
    ['an otherName without DER', { sanType: 'otherName', name: '1.2.3:AAAA' }, /cannot be encoded/],
    ['an otherName without OID', { sanType: 'otherName', name: 'DAF4' }, /cannot be encoded/],
    ['a broken directory name', { sanType: 'directoryName', name: 'Doe' }, /cannot be encoded/],
    ['a line break', { sanType: 'domainNameService', name: 'a\nb' }, /control character/],
  ] as const)
    test(`${title} is policy/not-willing`, () => {
      assert.throws(() => encodeRequestedNames([name]), {
        code: 'policy/not-willing',
        message: pattern,
      })
    })
})
