import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { CertificateRules } from '../../../src/connector/policy/certificate-policy.ts'
import {
  type CertificateTemplate,
  chooseCertificateRules,
} from '../../../src/connector/policy/certificate-template.ts'
import {
  type Extension,
  encodeBmpString,
  encodeInteger,
  encodeKeyUsage,
  encodeOid,
  encodePrintableString,
  encodeSequence,
  encodeUtf8String,
  type KeyUsageName,
  OID,
} from '../../../src/pki/index.ts'

function rulesOf(validityDays: number): CertificateRules {
  return {
    validityDays,
    backdateMinutes: 10,
    minRsaBits: 2048,
    keyTypes: ['rsa'],
    allowEmptySubject: false,
    allowedEkus: [],
    defaultEkus: [],
    allowedKeyUsages: [],
    defaultKeyUsages: [],
    sanKinds: [],
    sid: 'strip',
    requireSid: false,
  }
}

const TEMPLATE_OID = '1.3.6.1.4.1.311.21.8.1.2.3'
const templates: readonly CertificateTemplate[] = [
  {
    names: ['WebServer', TEMPLATE_OID],
    purpose: undefined,
    urlParams: {},
    certificate: rulesOf(1),
  },
  { names: ['Mail'], purpose: 'encryption', urlParams: {}, certificate: rulesOf(2) },
  { names: [], purpose: 'signature', urlParams: {}, certificate: rulesOf(3) },
  { names: [], purpose: 'encryption', urlParams: {}, certificate: rulesOf(4) },
]

/** Which template was chosen, by its lifetime; 99: the profile's own rules. */
function choose(
  extensions: readonly Extension[],
  nameValuePairs: readonly { name: string; value: string }[] = [],
  among = templates,
): number {
  return chooseCertificateRules({ extensions, nameValuePairs }, among, rulesOf(99)).validityDays
}

function named(valueDer: Uint8Array): Extension {
  return { oid: OID.templateName, critical: false, valueDer }
}

function informed(...parts: readonly Uint8Array[]): Extension {
  return { oid: OID.templateInformation, critical: false, valueDer: encodeSequence(...parts) }
}

const usage = (...names: readonly KeyUsageName[]) => encodeKeyUsage(names)

suite('chooseCertificateRules', () => {
  test('REQ-113, REQ-115: a template name in any string type, whatever its letter case', () => {
    for (const encode of [encodeBmpString, encodeUtf8String, encodePrintableString])
      for (const name of ['WebServer', 'webserver']) assert.equal(choose([named(encode(name))]), 1)
    assert.equal(choose([named(encodeUtf8String('Unknown'))]), 99)
  })

  test('REQ-114, REQ-115: a template OID, with versions or without', () => {
    const oid = encodeOid(TEMPLATE_OID)
    assert.equal(choose([informed(oid)]), 1)
    assert.equal(choose([informed(oid, encodeInteger(100), encodeInteger(3))]), 1)
    assert.equal(choose([informed(encodeOid('1.2.3'))]), 99)
  })

  test('REQ-115: without a name the key usage chooses as NDES does', () => {
    assert.equal(choose([usage('digitalSignature')]), 3)
    assert.equal(choose([usage('keyEncipherment')]), 4)
    assert.equal(choose([usage('digitalSignature', 'keyEncipherment')]), 99)
    assert.equal(choose([]), 99)
  })

  test('REQ-115: a name comes before a usage, but its own purpose must fit', () => {
    assert.equal(choose([named(encodeUtf8String('WebServer')), usage('digitalSignature')]), 1)
    assert.equal(choose([named(encodeUtf8String('Mail')), usage('keyEncipherment')]), 2)
    assert.equal(choose([named(encodeUtf8String('Mail')), usage('digitalSignature')]), 3)
  })

  test('REQ-120: the pair CertificateTemplate is a name too', () => {
    assert.equal(choose([], [{ name: 'CertificateTemplate', value: 'WebServer' }]), 1)
    assert.equal(choose([], [{ name: 'Other', value: 'WebServer' }]), 99)
  })

  test('what cannot be read is the fault of the request, and is not read where nothing is mapped', () => {
    const broken = [named(new Uint8Array([1])), informed(encodeInteger(1))]
    for (const extension of broken) {
      assert.throws(() => choose([extension]), { code: 'pki/malformed' })
      assert.equal(choose([extension], [], []), 99)
    }
  })
})

suite('a template that the URL names', () => {
  const among: readonly CertificateTemplate[] = [
    { names: [], purpose: undefined, urlParams: {}, certificate: rulesOf(1) },
    { names: [], purpose: undefined, urlParams: { department: 'lab' }, certificate: rulesOf(2) },
    {
      names: ['Mail'],
      purpose: undefined,
      urlParams: { department: 'lab' },
      certificate: rulesOf(3),
    },
  ]
  const byUrl = (params: Readonly<Record<string, string>>, list = among) =>
    chooseCertificateRules(
      { extensions: [], nameValuePairs: [] },
      list,
      rulesOf(99),
      new Map(Object.entries(params)),
    ).validityDays

  test('REQ-10: a parameter of the URL chooses before a template that anything fits', () => {
    assert.equal(byUrl({ department: 'lab' }), 2)
    assert.equal(byUrl({ unknown: 'x', department: 'lab' }), 2)
  })

  test('REQ-10: another value, letter case, or none does not choose it', () => {
    for (const params of [{ department: 'Lab' }, { Department: 'lab' }, {}] as const)
      assert.equal(byUrl({ ...params }), 1)
    assert.equal(byUrl({}, among.slice(1)), 99)
  })

  test('REQ-10, REQ-115: where a template has names as well, both must fit', () => {
    const choose = (template: string, params: ReadonlyMap<string, string>) => {
      const nameValuePairs = [{ name: 'CertificateTemplate', value: template }]
      const csr = { extensions: [], nameValuePairs }
      return chooseCertificateRules(csr, among.slice(2), rulesOf(99), params).validityDays
    }
    const lab = new Map([['department', 'lab']])
    assert.equal(choose('mail', lab), 3)
    assert.equal(choose('mail', new Map()), 99)
    assert.equal(choose('web', lab), 99)
  })
})
