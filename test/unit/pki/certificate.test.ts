import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import { suite, test } from 'node:test'
import { Certificate as OracleCertificate } from 'pkijs'
import { ConnectorError, fromHex } from '../../../src/kernel/index.ts'
import {
  type CertificateOrder,
  encodeBasicConstraints,
  encodeBitString,
  encodeCertificate,
  encodeCertificates,
  encodeContext,
  encodeElement,
  encodeInteger,
  encodeKeyUsage,
  encodeName,
  encodeNull,
  encodeOid,
  encodeSequence,
  encodeSubjectKeyIdentifier,
  OID,
  parseCertificate,
  parseCertificates,
  signatureAlgorithmFor,
  TAG,
  verifyCertificateSignature,
} from '../../../src/pki/index.ts'
import { makeCa, makeIdentity } from '../scep/message-builder.ts'
import { toPem, withOpenssl } from '../scep/openssl.ts'

const subjectDer = encodeName([{ oid: OID.commonName, value: 'leaf' }])
const issuerDer = encodeName([{ oid: OID.commonName, value: 'CA' }])
const leaf = makeIdentity('leaf')

const order: CertificateOrder = {
  serialHex: '00FF',
  subjectDer,
  spkiDer: leaf.spkiDer,
  notBefore: new Date('2026-01-01T00:00:00Z'),
  notAfter: new Date('2051-01-01T00:00:00Z'),
  extensions: [encodeKeyUsage(['digitalSignature'])],
}

const keys: [string, () => KeyObject, string][] = [
  [
    'RSA',
    () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
    OID.sha256WithRsaEncryption,
  ],
  [
    'P-256',
    () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
    OID.ecdsaWithSha256,
  ],
  [
    'P-384',
    () => generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
    OID.ecdsaWithSha384,
  ],
  [
    'P-521',
    () => generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey,
    OID.ecdsaWithSha512,
  ],
  ['Ed25519', () => generateKeyPairSync('ed25519').privateKey, OID.ed25519],
]

