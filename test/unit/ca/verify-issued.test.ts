import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import {
  createAuthority,
  issueCertificate,
  prepareIssuer,
  verifyIssued,
} from '../../../src/ca/index.ts'
import {
  type CertificateOrder,
  type Extension,
  encodeBasicConstraints,
  encodeCertificate,
  encodeExtKeyUsage,
  encodeGeneralName,
  encodeKeyUsage,
  encodeName,
  encodeSidExtension,
  encodeSubjectAltName,
  OID,
  parseCertificate,
} from '../../../src/pki/index.ts'
import {
  createCertificateOrder,
  createSpki,
  daysAfter,
  getQuickAuthority,
  materialOf,
  NOW,
} from './ca-fixtures.ts'

const ordered = createCertificateOrder()
const { issuing, root } = await getQuickAuthority()
const chain = [issuing.certificateDer, root.certificateDer]

/** A CA that signs what it likes. */
function signAnything(more: Partial<CertificateOrder>, extra: readonly Extension[] = []) {
  const nameDer = parseCertificate(issuing.certificateDer).subjectDer
  return encodeCertificate(
    { ...ordered, ...more },
    { nameDer, key: issuing.key, extensions: extra },
  )
}

const replace = (extension: Extension) =>
  ordered.extensions.map((own) => (own.oid === extension.oid ? extension : own))

const commonName = (value: string) => encodeName([{ oid: OID.commonName, value }])

describe('verification of what a CA issued', () => {
  test('a certificate as ordered passes', async () => {
    const issuer = prepareIssuer(materialOf(await getQuickAuthority()))
    verifyIssued(issueCertificate(ordered, issuer), ordered, chain, NOW)
  })

  const allowed: readonly [title: string, certificateDer: Uint8Array][] = [
    ['a shorter life', signAnything({ notAfter: daysAfter(30) })],
    ['another serial number', signAnything({ serialHex: '0102' })],
    [
      'another string type in the subject',
      signAnything({
        subjectDer: new Uint8Array(
          Buffer.from('3013311130' + '0f06035504031308' + '6465766963652d31', 'hex'),
        ),
      }),
    ],
    [
      'usages in another order',
      signAnything({
        extensions: replace(encodeKeyUsage(['keyEncipherment', 'digitalSignature'])),
      }),
    ],
  ]
  for (const [title, certificateDer] of allowed) {
    test(`${title} passes`, () => {
      verifyIssued(certificateDer, ordered, chain, NOW)
    })
  }

  const refused: readonly [title: string, certificateDer: Uint8Array, message: RegExp][] = [
    ['another key', signAnything({ spkiDer: createSpki() }), /another key/],
    ['another subject', signAnything({ subjectDer: commonName('device-2') }), /CN=device-2/],
    [
      'a longer subject',
      signAnything({
        subjectDer: encodeName([
          { oid: OID.commonName, value: 'device-1' },
          { oid: OID.commonName, value: 'admin' },
        ]),
      }),
      /its subject is/,
    ],
    [
      'a subject in other letters',
      signAnything({ subjectDer: commonName('Device-1') }),
      /its subject/,
    ],
    [
      'another subjectAltName',
      signAnything({
        extensions: replace(encodeSubjectAltName([encodeGeneralName('dns', 'other.example')])),
      }),
      /subjectAltName/,
    ],
    [
      'one more subjectAltName',
      signAnything({
        extensions: replace(
          encodeSubjectAltName([
            encodeGeneralName('dns', 'device-1.example'),
            encodeGeneralName('dns', 'other.example'),
          ]),
        ),
      }),
      /subjectAltName/,
    ],
    [
      'no extension of those ordered',
      signAnything({ extensions: [] }),
      /subjectAltName differs; its keyUsage is \[\].*its extKeyUsage is \[\]/,
    ],
    [
      'one more purpose',
      signAnything({
        extensions: replace(encodeExtKeyUsage([OID.clientAuth, OID.anyExtendedKeyUsage])),
      }),
      /extKeyUsage/,
    ],
    [
      'a SID that was not ordered',
      signAnything({}, [encodeSidExtension('S-1-5-21-1-2-3-500')]),
      /SID/,
    ],
    ['a CA', signAnything({}, [encodeBasicConstraints({ isCa: true })]), /it is a CA/],
    ['a longer life', signAnything({ notAfter: daysAfter(366) }), /after the ordered/],
    ['a start in the future', signAnything({ notBefore: daysAfter(1) }), /begins only/],
    [
      'an end in the past',
      signAnything({ notBefore: daysAfter(-2), notAfter: daysAfter(-1) }),
      /had ended before/,
    ],
    [
      'an end before its start',
      signAnything({ notBefore: daysAfter(3), notAfter: daysAfter(2) }),
      /ends before it begins/,
    ],
  ]
  for (const [title, certificateDer, message] of refused) {
    test(`${title} is refused`, () => {
      assert.throws(() => verifyIssued(certificateDer, ordered, chain, NOW), {
        code: 'ca/misconfigured',
        message,
      })
    })
  }

  test('a certificate of another CA with the same name is refused', async () => {
    const other = await createAuthority({
      names: { name: 'Test CA', organisation: 'Contoso', country: 'DE' },
      rootKey: 'p256',
      issuingKey: 'p256',
      now: NOW,
      random: randomBytes,
    })
    const der = issueCertificate(ordered, prepareIssuer(materialOf(other)))
    assert.throws(() => verifyIssued(der, ordered, chain, NOW), {
      code: 'ca/misconfigured',
      message: /not signed by CN=Test CA,O=Contoso,C=DE/,
    })
    const broken = [other.issuing.certificateDer, root.certificateDer]
    assert.throws(() => verifyIssued(der, ordered, broken, NOW), { code: 'ca/misconfigured' })
  })

  test('a changed octet of the signature is refused', () => {
    const der = signAnything({})
    der[der.length - 1] = (der.at(-1) ?? 0) ^ 1
    assert.throws(() => verifyIssued(der, ordered, chain, NOW), { code: 'ca/misconfigured' })
  })

  test('no certificate, no chain and rubbish are refused', () => {
    for (const der of [new Uint8Array(), Uint8Array.of(0x30, 0), new Uint8Array(5000).fill(0x30)]) {
      assert.throws(() => verifyIssued(der, ordered, chain), { code: 'ca/misconfigured' })
    }
    assert.throws(() => verifyIssued(signAnything({}), ordered, []), { code: 'ca/misconfigured' })
  })

  test('an expired certificate is refused when the time is given', () => {
    const der = signAnything({ notAfter: daysAfter(1) })
    verifyIssued(der, ordered, chain)
    assert.throws(() => verifyIssued(der, ordered, chain, daysAfter(2)), {
      code: 'ca/misconfigured',
      message: /expired/,
    })
  })
})
