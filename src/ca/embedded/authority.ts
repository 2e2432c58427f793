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
  /** A pair of RA certificates, one to encrypt to and one that signs (REQ-39). Default false: one does both. */
  readonly raPair?: boolean
  readonly now: Date
  readonly random: RandomBytes
}

/**
 * RA certificates as devices are told them: the one to encrypt to, then the one that signs unless it is the same (REQ-36).
 */
export type NewRas = readonly [KeyedCertificate, ...KeyedCertificate[]]

/** What `createAuthority` makes. */
export interface NewAuthority {
  readonly root: KeyedCertificate
  readonly issuing: KeyedCertificate
  readonly ras: NewRas
}

/** Lifetime of an RA certificate unless the caller says otherwise, in days. */
export const DEFAULT_RA_DAYS = 730

/** REQ-47: devices whose clocks are slow, and signing times of theirs, must fall into the validity. */
const BACKDATE_MS = 24 * 3_600_000
const DAY_MS = 24 * 3_600_000

const generateKey = promisify(generateKeyPair)

/**
 * Makes a root, an issuing CA under it, and RA certificates under that. Writes nothing. Takes seconds with RSA-4096.
 *
 * @throws ConnectorError `ca/misconfigured` a name that does not fit a certificate
 */
export async function createAuthority(options: AuthorityOptions): Promise<NewAuthority> {
  const root = await createRoot(options)
  const issuing = await createIssuing(root, options)
  const { now, random, raDays: days = DEFAULT_RA_DAYS, raPair: isPair = false } = options
  return { root, issuing, ras: await createRas(issuing, { now, random, days, isPair }) }
}

/**
 * Makes a root.
 *
 * @throws ConnectorError `ca/misconfigured` a name that does not fit a certificate
 */
export async function createRoot(
  options: Pick<AuthorityOptions, 'names' | 'rootKey' | 'rootYears' | 'now' | 'random'>,
): Promise<KeyedCertificate> {
  const { names, now, random } = options
  checkNames(names)
  const { buildCertificate } = await importBuilder()
  const key = await generateCaKey(options.rootKey ?? 'rsa4096')
  const nameDer = encodeAuthorityName(names, `${names.name} Root`)
  const certificateDer = buildCertificate(
    {
      serialHex: generateSerial(random),
      subjectDer: nameDer,
      spkiDer: spkiOf(key),
      notBefore: backdate(now),
      notAfter: addYears(now, options.rootYears ?? 20),
      extensions: caExtensions(key, key, 1),
    },
    nameDer,
    key,
  )
  return { certificateDer, key }
}

/**
 * Makes an issuing CA under a root.
 *
 * @throws ConnectorError `ca/misconfigured` a name that does not fit a certificate
 */
export async function createIssuing(
  root: KeyedCertificate,
  options: Pick<AuthorityOptions, 'names' | 'issuingKey' | 'issuingYears' | 'now' | 'random'>,
): Promise<KeyedCertificate> {
  const { names, now, random } = options
  checkNames(names)
  const { buildCertificate } = await importBuilder()
  const key = await generateCaKey(options.issuingKey ?? 'rsa3072')
  const issuer = parseCertificate(root.certificateDer)
  const certificateDer = buildCertificate(
    {
      serialHex: generateSerial(random),
      subjectDer: encodeAuthorityName(names, names.name),
      spkiDer: spkiOf(key),
      notBefore: backdate(now),
      notAfter: earliest(addYears(now, options.issuingYears ?? 10), latestNotAfter(issuer)),
      extensions: caExtensions(key, root.key, 0),
    },
    issuer.subjectDer,
    root.key,
  )
  return { certificateDer, key }
}

/** Usages of RA certificates, in the order of REQ-36; Windows and Apple demand them before they encrypt to one. */
const ONE_RA = [
  {
    keyUsages: ['digitalSignature', 'keyEncipherment'],
    purposes: [OID.certificateRequestAgent, OID.serverAuth],
  },
] as const
const RA_PAIR = [
  { keyUsages: ['keyEncipherment'], purposes: [OID.certificateRequestAgent] },
  { keyUsages: ['digitalSignature'], purposes: [OID.certificateRequestAgent] },
] as const

/**
 * Makes RA keys and certificates under an issuing CA: RSA-2048 whatever the key of the CA, one for both jobs or one for
 * each.
 *
 * Their name is the issuer's with ` RA` added to the common name.
 *
 * @see REQ-36, REQ-38, REQ-39, REQ-40, REQ-46, REQ-47
 */
export async function createRas(
  issuing: KeyedCertificate,
  options: {
    readonly now: Date
    readonly random: RandomBytes
    readonly days: number
    readonly isPair: boolean
  },
): Promise<NewRas> {
  const [first, ...more] = options.isPair ? RA_PAIR : ONE_RA
  const made: [KeyedCertificate, ...KeyedCertificate[]] = [await createRa(issuing, first, options)]
  for (const usages of more) made.push(await createRa(issuing, usages, options))
  return made
}

async function createRa(
  issuing: KeyedCertificate,
  { keyUsages, purposes }: (typeof ONE_RA | typeof RA_PAIR)[number],
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
        encodeKeyUsage([...keyUsages]),
        encodeExtKeyUsage([...purposes]),
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
