import assert from 'node:assert/strict'
import { randomBytes, X509Certificate } from 'node:crypto'
import { describe, test } from 'node:test'
import * as pkijs from 'pkijs'
import {
  type CaKeyType,
  createAuthority,
  createRas,
  issueCertificate,
  type NewAuthority,
  prepareIssuer,
} from '../../../src/ca/index.ts'
import {
  encodeExtKeyUsage,
  encodeName,
  findExtension,
  OID,
  parseCertificate,
} from '../../../src/pki/index.ts'
import {
  createCertificateOrder,
  createFolder,
  createSpki,
  daysAfter,
  getQuickAuthority,
  materialOf,
  NOW,
  openssl,
  writePem,
} from './ca-fixtures.ts'

const atNow = ['-attime', String(NOW.getTime() / 1000)]

/** What the openssl command, node:crypto and pkijs each think of a whole authority and a leaf of it. */
async function verifyEverywhere(authority: NewAuthority, leafDer: Uint8Array): Promise<void> {
  using folder = createFolder()
  const root = writePem(folder.path, 'root.pem', authority.root.certificateDer)
  const issuing = writePem(folder.path, 'issuing.pem', authority.issuing.certificateDer)
  const ra = writePem(folder.path, 'ra.pem', authority.ras[0].certificateDer)
  const leaf = writePem(folder.path, 'leaf.pem', leafDer)
  const strict = ['verify', '-x509_strict', ...atNow, '-CAfile', root]
  assert.match(openssl(folder.path, ...strict, issuing), /: OK/)
  const below = [...strict, '-untrusted', issuing]
  assert.match(openssl(folder.path, ...below, '-purpose', 'sslserver', ra), /: OK/)
  assert.match(openssl(folder.path, ...below, '-purpose', 'sslclient', leaf), /: OK/)
  for (const ca of [root, issuing]) {
    assert.match(
      openssl(folder.path, 'x509', '-in', ca, '-noout', '-purpose'),
      /SSL client CA : Yes/,
    )
  }
  for (const end of [ra, leaf]) {
    const purposes = openssl(folder.path, 'x509', '-in', end, '-noout', '-purpose')
    assert.doesNotMatch(purposes, /(client|server|signing) CA : Yes/)
  }

  const nodeRoot = new X509Certificate(authority.root.certificateDer)
  const nodeIssuing = new X509Certificate(authority.issuing.certificateDer)
  assert.ok(nodeRoot.checkIssued(nodeRoot) && nodeRoot.verify(nodeRoot.publicKey))
  assert.ok(nodeIssuing.checkIssued(nodeRoot) && nodeIssuing.verify(nodeRoot.publicKey))
  for (const der of [authority.ras[0].certificateDer, leafDer]) {
    const certificate = new X509Certificate(der)
    assert.ok(certificate.checkIssued(nodeIssuing) && certificate.verify(nodeIssuing.publicKey))
    assert.equal(certificate.ca, false)
  }

  const engine = new pkijs.CertificateChainValidationEngine({
    trustedCerts: [pkijs.Certificate.fromBER(authority.root.certificateDer)],
    certs: [
      pkijs.Certificate.fromBER(authority.issuing.certificateDer),
      pkijs.Certificate.fromBER(leafDer),
    ],
    checkDate: NOW,
  })
  const verdict = await engine.verify()
  assert.ok(verdict.result, verdict.resultMessage)
}

