import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  type CertificateRules,
  checkCertificatePolicy,
} from '../../../src/connector/policy/certificate-policy.ts'
import {
  type CertificationRequest,
  type Extension,
  encodeContext,
  encodeExtKeyUsage,
  encodeGeneralName,
  encodeKeyUsage,
  encodeName,
  encodeOid,
  encodeSidExtension,
  encodeSubjectAltName,
  encodeUtf8String,
  OID,
  parseExtKeyUsage,
  parseKeyUsage,
  parseSubjectAltName,
} from '../../../src/pki/index.ts'

const now = new Date('2026-11-22T12:00:00Z')
const clientAuth = '1.3.6.1.5.5.7.3.2'
const smartCardLogon = '1.3.6.1.4.1.311.20.2.2'
const sid = 'S-1-5-21-1111111111-2222222222-3333333333-1001'

const rules: CertificateRules = {
  validityDays: 365,
  backdateMinutes: 10,
  minRsaBits: 2048,
  keyTypes: ['rsa', 'ec'],
  allowEmptySubject: false,
  allowedEkus: [clientAuth],
  defaultEkus: [clientAuth],
  allowedKeyUsages: ['digitalSignature', 'keyEncipherment'],
  defaultKeyUsages: ['digitalSignature'],
  sanKinds: ['dns', 'email', 'uri', 'upn'],
  sid: 'pass-uri',
  requireSid: false,
}

function csrWith(change: Partial<CertificationRequest>): CertificationRequest {
  return {
    der: new Uint8Array(),
    subjectDer: Uint8Array.of(0x30, 0x00),
    subject: 'CN=device',
    spkiDer: Uint8Array.of(0x30, 0x00),
    publicKey: { algorithm: 'rsa', bits: 2048, exponent: 65537 },
    challengePassword: 'secret',
    extensions: [],
    nameValuePairs: [],
    signatureAlgorithmOid: '1.2.840.113549.1.1.11',
    ...change,
  }
}

function uri(text: string): Uint8Array {
  return encodeGeneralName('uri', text)
}

function accepted(change: Partial<CertificationRequest>, with_: Partial<CertificateRules> = {}) {
  const verdict = checkCertificatePolicy(csrWith(change), { ...rules, ...with_ }, now)
  assert.equal(verdict.kind, 'accepted', verdict.kind === 'refused' ? verdict.reason : '')
  return verdict as Extract<typeof verdict, { kind: 'accepted' }>
}

function refused(
  change: Partial<CertificationRequest>,
  with_: Partial<CertificateRules> = {},
): string {
  const verdict = checkCertificatePolicy(csrWith(change), { ...rules, ...with_ }, now)
  assert.equal(verdict.kind, 'refused')
  return verdict.kind === 'refused' ? verdict.reason : ''
}

function granted(extensions: readonly Extension[], oid: string): Extension | undefined {
  return extensions.find((extension) => extension.oid === oid)
}