suite('certificates', () => {
  for (const [title, makeKey, oid] of keys) {
    test(`a certificate signed with ${title} is the same for us, for openssl and for pkijs`, () => {
      const key = makeKey()
      const der = encodeCertificate(order, {
        nameDer: issuerDer,
        key,
        extensions: [
          encodeSubjectKeyIdentifier(leaf.spkiDer),
          encodeBasicConstraints({ isCa: false }),
        ],
      })
      const certificate = parseCertificate(der)
      const publicKey = createPublicKey(key)
      assert.equal(verifyCertificateSignature(certificate, publicKey), true)
      assert.equal(certificate.signatureAlgorithmOid, oid)
      assert.deepEqual(certificate.subjectDer, subjectDer)
      assert.deepEqual(certificate.spkiDer, leaf.spkiDer)
      assert.deepEqual(certificate.issuerDer, issuerDer)
      assert.deepEqual(certificate.notBefore, order.notBefore)
      assert.deepEqual(certificate.notAfter, order.notAfter)
      assert.equal(certificate.serialHex, '00FF')
      assert.equal(certificate.extensions.length, 3)

      const native = new X509Certificate(der)
      assert.equal(native.verify(publicKey), true)
      assert.equal(native.serialNumber, 'FF')
      assert.equal(native.subject, 'CN=leaf')
      const oracle = OracleCertificate.fromBER(new Uint8Array(der).buffer)
      assert.equal(oracle.version, 2)
      assert.equal(oracle.extensions?.length, 3)
      assert.deepEqual(oracle.notAfter.value, order.notAfter)
    })
  }

  test('a certificate under another key does not verify', () => {
    const other = makeIdentity('other')
    assert.equal(
      verifyCertificateSignature(parseCertificate(leaf.certificateDer), createPublicKey(other.key)),
      false,
    )
    const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
    assert.equal(verifyCertificateSignature(parseCertificate(leaf.certificateDer), elliptic), false)
  })

  test('openssl builds a chain from what we issue', () => {
    const ca = makeCa()
    const issued = makeIdentity('leaf', {
      issuer: ca,
      extensions: [encodeKeyUsage(['digitalSignature'])],
    })
    withOpenssl((tool) => {
      tool.write('ca.pem', toPem(ca.certificateDer))
      tool.write('leaf.pem', toPem(issued.certificateDer))
      const said = tool.run(
        'verify -x509_strict -check_ss_sig -partial_chain -attime 1772366400 -trusted leaf.pem leaf.pem',
      )
      assert.match(said, /OK/)
      assert.match(tool.run('verify -attime 1772366400 -CAfile ca.pem leaf.pem'), /OK/)
    })
  })

  const certificates: [string, string][] = [
    ['SHA-1', '-newkey rsa:2048 -sha1'],
    ['MD5', '-newkey rsa:2048 -md5'],
    ['SHA-512', '-newkey rsa:2048 -sha512'],
    [
      'RSASSA-PSS',
      '-newkey rsa:2048 -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32',
    ],
    [
      'RSASSA-PSS with defaults',
      '-newkey rsa:2048 -sha1 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:20',
    ],
    ['ECDSA with SHA-384', '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -sha384'],
    ['Ed25519', '-newkey ed25519'],
    [
      'a critical authorityKeyIdentifier',
      '-newkey rsa:2048 -addext authorityKeyIdentifier=critical,keyid',
    ],
    ['an unknown critical extension', '-newkey rsa:2048 -addext 1.2.3.4=critical,ASN1:NULL'],
    ['a serial of 32 octets', `-newkey rsa:2048 -set_serial 0x${'7f'.repeat(32)}`],
    ['serial zero', '-newkey rsa:2048 -set_serial 0'],
    ['a negative serial', '-newkey rsa:2048 -set_serial -5'],
  ]
  for (const [title, how] of certificates) {
    test(`a self-signed certificate of openssl with ${title} is read and verified`, () => {
      const der = withOpenssl((tool) => {
        tool.run(
          `req -x509 ${how} -nodes -keyout key.pem -outform DER -out cert.der -subj /CN=SCEP`,
        )
        return tool.read('cert.der')
      })
      const certificate = parseCertificate(der)
      const key = createPublicKey({
        key: Buffer.from(certificate.spkiDer),
        format: 'der',
        type: 'spki',
      })
      assert.equal(certificate.subject, 'CN=SCEP')
      assert.equal(verifyCertificateSignature(certificate, key), true)
    })
  }

  test('version 1, an empty serial and times with an offset are read', () => {
    const algorithm = encodeSequence(encodeOid(OID.sha1WithRsaEncryption), encodeNull())
    const time = (text: string) => encodeElement(TAG.utcTime, Buffer.from(text))
    const tbs = encodeSequence(
      encodeElement(TAG.integer),
      algorithm,
      issuerDer,
      encodeSequence(time('260301080000-0400'), time('2703011200Z')),
      subjectDer,
      leaf.spkiDer,
    )
    const certificate = parseCertificate(
      encodeSequence(tbs, algorithm, encodeBitString(new Uint8Array(256))),
    )
    assert.equal(certificate.serialHex, '')
    assert.deepEqual(certificate.notBefore, new Date('2026-03-01T12:00:00Z'))
    assert.deepEqual(certificate.extensions, [])
  })

  test('what is no certificate is malformed', () => {
    const broken = [
      fromHex('3000'),
      encodeSequence(encodeSequence(encodeContext(0, encodeInteger(2)))),
      encodeNull(),
    ]
    for (const der of broken) {
      assert.throws(
        () => parseCertificate(der),
        (error) => error instanceof ConnectorError && error.code === 'pki/malformed',
      )
    }
  })

  test('an order that breaks the rules of its type is a mistake of the programmer', () => {
    const issuer = { nameDer: issuerDer, key: leaf.key, extensions: [encodeKeyUsage([])] }
    for (const serialHex of ['', '0', '00', 'ff', 'FF'.repeat(20), '01'.repeat(21)]) {
      assert.throws(
        () => encodeCertificate({ ...order, serialHex, extensions: [] }, issuer),
        TypeError,
      )
    }
    assert.throws(() => encodeCertificate(order, issuer), /ordered twice/)
  })

  test('a key that signs no certificates is refused', () => {
    const { privateKey } = generateKeyPairSync('x25519')
    assert.throws(
      () => signatureAlgorithmFor(privateKey),
      (error) => error instanceof ConnectorError && error.code === 'pki/unsupported-algorithm',
    )
  })

  test('a certs-only message keeps the order of its certificates, for us and for openssl', () => {
    const list = [leaf.certificateDer, makeCa().certificateDer, makeIdentity('Z').certificateDer]
    for (const certificatesDer of [list, list.toReversed()]) {
      const der = encodeCertificates(certificatesDer)
      assert.deepEqual(parseCertificates(der), certificatesDer)
      const printed = withOpenssl((tool) => {
        tool.write('certs.der', der)
        return tool.run('pkcs7 -inform DER -in certs.der -print_certs')
      })
      const pems = printed.match(/-----BEGIN[^]+?END CERTIFICATE-----/g) ?? []
      assert.deepEqual(
        pems.map((pem) => new Uint8Array(new X509Certificate(pem).raw)),
        certificatesDer,
      )
    }
  })
})
