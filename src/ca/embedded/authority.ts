import { createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { ConnectorError, type RandomBytes } from '../../kernel/index.ts'
import {
  type Extension,
  encodeAuthorityKeyIdentifier,
  encodeBasicConstraints,
  encodeExtKeyUsage,
  encodeKeyUsage,
  encodeName,
  encodeSubjectKeyIdentifier,
  findNameValues,
  keyIdentifierOf,
  OID,
  parseCertificate,
} from '../../pki/index.ts'
import { generateSerial } from '../serial.ts'
import { getIssuerKeyIdentifier, latestNotAfter } from './issuer-facts.ts'

/** Kinds of CA keys. */
export const CA_KEY_TYPES = ['rsa2048', 'rsa3072', 'rsa4096', 'p256', 'p384'] as const
export type CaKeyType = (typeof CA_KEY_TYPES)[number]

/** A certificate with its private key, in memory. */
export interface KeyedCertificate {
  readonly certificateDer: Uint8Array
  readonly key: KeyObject
}

/** How the certificates of an authority are named. */
export interface AuthorityNames {
  /** Common name of the issuing CA; the root appends ` Root`, the RA ` RA`. At most 59 characters. */
  readonly name: string
  readonly organisation?: string
  /** Two letters of ISO 3166. */
  readonly country?: string
}

export interface AuthorityOptions {
  readonly names: AuthorityNames
  /** Default `rsa4096`. */
  readonly rootKey?: CaKeyType
  /** Default `rsa3072`. */
  readonly issuingKey?: CaKeyType
  /** Default 20. */
  readonly rootYears?: number
  /** Default 10; never beyond the root. */
  readonly issuingYears?: number
  /** Default 730; never beyond the issuing CA. */
  readonly raDays?: number
  readonly now: Date
  readonly random: RandomBytes
}

/** What `createAuthority` makes. */
export interface NewAuthority {
  readonly root: KeyedCertificate
  readonly issuing: KeyedCertificate
  readonly ra: KeyedCertificate
}

/** Lifetime of an RA certificate unless the caller says otherwise, in days. */
export const DEFAULT_RA_DAYS = 730

/** REQ-47: devices whose clocks are slow, and signing times of theirs, must fall into the validity. */
const BACKDATE_MS = 24 * 3_600_000
const DAY_MS = 24 * 3_600_000

const generateKey = promisify(generateKeyPair)

/**
 * Makes a root, an issuing CA under it, and an RA certificate under that. Writes nothing. Takes seconds with RSA-4096.
 *
 * @throws ConnectorError `ca/misconfigured` a name that does not fit a certificate
 */
export async function createAuthority(options: AuthorityOptions): Promise<NewAuthority> {
  const { names, now, random } = options
  checkNames(names)

  const { buildCertificate } = await importBuilder()
  const rootKey = await generateCaKey(options.rootKey ?? 'rsa4096')
  const rootName = encodeAuthorityName(names, `${names.name} Root`)
  const rootNotAfter = addYears(now, options.rootYears ?? 20)
  const rootDer = buildCertificate(
    {
      serialHex: generateSerial(random),
      subjectDer: rootName,
      spkiDer: spkiOf(rootKey),
      notBefore: backdate(now),
      notAfter: rootNotAfter,
      extensions: caExtensions(rootKey, rootKey, 1),
    },
    rootName,
    rootKey,
  )

  const issuingKey = await generateCaKey(options.issuingKey ?? 'rsa3072')
  const issuingDer = buildCertificate(
    {
      serialHex: generateSerial(random),
      subjectDer: encodeAuthorityName(names, names.name),
      spkiDer: spkiOf(issuingKey),
      notBefore: backdate(now),
      notAfter: earliest(
        addYears(now, options.issuingYears ?? 10),
        latestNotAfter(parseCertificate(rootDer)),
      ),
      extensions: caExtensions(issuingKey, rootKey, 0),
    },
    rootName,
    rootKey,
  )

  const issuing = { certificateDer: issuingDer, key: issuingKey }
  const ra = await createRa(issuing, { now, random, days: options.raDays ?? DEFAULT_RA_DAYS })
  return { root: { certificateDer: rootDer, key: rootKey }, issuing, ra }
}

/**
 * Makes an RA key and certificate under an issuing CA: RSA-2048 whatever the key of the CA, with the usages that Windows
 * and Apple demand before they encrypt to it.
 *
 * Its name is the issuer's with ` RA` added to the common name.
 *
 * @see REQ-38, REQ-40, REQ-46, REQ-47
 */
export async function createRa(
  issuing: KeyedCertificate,
  options: { readonly now: Date; readonly random: RandomBytes; readonly days: number },
): Promise<KeyedCertificate> {
  const { buildCertificate } = await importBuilder()
  const issuer = parseCertificate(issuing.certificateDer)
  const { privateKey: key } = await generateKey('rsa', { modulusLength: 2048 })
  const certificateDer = buildCertificate(
    {
      serialHex: generateSerial(options.random),
      subjectDer: raNameOf(issuer.subjectDer),
      spkiDer: spkiOf(key),
      notBefore: backdate(options.now),
      notAfter: earliest(
        new Date(options.now.getTime() + options.days * DAY_MS),
        latestNotAfter(issuer),
      ),
      extensions: [
        encodeBasicConstraints({ isCa: false }),
        encodeKeyUsage(['digitalSignature', 'keyEncipherment']),
        encodeExtKeyUsage([OID.certificateRequestAgent, OID.serverAuth]),
        encodeSubjectKeyIdentifier(spkiOf(key)),
        encodeAuthorityKeyIdentifier(getIssuerKeyIdentifier(issuer)),
      ],
    },
    issuer.subjectDer,
    issuing.key,
  )
  return { certificateDer, key }
}

/** Late, because worker threads come through the same door, build no CA, and would pay for pkijs at each start. */
function importBuilder() {
  return import('./certificate-structure.ts')
}

async function generateCaKey(type: CaKeyType): Promise<KeyObject> {
  switch (type) {
    case 'rsa2048':
    case 'rsa3072':
    case 'rsa4096': {
      const modulusLength = Number(type.slice('rsa'.length))
      return (await generateKey('rsa', { modulusLength })).privateKey
    }
    case 'p256':
      return (await generateKey('ec', { namedCurve: 'prime256v1' })).privateKey
    case 'p384':
      return (await generateKey('ec', { namedCurve: 'secp384r1' })).privateKey
  }
}

function caExtensions(key: KeyObject, issuerKey: KeyObject, pathLength: number): Extension[] {
  return [
    encodeBasicConstraints({ isCa: true, pathLength }),
    encodeKeyUsage(['keyCertSign', 'cRLSign']),
    encodeSubjectKeyIdentifier(spkiOf(key)),
    encodeAuthorityKeyIdentifier(keyIdentifierOf(spkiOf(issuerKey))),
  ]
}

function checkNames(names: AuthorityNames): void {
  const tooLong = (what: string, value: string, most: number) =>
    new ConnectorError(
      'ca/misconfigured',
      `${what} "${value}" has ${value.length} characters; a certificate takes 1 to ${most}`,
    )
  // 64 characters (RFC 5280, appendix A.1), less what the root's name appends.
  if (names.name.trim() === '' || names.name.length > 59) throw tooLong('name', names.name, 59)
  const { organisation, country } = names
  if (organisation !== undefined && (organisation.trim() === '' || organisation.length > 64)) {
    throw tooLong('organisation', organisation, 64)
  }
  if (country !== undefined && !/^[A-Z]{2}$/.test(country)) {
    throw new ConnectorError(
      'ca/misconfigured',
      `country "${country}" is no code of two capital letters (ISO 3166), such as DE`,
    )
  }
}

function encodeAuthorityName(names: AuthorityNames, commonName: string): Uint8Array {
  const { country, organisation } = names
  return encodeName([
    ...(country === undefined ? [] : [{ oid: OID.countryName, value: country }]),
    ...(organisation === undefined ? [] : [{ oid: OID.organizationName, value: organisation }]),
    { oid: OID.commonName, value: commonName },
  ])
}

function raNameOf(issuerNameDer: Uint8Array): Uint8Array {
  const [country] = findNameValues(issuerNameDer, OID.countryName)
  const [organisation] = findNameValues(issuerNameDer, OID.organizationName)
  const [commonName = 'Registration Authority'] = findNameValues(issuerNameDer, OID.commonName)
  const names = {
    name: commonName,
    ...(country === undefined ? {} : { country }),
    ...(organisation === undefined ? {} : { organisation }),
  }
  return encodeAuthorityName(names, `${commonName} RA`)
}

function spkiOf(privateKey: KeyObject): Uint8Array {
  const publicKey = createPublicKey(privateKey)
  return new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }))
}

function backdate(now: Date): Date {
  return new Date(now.getTime() - BACKDATE_MS)
}

function addYears(from: Date, years: number): Date {
  const to = new Date(from)
  to.setUTCFullYear(to.getUTCFullYear() + years)
  return to
}

function earliest(a: Date, b: Date): Date {
  return a < b ? a : b
}
