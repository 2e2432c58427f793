import { randomBytes, webcrypto } from 'node:crypto'
import * as asn1js from 'asn1js'
import * as pkijs from 'pkijs'

const COMMON_NAME = '2.5.4.3'
const SUBJECT_KEY_IDENTIFIER = '2.5.29.14'
const KEY_USAGE = '2.5.29.15'
const SUBJECT_ALT_NAME = '2.5.29.17'
const BASIC_CONSTRAINTS = '2.5.29.19'
const AUTHORITY_KEY_IDENTIFIER = '2.5.29.35'
const EXT_KEY_USAGE = '2.5.29.37'

/** What a certificate is for, by purpose (RFC 5280, section 4.2.1.12). */
const extendedKeyUsages: Partial<Record<Purpose, string>> = {
  'tls-server': '1.3.6.1.5.5.7.3.1',
  'tls-client': '1.3.6.1.5.5.7.3.2',
}

/** Bits of keyUsage as the first octet of its BIT STRING (RFC 5280, section 4.2.1.3), with the bits left unused. */
const keyUsageBits = {
  'certificate-authority': { octet: 0x06, unused: 1 },
  'tls-server': { octet: 0x80, unused: 7 },
  'tls-client': { octet: 0x80, unused: 7 },
  device: { octet: 0xa0, unused: 5 },
  signing: { octet: 0x80, unused: 7 },
  encryption: { octet: 0x20, unused: 5 },
} as const

/** Kinds of certificates. */
export type Purpose = keyof typeof keyUsageBits

/** A certificate of the simulator with its private key. */
export interface Identity {
  readonly certificate: pkijs.Certificate
  readonly certificateDer: Uint8Array
  readonly certificatePem: string
  readonly keyPair: webcrypto.CryptoKeyPair
  readonly privateKeyPem: string
}

/** What a certificate shall say. */
export interface IdentityOrder {
  readonly commonName: string
  readonly purpose: Purpose
  readonly key: 'rsa-2048' | 'p-256'
  /** Who signs; the certificate itself when absent. */
  readonly issuer?: Identity
  /** Of a CA: how many CAs may stand below it; default 0. */
  readonly pathLength?: number
  /** Names of a TLS server. */
  readonly altNames?: readonly pkijs.GeneralName[]
  /** Validity runs from an hour before to 397 days after, so that skewed clients still connect. */
  readonly now: Date
}

/** Makes a key pair and its certificate. Both live in memory only. */
export async function issueIdentity(order: IdentityOrder): Promise<Identity> {
  const keyPair = await generateKeyPair(order.key)
  const certificate = new pkijs.Certificate({ version: 2 })
  await certificate.subjectPublicKeyInfo.importKey(keyPair.publicKey)
  await signCertificate(certificate, order, (order.issuer?.keyPair ?? keyPair).privateKey)
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keyPair.privateKey)
  return {
    certificate,
    ...encodeCertificate(certificate),
    keyPair,
    privateKeyPem: toPem('PRIVATE KEY', new Uint8Array(pkcs8)),
  }
}

/** What a certificate for somebody else's key shall say. */
export interface ForeignOrder extends Omit<IdentityOrder, 'key' | 'issuer'> {
  readonly issuer: Identity
  readonly publicKey: pkijs.PublicKeyInfo
  readonly notAfter: Date
}

/** Issues a certificate for a key that stays with its owner. */
export async function issueForKey(
  order: ForeignOrder,
): Promise<{ readonly certificateDer: Uint8Array; readonly certificatePem: string }> {
  const certificate = new pkijs.Certificate({ version: 2 })
  certificate.subjectPublicKeyInfo = order.publicKey
  await signCertificate(certificate, order, order.issuer.keyPair.privateKey)
  return encodeCertificate(certificate)
}

async function signCertificate(
  certificate: pkijs.Certificate,
  order: Omit<IdentityOrder, 'key'> & { readonly notAfter?: Date },
  key: webcrypto.CryptoKey,
): Promise<void> {
  certificate.serialNumber = new asn1js.Integer({ valueHex: positiveSerial() })
  setCommonName(certificate.subject, order.commonName)
  certificate.issuer = order.issuer?.certificate.subject ?? certificate.subject
  certificate.notBefore.value = new Date(order.now.getTime() - 3_600_000)
  certificate.notAfter.value = order.notAfter ?? new Date(order.now.getTime() + 397 * 86_400_000)
  certificate.extensions = await extensionsFor(certificate, order)
  await certificate.sign(key, 'SHA-256')
}

