import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { commonName, element, name, octetString, oid, printable, sequence, utf8 } from './ber.ts'
import { extension, issueTestCertificate, spkiOf } from './certificates.ts'

/** A key pair of a device or of the server. */
export interface TestKeys {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

/** A certificate with its key. */
export interface TestIdentity extends TestKeys {
  readonly certificateDer: Uint8Array
}

/** Root, issuing CA and three registration authorities: current, retired, and one of another house. */
export interface TestAuthority {
  readonly root: TestIdentity
  readonly issuing: TestIdentity
  readonly ra: TestIdentity
  readonly retiredRa: TestIdentity
  readonly strangerRa: TestIdentity
}

/** A fresh RSA key pair. */
export function createRsaKeys(modulusLength = 2048): TestKeys {
  return generateKeyPairSync('rsa', { modulusLength })
}

/** A fresh P-256 key pair. */
export function createEcKeys(): TestKeys {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
}

/** The subjectKeyIdentifier of the certificates here: SHA-1 of the SubjectPublicKeyInfo. */
export function keyIdentifierOf(key: KeyObject): Uint8Array {
  return createHash('sha1').update(spkiOf(key)).digest()
}

/** Makes a new authority with P-256 CAs and RSA-2048 registration authorities. */
export function createTestAuthority(): TestAuthority {
  const root = createEcKeys()
  const rootName = name(['2.5.4.10', printable('Contoso')], ['2.5.4.3', utf8('Test root é')])
  const issuing = createEcKeys()
  const issuingName = commonName('Test issuing CA')
  const rootCertificate = issueTestCertificate({
    subject: rootName,
    ...root,
    signingKey: root.privateKey,
    extensions: authorityExtensions(root.publicKey),
  })
  const issuingCertificate = issueTestCertificate({
    subject: issuingName,
    issuer: rootName,
    serial: [0x10],
    ...issuing,
    signingKey: root.privateKey,
    extensions: authorityExtensions(issuing.publicKey),
  })
  const createRa = (text: string, serial: readonly number[]): TestIdentity => {
    const keys = createRsaKeys()
    const certificateDer = issueTestCertificate({
      subject: commonName(text),
      issuer: issuingName,
      serial,
      ...keys,
      signingKey: issuing.privateKey,
      extensions: raExtensions(keys.publicKey),
    })
    return { ...keys, certificateDer }
  }
  return {
    root: { ...root, certificateDer: rootCertificate },
    issuing: { ...issuing, certificateDer: issuingCertificate },
    ra: createRa('Test RA', [0x00, 0xa1, 0x02]),
    retiredRa: createRa('Test RA', [0x20]),
    strangerRa: createRa('Test RA of another house', [0x30]),
  }
}

function authorityExtensions(key: KeyObject): readonly Uint8Array[] {
  return [
    extension('2.5.29.19', sequence(element(0x01, Buffer.of(0xff))), true),
    extension('2.5.29.15', element(0x03, Buffer.of(1, 0x06)), true),
    extension('2.5.29.14', octetString(keyIdentifierOf(key))),
  ]
}

function raExtensions(key: KeyObject): readonly Uint8Array[] {
  return [
    extension('2.5.29.15', element(0x03, Buffer.of(5, 0xa0)), true),
    extension('2.5.29.37', sequence(oid('1.3.6.1.4.1.311.20.2.1'))),
    extension('2.5.29.14', octetString(keyIdentifierOf(key))),
  ]
}
