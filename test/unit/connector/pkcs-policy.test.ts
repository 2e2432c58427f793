import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decidePkcs, isKnownAuthority } from '../../../src/connector/pkcs/pkcs-policy.ts'
import { fitsPattern } from '../../../src/connector/policy/name-patterns.ts'
import type { PkcsRequest } from '../../../src/management/index.ts'
import { findExtension, OID, parseExtKeyUsage, parseName } from '../../../src/pki/index.ts'
import { sampleRequest, sampleTemplate } from '../../support/pkcs-samples.ts'

const now = new Date('2026-03-31T12:00:00Z')
const decide = (change: Partial<PkcsRequest> = {}, template = sampleTemplate) =>
  decidePkcs(sampleRequest(change), [template], now)

describe('what a service may have issued', () => {
  test('names, purposes and lifetime as asked for, and the SID of its own member', () => {
    const decision = decide()
    assert.ok(decision.kind === 'accepted')
    const { order, keys } = decision
    assert.equal(keys, 'p256')
    assert.equal(parseName(order.subjectDer), 'CN=alice,emailAddress=alice@corp.example,O=Corp')
    assert.equal(order.notAfter.toISOString(), '2027-03-31T12:00:00.000Z')
    const eku = findExtension(order.extensions, OID.extKeyUsage)
    assert.deepEqual(parseExtKeyUsage(eku?.valueDer ?? new Uint8Array()), ['1.3.6.1.5.5.7.3.2'])
    const sid = findExtension(order.extensions, OID.ntdsCaSecurity)
    assert.match(Buffer.from(sid?.valueDer ?? []).toString('latin1'), /S-1-5-21-.*-1001$/)
  })

  test('without purposes it is the template’s: never a certificate for anything', () => {
    const decision = decide({ extendedKeyUsages: [], keyUsage: [] })
    assert.ok(decision.kind === 'accepted')
    const eku = findExtension(decision.order.extensions, OID.extKeyUsage)
    assert.deepEqual(parseExtKeyUsage(eku?.valueDer ?? new Uint8Array()), sampleTemplate.ekus)
    assert.ok(findExtension(decision.order.extensions, OID.keyUsage))
  })

  test('a template without SIDs leaves it out', () => {
    const decision = decide({}, { ...sampleTemplate, sid: false })
    assert.ok(decision.kind === 'accepted')
    assert.equal(findExtension(decision.order.extensions, OID.ntdsCaSecurity), undefined)
  })

  test('one month from 31 March ends in April', () => {
    const decision = decide({ validity: { value: 1, scale: 'months' } })
    assert.ok(decision.kind === 'accepted')
    assert.equal(decision.order.notAfter.toISOString(), '2026-04-30T12:00:00.000Z')
  })

  test('escapes in a subject are one value, and do not smuggle another attribute in', () => {
    const decision = decide({ subjectName: String.raw`CN=alice\,O=Other,O=Corp` })
    assert.ok(decision.kind === 'accepted')
    assert.equal(parseName(decision.order.subjectDer), String.raw`CN=alice\,O=Other,O=Corp`)
  })

  test('a CA is known in any case, and no other is', () => {
    assert.ok(isKnownAuthority(sampleRequest(), [sampleTemplate]))
    const other = sampleRequest({ certificationAuthority: 'ca2.corp.example' })
    assert.ok(!isKnownAuthority(other, [sampleTemplate]))
  })
})

describe('beyond the configuration', () => {
  const upn = 'userPrincipalName'
  for (const [title, change, code, pattern] of [
    ['another template', { certificateTemplateName: 'SubCA' }, 'NotSupportedError', /SubCA/],
    ['another O', { subjectName: 'CN=a,O=Evil' }, 'NotSupportedError', /^O of/],
    ['an attribute that is not listed', { subjectName: 'CN=a,OU=x' }, 'NotSupportedError', /^OU/],
    ['a second attribute in one part', { subjectName: 'CN=a+OU=x' }, 'NotSupportedError', /^OU/],
    ['a value that is no text', { subjectName: 'CN=#0500' }, 'NotSupportedError', /^CN/],
    [
      'an unresolved variable',
      { subjectName: 'CN={{DeviceName}}' },
      'ParameterDataInvalidError',
      /variable/,
    ],
    ['no subject', { subjectName: '' }, 'ParameterDataInvalidError', /name/],
    [
      'an empty name',
      { subjectAlternativeNames: [{ sanType: upn, name: '' }] },
      'ParameterDataInvalidError',
      /no such value/,
    ],
    [
      'a user of another domain',
      { subjectAlternativeNames: [{ sanType: upn, name: 'alice@corp.example.evil.example' }] },
      'NotSupportedError',
      /userPrincipalName/,
    ],
    [
      'a kind of name that is not listed',
      { subjectAlternativeNames: [{ sanType: 'domainNameService', name: 'dc1.corp.example' }] },
      'NotSupportedError',
      /domainNameService/,
    ],
    [
      'a user in the disguise of an otherName',
      {
        subjectAlternativeNames: [{ sanType: 'otherName', name: `${OID.userPrincipalName}:DAFh` }],
      },
      'NotSupportedError',
      /member of its own/,
    ],
    [
      'a SID as a URI',
      {
        subjectAlternativeNames: [
          {
            sanType: 'universalResourceIdentifier',
            name: 'tag:microsoft.com,2022-09-14:sid:S-1-5-21-1-2-3-1001',
          },
        ],
      },
      'NotSupportedError',
      /SID/,
    ],
    [
      'a SID that is none',
      { onPremisesSecurityIdentifier: 'S-1-5-18' },
      'ParameterDataInvalidError',
      /no SID/,
    ],
    [
      'the Administrator',
      { onPremisesSecurityIdentifier: 'S-1-5-21-1-2-3-500' },
      'NotSupportedError',
      /built-in/,
    ],
    [
      'another purpose',
      { extendedKeyUsages: ['2.5.29.37.0'] },
      'NotSupportedError',
      /2\.5\.29\.37\.0/,
    ],
    ['another key usage', { keyUsage: ['nonRepudiation'] }, 'NotSupportedError', /nonRepudiation/],
    ['a longer life', { validity: { value: 399, scale: 'days' } }, 'NotSupportedError', /398/],
    ['a short key', { keyAlgorithm: 'rsa', keySize: 1024 }, 'NotSupportedError', /1024/],
  ] as const)
    test(`${title} is refused`, () => {
      const decision = decide(change as Partial<PkcsRequest>)
      assert.ok(decision.kind === 'refused')
      assert.equal(decision.errorCode, code)
      assert.match(decision.reason, pattern)
    })
})

test('* in a pattern is anything, the rest is literal, in any case', () => {
  for (const [text, pattern, fits] of [
    ['alice@corp.example', '*@corp.example', true],
    ['alice@Corp.Example', '*@corp.example', true],
    ['alice@corp.example.evil', '*@corp.example', false],
    ['ab', 'a*b', true],
    ['a', 'a*a', false],
    ['axbxc', 'a*b*c', true],
    ['axxc', 'a*b*c', false],
    ['anything', '*', true],
    ['', '*', true],
    ['a.c', 'abc', false],
  ] as const)
    assert.equal(fitsPattern(text, pattern), fits, `${text} ${pattern}`)
})