function encodeCertificate(certificate: pkijs.Certificate) {
  const certificateDer = new Uint8Array(certificate.toSchema(true).toBER())
  return { certificateDer, certificatePem: toPem('CERTIFICATE', certificateDer) }
}

/** An iPAddress for IPv4 and IPv6 octets, a dNSName for text. */
export function altName(value: string | Uint8Array): pkijs.GeneralName {
  if (typeof value === 'string') return new pkijs.GeneralName({ type: 2, value })
  return new pkijs.GeneralName({
    type: 7,
    value: new asn1js.OctetString({ valueHex: bufferOf(value) }),
  })
}

/** A copy as ArrayBuffer, the form that asn1js takes. */
export function bufferOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer
}

async function generateKeyPair(kind: IdentityOrder['key']): Promise<webcrypto.CryptoKeyPair> {
  if (kind === 'p-256') {
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
    return await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  }
  const algorithm = {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
  }
  return await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
}

async function extensionsFor(
  certificate: pkijs.Certificate,
  { purpose, issuer, altNames, pathLength = 0 }: Omit<IdentityOrder, 'key'>,
): Promise<pkijs.Extension[]> {
  const { octet, unused } = keyUsageBits[purpose]
  const usage = new asn1js.BitString({
    valueHex: new Uint8Array([octet]).buffer,
    unusedBits: unused,
  })
  const keyId = await keyIdentifier(certificate)
  const authority = new pkijs.AuthorityKeyIdentifier({
    keyIdentifier: new asn1js.OctetString({
      valueHex: issuer ? await keyIdentifier(issuer.certificate) : keyId,
    }),
  })
  const isCa = purpose === 'certificate-authority'
  const constraints = new pkijs.BasicConstraints(
    isCa ? { cA: true, pathLenConstraint: pathLength } : {},
  )
  const extensions = [
    extension(BASIC_CONSTRAINTS, true, constraints.toSchema()),
    extension(KEY_USAGE, true, usage),
    extension(SUBJECT_KEY_IDENTIFIER, false, new asn1js.OctetString({ valueHex: keyId })),
    extension(AUTHORITY_KEY_IDENTIFIER, false, authority.toSchema()),
  ]
  const extendedKeyUsage = extendedKeyUsages[purpose]
  if (extendedKeyUsage !== undefined) {
    const purposes = new pkijs.ExtKeyUsage({ keyPurposes: [extendedKeyUsage] })
    extensions.push(extension(EXT_KEY_USAGE, false, purposes.toSchema()))
  }
  if (altNames) {
    const names = new pkijs.GeneralNames({ names: [...altNames] })
    extensions.push(extension(SUBJECT_ALT_NAME, false, names.toSchema()))
  }
  return extensions
}

function extension(extnID: string, critical: boolean, value: asn1js.BaseBlock): pkijs.Extension {
  return new pkijs.Extension({ extnID, critical, extnValue: value.toBER() })
}

async function keyIdentifier(certificate: pkijs.Certificate): Promise<ArrayBuffer> {
  const bits = certificate.subjectPublicKeyInfo.subjectPublicKey.valueBlock.valueHexView
  return await webcrypto.subtle.digest('SHA-1', bufferOf(bits))
}

function setCommonName(name: pkijs.RelativeDistinguishedNames, text: string): void {
  name.typesAndValues = [
    new pkijs.AttributeTypeAndValue({
      type: COMMON_NAME,
      value: new asn1js.Utf8String({ value: text }),
    }),
  ]
}

function positiveSerial(): ArrayBuffer {
  const octets = randomBytes(16)
  // First bit 0 keeps the INTEGER positive, the next one 1 keeps its length fixed.
  octets[0] = ((octets[0] ?? 0) & 0x3f) | 0x40
  return bufferOf(octets)
}

function toPem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