describe('authority', () => {
  const kinds: readonly [root: CaKeyType, issuing: CaKeyType, text: RegExp][] = [
    ['rsa4096', 'rsa3072', /Public-Key: \(3072 bit\)/],
    ['rsa2048', 'rsa2048', /Public-Key: \(2048 bit\)/],
    ['p384', 'p256', /ASN1 OID: prime256v1/],
    ['rsa2048', 'p384', /ASN1 OID: secp384r1/],
  ]
  for (const [rootKey, issuingKey, text] of kinds) {
    test(`root ${rootKey} and issuing CA ${issuingKey} verify with openssl, node and pkijs`, async () => {
      const authority = await createAuthority({
        names: { name: 'Kinds CA' },
        rootKey,
        issuingKey,
        now: NOW,
        random: randomBytes,
      })
      using folder = createFolder()
      const pem = writePem(folder.path, 'issuing.pem', authority.issuing.certificateDer)
      assert.match(openssl(folder.path, 'x509', '-in', pem, '-noout', '-text'), text)
      const issuer = prepareIssuer(materialOf(authority))
      await verifyEverywhere(authority, issueCertificate(createCertificateOrder(), issuer))
    })
  }

  test('REQ-38, REQ-40, REQ-46, REQ-47: the RA has the usages, the key and the start that devices demand, whatever the key of the CA', async () => {
    const [ra] = (await getQuickAuthority()).ras
    using folder = createFolder()
    const pem = writePem(folder.path, 'ra.pem', ra.certificateDer)
    const text = openssl(folder.path, 'x509', '-in', pem, '-noout', '-text')
    assert.match(text, /Public-Key: \(2048 bit\)/)
    assert.match(text, /Key Usage: critical\n +Digital Signature, Key Encipherment\n/)
    assert.match(
      text,
      /Extended Key Usage: \n +1\.3\.6\.1\.4\.1\.311\.20\.2\.1, TLS Web Server Authentication\n/,
    )
    assert.match(text, /Basic Constraints: critical\n +CA:FALSE\n/)
    const { notBefore, notAfter, subject } = parseCertificate(ra.certificateDer)
    assert.deepEqual(notBefore, daysAfter(-1))
    assert.deepEqual(notAfter, daysAfter(730))
    assert.equal(subject, 'CN=Test CA RA,O=Contoso,C=DE')
  })

  test('root and issuing CA live 20 and 10 years, limit the path, and the root has no pointers', async () => {
    const authority = await getQuickAuthority()
    const root = parseCertificate(authority.root.certificateDer)
    const issuing = parseCertificate(authority.issuing.certificateDer)
    assert.equal(root.subject, 'CN=Test CA Root,O=Contoso,C=DE')
    assert.equal(issuing.subject, 'CN=Test CA,O=Contoso,C=DE')
    assert.equal(root.notAfter.toISOString(), '2046-06-01T12:00:00.000Z')
    assert.equal(issuing.notAfter.toISOString(), '2036-06-01T12:00:00.000Z')
    assert.equal(findExtension(root.extensions, OID.cRLDistributionPoints), undefined)
    using folder = createFolder()
    for (const [name, pathLength] of [
      ['root', 1],
      ['issuing', 0],
    ] as const) {
      const pem = writePem(folder.path, `${name}.pem`, authority[name].certificateDer)
      const text = openssl(folder.path, 'x509', '-in', pem, '-noout', '-text')
      assert.match(text, new RegExp(`CA:TRUE, pathlen:${pathLength}\n`))
      assert.match(text, /Key Usage: critical\n +Certificate Sign, CRL Sign\n/)
    }
  })

  test('a root that lives beyond 2049 is written with GeneralizedTime and read by openssl', async () => {
    const authority = await createAuthority({
      names: { name: 'Long CA' },
      rootKey: 'p256',
      issuingKey: 'p256',
      rootYears: 40,
      now: new Date(NOW.getTime() + 123),
      random: randomBytes,
    })
    using folder = createFolder()
    const pem = writePem(folder.path, 'root.pem', authority.root.certificateDer)
    const structure = openssl(folder.path, 'asn1parse', '-in', pem)
    assert.match(structure, /UTCTIME +:260531120000Z\n.*GENERALIZEDTIME +:20660601120000Z/)
  })

  test('neither the issuing CA nor the RA outlives its issuer', async () => {
    const authority = await createAuthority({
      names: { name: 'Short CA' },
      rootKey: 'p256',
      issuingKey: 'p256',
      rootYears: 1,
      now: NOW,
      random: randomBytes,
    })
    const ends = [authority.root, authority.issuing, authority.ras[0]].map(({ certificateDer }) =>
      parseCertificate(certificateDer).notAfter.toISOString(),
    )
    assert.deepEqual(ends, [
      '2027-06-01T12:00:00.000Z',
      '2027-06-01T11:59:00.000Z',
      '2027-06-01T11:58:00.000Z',
    ])
  })

  test('REQ-36, REQ-39: a pair has one certificate for each job, the one to encrypt to first', async () => {
    const { issuing } = await getQuickAuthority()
    const options = { now: NOW, random: randomBytes, days: 10, isPair: true }
    using folder = createFolder()
    const told = (await createRas(issuing, options)).map(({ certificateDer }) => {
      const pem = writePem(folder.path, 'ra.pem', certificateDer)
      const text = openssl(folder.path, 'x509', '-in', pem, '-noout', '-text')
      const [, usages] = /Key Usage: critical\n +(.*)\n/.exec(text) ?? []
      const [, purposes] = /Extended Key Usage: ?\n +(.*)\n/.exec(text) ?? []
      return [usages, purposes]
    })
    assert.deepEqual(told, [
      ['Key Encipherment', '1.3.6.1.4.1.311.20.2.1'],
      ['Digital Signature', '1.3.6.1.4.1.311.20.2.1'],
    ])
  })

  test('REQ-39: each RA has a key of its own', async () => {
    const { issuing, ras } = await getQuickAuthority()
    const [next] = await createRas(issuing, {
      now: NOW,
      random: randomBytes,
      days: 10,
      isPair: false,
    })
    assert.notDeepEqual(
      parseCertificate(next.certificateDer).spkiDer,
      parseCertificate(ras[0].certificateDer).spkiDer,
    )
  })

  const misnamed: readonly [
    title: string,
    names: { name: string; organisation?: string; country?: string },
  ][] = [
    ['an empty name', { name: ' ' }],
    ['a name that is too long for its root', { name: 'n'.repeat(60) }],
    ['an organisation that is too long', { name: 'CA', organisation: 'o'.repeat(65) }],
    ['a country of three letters', { name: 'CA', country: 'DEU' }],
    ['a country in small letters', { name: 'CA', country: 'de' }],
  ]
  for (const [title, names] of misnamed) {
    test(`${title} is refused`, async () => {
      const made = createAuthority({
        names,
        rootKey: 'p256',
        issuingKey: 'p256',
        now: NOW,
        random: randomBytes,
      })
      await assert.rejects(made, { code: 'ca/misconfigured' })
    })
  }
})

