import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  encodeDistinguishedName,
  encodeSubjectAltNames,
} from '../../../src/cli/enrolment-client/index.ts'
import { ConnectorError } from '../../../src/kernel/index.ts'
import {
  bmp,
  element,
  ia5,
  name,
  oid,
  printable,
  sequence,
  setInOrder,
  utf8,
} from '../../support/scep-messages/index.ts'

const CN = '2.5.4.3'

const names: readonly (readonly [text: string, expected: Uint8Array])[] = [
  ['', sequence()],
  ['CN=device 1', name([CN, utf8('device 1')])],
  [
    'CN=device,O=Contoso,C=FR',
    name(['2.5.4.6', printable('FR')], ['2.5.4.10', utf8('Contoso')], [CN, utf8('device')]),
  ],
  ['cn = spaced out , o = x', name(['2.5.4.10', utf8('x')], [CN, utf8('spaced out')])],
  ['O=Contoso\\, Ltd.', name(['2.5.4.10', utf8('Contoso, Ltd.')])],
  ['CN=a\\+b\\=c\\\\d\\"e', name([CN, utf8('a+b=c\\d"e')])],
  ['CN=ends with a space\\ ', name([CN, utf8('ends with a space ')])],
  ['CN=L\\C3\\BCbeck', name([CN, utf8('Lübeck')])],
  ['CN=Lübeck', name([CN, utf8('Lübeck')])],
  ['2.5.4.3=dotted', name([CN, utf8('dotted')])],
  ['CN=#1e0400410042', name([CN, bmp('AB')])],
  [
    'E=a@b.test,DC=contoso,DC=test',
    name(
      ['0.9.2342.19200300.100.1.25', ia5('test')],
      ['0.9.2342.19200300.100.1.25', ia5('contoso')],
      ['1.2.840.113549.1.9.1', ia5('a@b.test')],
    ),
  ],
  [
    'UID=7+CN=x',
    sequence(
      setInOrder(
        sequence(oid(CN), utf8('x')),
        sequence(oid('0.9.2342.19200300.100.1.1'), utf8('7')),
      ),
    ),
  ],
]

for (const [text, expected] of names) {
  test(`the subject "${text}" becomes the Name that RFC 4514 says`, () => {
    assert.equal(hex(encodeDistinguishedName(text)), hex(expected))
  })
}

for (const text of ['device', 'CN=', 'CN=a,', 'XX=1', '=x', 'CN=a,,O=b']) {
  test(`the subject "${text}" is refused by name`, () => {
    assert.throws(() => encodeDistinguishedName(text), hasCode('config/invalid', /subject/))
  })
}

const sans = [
  [{ kind: 'dns', value: 'a.test' }, element(0x82, Buffer.from('a.test'))],
  [{ kind: 'email', value: 'a@b.test' }, element(0x81, Buffer.from('a@b.test'))],
  [
    { kind: 'uri', value: 'tag:microsoft.com,2022-09-14:sid:S-1-5' },
    element(0x86, Buffer.from('tag:microsoft.com,2022-09-14:sid:S-1-5')),
  ],
  [{ kind: 'ip', value: '192.0.2.7' }, Buffer.from('8704c0000207', 'hex')],
  [
    { kind: 'ip', value: '2001:db8::7' },
    Buffer.from('871020010db8000000000000000000000007', 'hex'),
  ],
  [{ kind: 'ip', value: '::1' }, Buffer.from('871000000000000000000000000000000001', 'hex')],
  [{ kind: 'ip', value: '::' }, Buffer.from('871000000000000000000000000000000000', 'hex')],
  [
    { kind: 'ip', value: '::ffff:192.0.2.7' },
    Buffer.from('871000000000000000000000ffffc0000207', 'hex'),
  ],
  [
    { kind: 'ip', value: '2001:db8:1:2:3:4:5:6' },
    Buffer.from('871020010db8000100020003000400050006', 'hex'),
  ],
  [
    { kind: 'upn', value: 'ü@b.test' },
    element(0xa0, oid('1.3.6.1.4.1.311.20.2.3'), element(0xa0, utf8('ü@b.test'))),
  ],
] as const

for (const [san, expected] of sans) {
  test(`the ${san.kind} name ${san.value} is encoded as a GeneralName`, () => {
    assert.equal(hex(encodeSubjectAltNames([san])), hex(sequence(expected)))
  })
}

for (const san of [
  { kind: 'dns', value: 'bücher.test' },
  { kind: 'dns', value: '' },
  { kind: 'ip', value: '300.1.1.1' },
  { kind: 'ip', value: 'fe80::1%eth0' },
] as const) {
  test(`the ${san.kind} name "${san.value}" is refused with its kind`, () => {
    assert.throws(
      () => encodeSubjectAltNames([san]),
      hasCode('config/invalid', new RegExp(san.kind)),
    )
  })
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function hasCode(code: string, message: RegExp) {
  return (error: unknown) =>
    error instanceof ConnectorError && error.code === code && message.test(error.message)
}