describe('certificate policy', () => {
  test('REQ-119, REQ-132: the lifetime is the profile’s, and notBefore is backdated', () => {
    const { order } = accepted({})
    assert.equal(order.notBefore.toISOString(), '2026-11-22T11:50:00.000Z')
    assert.equal(order.notAfter.toISOString(), '2027-11-22T12:00:00.000Z')
  })

  describe('a lifetime that the request names (REQ-116 to 119)', () => {
    const day = 86_400_000
    for (const [period, units, end] of [
      ['Days', '30', '2026-12-22T12:00:00.000Z'],
      ['weeks', '2', '2026-12-06T12:00:00.000Z'],
      ['Months', '3', '2027-02-22T12:00:00.000Z'],
      ['90', 'Days', '2027-02-20T12:00:00.000Z'],
    ] as const) {
      test(`REQ-117, REQ-118: ${units} ${period} is granted`, () => {
        const { order, leftOut } = accepted({ nameValuePairs: pairs(period, units) })
        assert.equal(order.notAfter.toISOString(), end)
        assert.deepEqual(leftOut, [])
      })
    }

    test('a month from the last day of January ends on the last day of February', () => {
      const csr = csrWith({ nameValuePairs: pairs('Months', '1') })
      const verdict = checkCertificatePolicy(csr, rules, new Date('2027-01-31T12:00:00Z'))
      assert.ok(verdict.kind === 'accepted')
      assert.equal(verdict.order.notAfter.toISOString(), '2027-02-28T12:00:00.000Z')
    })

    for (const [period, units] of [
      ['Years', '2'],
      ['Years', '9999'],
      ['Fortnights', '1'],
      ['Days', '0'],
      ['Days', '-1'],
      ['Days', '99999999999'],
      ['Days', undefined],
      [undefined, '1'],
    ] as const) {
      test(`REQ-117, REQ-119: ${units} ${period} gives the lifetime of the profile, and says so`, () => {
        const { order, leftOut } = accepted({ nameValuePairs: pairs(period, units) })
        assert.equal(order.notAfter.getTime(), now.getTime() + 365 * day)
        assert.match(leftOut.join(), /ValidityPeriod/)
      })
    }

    function pairs(period: string | undefined, units: string | undefined) {
      return [
        ...(period === undefined ? [] : [{ name: 'ValidityPeriod', value: period }]),
        ...(units === undefined ? [] : [{ name: 'ValidityPeriodUnits', value: units }]),
      ]
    }
  })

  for (const [title, publicKey] of [
    ['RSA of 1024 bits', { algorithm: 'rsa', bits: 1024, exponent: 65537 }],
    ['RSA above 8192 bits', { algorithm: 'rsa', bits: 16384, exponent: 65537 }],
    ['an RSA exponent of 1', { algorithm: 'rsa', bits: 2048, exponent: 1 }],
    ['an even RSA exponent', { algorithm: 'rsa', bits: 2048, exponent: 65536 }],
    ['a huge RSA exponent', { algorithm: 'rsa', bits: 2048, exponent: 0 }],
    ['a curve nobody asked for', { algorithm: 'ec', bits: 192, curve: '1.2.840.10045.3.1.1' }],
    ['Ed25519 where the profile lists rsa and ec', { algorithm: 'ed25519', bits: 256 }],
    ['an unknown key type', { algorithm: 'other', bits: 0 }],
  ] as const) {
    test(`REQ-121: ${title} is refused`, () => {
      assert.notEqual(refused({ publicKey }), '')
    })
  }

  test('REQ-130, REQ-131: keyUsage and extKeyUsage are granted as far as the profile allows, and the rest is named', () => {
    const verdict = accepted({
      extensions: [
        encodeKeyUsage(['digitalSignature', 'keyCertSign']),
        encodeExtKeyUsage([clientAuth, smartCardLogon]),
      ],
    })
    const keyUsage = granted(verdict.order.extensions, OID.keyUsage)
    const extKeyUsage = granted(verdict.order.extensions, OID.extKeyUsage)
    assert.deepEqual(parseKeyUsage(keyUsage?.valueDer ?? new Uint8Array()), ['digitalSignature'])
    assert.equal(keyUsage?.critical, true)
    assert.deepEqual(parseExtKeyUsage(extKeyUsage?.valueDer ?? new Uint8Array()), [clientAuth])
    assert.deepEqual(verdict.leftOut, ['keyUsage keyCertSign', `extKeyUsage ${smartCardLogon}`])
  })

  test('nothing left of what was asked for is a refusal that names it', () => {
    assert.match(refused({ extensions: [encodeExtKeyUsage([smartCardLogon])] }), /311\.20\.2\.2/)
    assert.match(refused({ extensions: [encodeKeyUsage(['keyCertSign'])] }), /keyCertSign/)
  })

  test('who asks for no usage gets the default ones', () => {
    const { order } = accepted({})
    const keyUsage = granted(order.extensions, OID.keyUsage)
    assert.deepEqual(parseKeyUsage(keyUsage?.valueDer ?? new Uint8Array()), ['digitalSignature'])
  })

  test('REQ-124, REQ-125: the subjectAltName is copied byte for byte, not critical beside a subject', () => {
    const asked = encodeSubjectAltName(
      [encodeGeneralName('dns', 'a.example'), uri('IntuneDeviceId://7')],
      true,
    )
    const copied = granted(accepted({ extensions: [asked] }).order.extensions, OID.subjectAltName)
    assert.deepEqual(copied?.valueDer, asked.valueDer)
    assert.equal(copied?.critical, false)
  })

  test('REQ-108: an empty subject needs permission and a subjectAltName, which then is critical', () => {
    const names = encodeSubjectAltName([encodeGeneralName('dns', 'a.example')])
    assert.match(refused({ subject: '', extensions: [names] }), /subject is empty/)
    assert.match(refused({ subject: '' }, { allowEmptySubject: true }), /no subjectAltName/)
    const { order } = accepted({ subject: '', extensions: [names] }, { allowEmptySubject: true })
    assert.equal(granted(order.extensions, OID.subjectAltName)?.critical, true)
  })

  for (const [title, names, reason] of [
    ['a NUL in a DNS name', [encodeGeneralName('dns', 'good.example\0.evil')], /dns .* ASCII/],
    ['a line feed in a URI', [uri('urn:a\nb')], /uri .* ASCII/],
    ['an empty DNS name', [encodeGeneralName('dns', '')], /dns .* ASCII/],
    ['a NUL in a UPN', [encodeGeneralName('upn', 'a\0@b')], /control character/],
    ['an address of three octets', [Uint8Array.of(0x87, 3, 10, 0, 0)], /no address/],
    ['no name at all', [], /empty/],
  ] as const) {
    test(`${title} is not copied into a certificate`, () => {
      const asked = encodeSubjectAltName(names)
      const kinds = { sanKinds: ['dns', 'uri', 'upn', 'ip'] } as const
      assert.match(refused({ extensions: [asked] }, kinds), reason)
    })
  }

  test('a UPN with two values, of which readers take one or the other, is not copied into a certificate', () => {
    const [first, second] = ['a@b.example', 'admin@b.example'].map(encodeUtf8String)
    assert.ok(first !== undefined && second !== undefined)
    const type = encodeOid(OID.userPrincipalName)
    for (const twice of [
      encodeContext(0, type, encodeContext(0, first, second)),
      encodeContext(0, type, encodeContext(0, first), encodeContext(0, second)),
    ]) {
      const asked = encodeSubjectAltName([twice])
      assert.match(refused({ extensions: [asked] }), /otherName is not a type and a value/)
    }
  })

  test('a subjectAltName that is BER but not DER is not copied into a certificate', () => {
    const name = encodeGeneralName('dns', 'a.example')
    for (const valueDer of [
      Uint8Array.of(0x30, 0x80, ...name, 0, 0),
      Uint8Array.of(0x30, 0x81, name.length, ...name),
    ]) {
      const asked = { oid: OID.subjectAltName, critical: false, valueDer }
      assert.match(refused({ extensions: [asked] }), /not in DER/)
    }
  })

  test('a subject with a control character or broken UTF-8 is not copied into a certificate', () => {
    for (const value of ['admin\0.evil', 'a\r\nb', 'a\u007f']) {
      const subjectDer = encodeName([{ oid: OID.commonName, value }])
      assert.match(refused({ subjectDer }), /control character/)
    }
    const broken = encodeName([{ oid: OID.commonName, value: 'ab' }])
    broken.set([0xff, 0xfe], broken.length - 2)
    assert.match(refused({ subjectDer: broken }), /UTF-8/)
    accepted({ subjectDer: encodeName([{ oid: OID.commonName, value: 'Zoë, 日本 \\00' }]) })
  })

  test('a kind of name that the profile does not list is refused', () => {
    const names = encodeSubjectAltName([encodeGeneralName('ip', '192.0.2.1')])
    assert.match(refused({ extensions: [names] }), /ip/)
  })

  test('extensions off the allow-list are left out and named', () => {
    const basicConstraints = {
      oid: OID.basicConstraints,
      critical: true,
      valueDer: Uint8Array.of(0x30, 0x03, 0x01, 0x01, 0xff),
    }
    const verdict = accepted({ extensions: [basicConstraints] })
    assert.equal(granted(verdict.order.extensions, OID.basicConstraints), undefined)
    assert.deepEqual(verdict.leftOut, [`extension ${OID.basicConstraints}`])
  })

  describe('SID (REQ-126 to 129)', () => {
    const sidUri = uri(`tag:microsoft.com,2022-09-14:sid:${sid}`)
    const sidExtension = encodeSidExtension(sid)

    test('REQ-127: the SID extension of a CSR is never copied', () => {
      const verdict = accepted({ extensions: [sidExtension] })
      assert.equal(granted(verdict.order.extensions, sidExtension.oid), undefined)
    })

    test('REQ-125, REQ-126: pass-uri keeps the URI as it is', () => {
      const asked = encodeSubjectAltName([sidUri])
      const { order } = accepted({ extensions: [asked] })
      assert.deepEqual(granted(order.extensions, OID.subjectAltName)?.valueDer, asked.valueDer)
    })

    test('REQ-126: strip takes the URI out and leaves the others', () => {
      const asked = encodeSubjectAltName([encodeGeneralName('dns', 'a.example'), sidUri])
      const { order, leftOut } = accepted({ extensions: [asked] }, { sid: 'strip' })
      const kept = granted(order.extensions, OID.subjectAltName)?.valueDer ?? new Uint8Array()
      assert.deepEqual(
        parseSubjectAltName(kept).map((name) => name.value),
        ['a.example'],
      )
      assert.equal(leftOut.length, 1)
    })

    test('REQ-126: reject refuses either form', () => {
      const names = encodeSubjectAltName([sidUri])
      assert.match(refused({ extensions: [names] }, { sid: 'reject' }), /SID/)
      assert.match(refused({ extensions: [sidExtension] }, { sid: 'reject' }), /SID/)
    })

    test('REQ-129: two SID URIs, a malformed one, or one that contradicts the extension are refused', () => {
      assert.match(
        refused({ extensions: [encodeSubjectAltName([sidUri, sidUri])] }),
        /more than one/,
      )
      const malformed = encodeSubjectAltName([uri('tag:microsoft.com,2022-09-14:sid:S-1-x')])
      assert.match(refused({ extensions: [malformed] }), /malformed/)
      const other = encodeSidExtension('S-1-5-21-1-2-3-500')
      assert.match(refused({ extensions: [encodeSubjectAltName([sidUri]), other] }), /differ/)
    })

    describe('verified against the directory', () => {
      const verified = { ...rules, sid: 'verified' } as const
      const decide = (
        extensions: readonly Extension[],
        directorySid: string | undefined,
        change: Partial<CertificateRules> = {},
      ) =>
        checkCertificatePolicy(
          csrWith({ extensions }),
          { ...verified, ...change },
          now,
          directorySid,
        )
      const ordered = (verdict: ReturnType<typeof decide>) => {
        assert.ok(verdict.kind === 'accepted')
        return granted(verdict.order.extensions, OID.ntdsCaSecurity)
      }

      test('REQ-128: the extension is written by us, byte for byte as published, not critical', () => {
        const extension = ordered(decide([], sid))
        assert.equal(
          Buffer.from(extension?.valueDer ?? []).toString('hex'),
          '3040a03e060a2b060104018237190201a030042e532d312d352d32312d313131313131313131312d323232323232323232322d333333333333333333332d31303031',
        )
        assert.equal(extension?.critical, false)
      })

      test('REQ-127: a CSR that says the same gets it once, and keeps its URI', () => {
        const verdict = decide([encodeSubjectAltName([sidUri]), sidExtension], sid)
        assert.ok(verdict.kind === 'accepted')
        const oids = verdict.order.extensions.map(({ oid }) => oid)
        assert.deepEqual(
          oids.filter((oid) => oid === OID.ntdsCaSecurity || oid === OID.subjectAltName),
          [OID.subjectAltName, OID.ntdsCaSecurity],
        )
        assert.deepEqual(verdict.leftOut, [])
      })

      const another = 'S-1-5-21-1111111111-2222222222-3333333333-1002'
      for (const [title, extensions] of [
        ['URI', [encodeSubjectAltName([uri(`tag:microsoft.com,2022-09-14:sid:${another}`)])]],
        ['extension', [encodeSidExtension(another)]],
        ['extension without a SID', [{ ...sidExtension, valueDer: Uint8Array.of(0x30, 0) }]],
      ] as const)
        test(`REQ-127: a contradicting ${title} is refused, also where the directory has none`, () => {
          for (const directorySid of [
            sid,
            ...(title === 'extension without a SID' ? [] : [undefined]),
          ])
            assert.equal(decide(extensions, directorySid).kind, 'refused')
        })

      test('REQ-127: without a SID in the directory there is no extension, or no certificate', () => {
        assert.equal(ordered(decide([], undefined)), undefined)
        const verdict = decide([], undefined, { requireSid: true })
        assert.match(verdict.kind === 'refused' ? verdict.reason : '', /no SID/)
      })

      test('the SID of a built-in account is never issued', () => {
        const verdict = decide([], 'S-1-5-21-1111111111-2222222222-3333333333-500')
        assert.match(verdict.kind === 'refused' ? verdict.reason : '', /built-in/)
      })

      test('REQ-127: without `verified` the word of a directory changes nothing', () => {
        assert.equal(ordered(decide([], sid, { sid: 'strip' })), undefined)
      })
    })
  })

  test('a malformed extension that policy must read is the request’s fault', () => {
    const broken = { oid: OID.keyUsage, critical: true, valueDer: Uint8Array.of(0x03, 0x7f) }
    assert.match(refused({ extensions: [broken] }), /malformed/)
  })
})