describe('issued certificates', () => {
  test('REQ-123: subject and key are copied octet for octet: PrintableString, multi-valued RDN, order kept', async () => {
    const issuer = prepareIssuer(materialOf(await getQuickAuthority()))
    // C=DE / CN=dev 1 + serialNumber=42 in one RDN / OU=caf\xe9 as T61String
    const subjectDer = new Uint8Array(
      Buffer.from(
        '3039310b3009060355040613024445311d300c060355040313056465762031300d060355040513063030303034323' +
          '10b3009060355040b1402e961',
        'hex',
      ),
    )
    const spkiDer = createSpki()
    const der = issueCertificate(createCertificateOrder({ subjectDer, spkiDer }), issuer)
    const issued = parseCertificate(der)
    assert.deepEqual(issued.subjectDer, subjectDer)
    assert.deepEqual(issued.spkiDer, spkiDer)
    const read = pkijs.Certificate.fromBER(der)
    assert.deepEqual(new Uint8Array(read.subject.toSchema().toBER()), subjectDer)
    assert.deepEqual(issued.issuerDer, issuer.nameDer)
  })

  test('the extensions are those of the order and those of the issuer', async () => {
    const authority = await getQuickAuthority()
    const issuer = prepareIssuer(materialOf(authority))
    const order = createCertificateOrder()
    const der = issueCertificate(order, issuer)
    using folder = createFolder()
    const pem = writePem(folder.path, 'leaf.pem', der)
    const text = openssl(folder.path, 'x509', '-in', pem, '-noout', '-text')
    assert.match(text, /Basic Constraints: critical\n +CA:FALSE\n/)
    assert.match(text, /CA Issuers - URI:http:\/\/pki\.example\/aia\/main\.cer\n/)
    assert.match(text, /URI:http:\/\/pki\.example\/crl\/main\.crl\n/)
    assert.match(text, /DNS:device-1\.example\n/)
    const keyId = (name: string, of: string) =>
      new RegExp(`${name} Key Identifier: \n +([0-9A-F:]+)`).exec(of)?.[1]
    const issuingPem = writePem(folder.path, 'issuing.pem', authority.issuing.certificateDer)
    const issuingText = openssl(folder.path, 'x509', '-in', issuingPem, '-noout', '-text')
    assert.equal(keyId('Authority', text), keyId('Subject', issuingText))
    for (const { oid, valueDer } of order.extensions) {
      const extension = findExtension(parseCertificate(der).extensions, oid)
      assert.deepEqual(extension?.valueDer, valueDer)
    }
    assert.equal(parseCertificate(der).extensions.length, order.extensions.length + 5)
  })

  test('without URLs the pointers are left out', async () => {
    const material = materialOf(await getQuickAuthority(), {
      caIssuersUrl: undefined,
      crlUrl: undefined,
    })
    const der = issueCertificate(createCertificateOrder(), prepareIssuer(material))
    const { extensions } = parseCertificate(der)
    assert.equal(findExtension(extensions, OID.authorityInfoAccess), undefined)
    assert.equal(findExtension(extensions, OID.cRLDistributionPoints), undefined)
  })

  test('an end beyond the CA is brought forward to one minute before the end of the CA', async () => {
    const issuer = prepareIssuer(materialOf(await getQuickAuthority()))
    const der = issueCertificate(createCertificateOrder({ notAfter: daysAfter(8000) }), issuer)
    assert.equal(parseCertificate(der).notAfter.toISOString(), '2036-06-01T11:59:00.000Z')
  })

  test('an order for the name of the CA is refused, in whatever spelling', async () => {
    const material = materialOf(await getQuickAuthority())
    const issuer = prepareIssuer(material)
    const { subjectDer } = parseCertificate(material.certificateDer)
    const respelled = encodeName([
      { oid: OID.countryName, value: 'DE' },
      { oid: OID.organizationName, value: 'contoso' },
      { oid: OID.commonName, value: 'TEST  CA' },
    ])
    for (const der of [subjectDer, respelled])
      assert.throws(() => issueCertificate(createCertificateOrder({ subjectDer: der }), issuer), {
        code: 'ca/refused',
        message: /name of CA/,
      })
  })

  test('an order for OCSP signing is refused', async () => {
    const issuer = prepareIssuer(materialOf(await getQuickAuthority()))
    const extensions = [encodeExtKeyUsage([OID.clientAuth, OID.ocspSigning])]
    assert.throws(() => issueCertificate(createCertificateOrder({ extensions }), issuer), {
      code: 'ca/refused',
      message: /OCSP/,
    })
  })

  test('an order that would begin after the end of the CA is refused', async () => {
    const issuer = prepareIssuer(materialOf(await getQuickAuthority()))
    const order = createCertificateOrder({ notBefore: daysAfter(8000), notAfter: daysAfter(8001) })
    assert.throws(() => issueCertificate(order, issuer), { code: 'ca/refused' })
  })

  const forbidden: readonly [title: string, oid: string][] = [
    ['basicConstraints', OID.basicConstraints],
    ['subjectKeyIdentifier', OID.subjectKeyIdentifier],
    ['authorityKeyIdentifier', OID.authorityKeyIdentifier],
    ['authorityInfoAccess', OID.authorityInfoAccess],
    ['cRLDistributionPoints', OID.cRLDistributionPoints],
    ['nameConstraints', '2.5.29.30'],
    ['policyConstraints', '2.5.29.36'],
    ['ocsp-nocheck', '1.3.6.1.5.5.7.48.1.5'],
    ['the SID extension', OID.ntdsCaSecurity],
  ]
  for (const [title, oid] of forbidden) {
    test(`an order that brings ${title} is refused`, async () => {
      const issuer = prepareIssuer(materialOf(await getQuickAuthority()))
      const extensions = [{ oid, critical: false, valueDer: Uint8Array.of(0x30, 0) }]
      assert.throws(() => issueCertificate(createCertificateOrder({ extensions }), issuer), {
        code: 'ca/refused',
        message: new RegExp(oid.replaceAll('.', '\\.')),
      })
    })
  }

  test('the SID extension is signed where the material allows it', async () => {
    const material = materialOf(await getQuickAuthority(), { allowsSidExtension: true })
    const sid = { oid: OID.ntdsCaSecurity, critical: false, valueDer: Uint8Array.of(0x30, 0) }
    const order = createCertificateOrder({ extensions: [sid] })
    const der = issueCertificate(order, prepareIssuer(material))
    assert.ok(findExtension(parseCertificate(der).extensions, OID.ntdsCaSecurity))
  })

  test('an extension that is ordered twice is refused', async () => {
    const issuer = prepareIssuer(materialOf(await getQuickAuthority()))
    const { extensions } = createCertificateOrder()
    const order = createCertificateOrder({ extensions: [...extensions, ...extensions] })
    assert.throws(() => issueCertificate(order, issuer), { code: 'ca/refused', message: /twice/ })
  })

  test('a key that is not the one of the certificate is refused at once', async () => {
    const authority = await getQuickAuthority()
    const keyPkcs8Der = authority.root.key.export({ format: 'der', type: 'pkcs8' })
    assert.throws(() => prepareIssuer(materialOf(authority, { keyPkcs8Der })), {
      code: 'ca/misconfigured',
    })
  })

  test('bytes that are no key are refused without being repeated', async () => {
    const authority = await getQuickAuthority()
    const keyPkcs8Der = new TextEncoder().encode('not a key')
    assert.throws(() => prepareIssuer(materialOf(authority, { keyPkcs8Der })), {
      code: 'key/unreadable',
    })
  })
})
