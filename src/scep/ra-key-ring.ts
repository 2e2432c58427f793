import { createPrivateKey, createPublicKey, hash, type KeyObject } from 'node:crypto'
import { ConnectorError, equalBytes, fromHex, toHex } from '../kernel/index.ts'
import {
  type Certificate,
  type CertificateReference,
  encodeIssuerAndSerial,
  findExtension,
  type KeyUsageName,
  keyIdentifierOf,
  OID,
  parseCertificate,
  parseKeyUsage,
  parseSubjectKeyIdentifier,
} from '../pki/index.ts'
import type { RaMaterial } from './types.ts'

/** An RA key and everything about its certificate that messages need, worked out once. Holds a private key. */
export interface RaIdentity {
  readonly key: KeyObject
  readonly certificateDer: Uint8Array
  /** The root last. */
  readonly issuersDer: readonly Uint8Array[]
  readonly spkiDer: Uint8Array
  /** Length of its signatures. */
  readonly modulusBytes: number
  /** SHA-256, upper-case hexadecimal. */
  readonly fingerprintHex: string
  readonly issuerDer: Uint8Array
  /** Value of authorityKeyIdentifier: CAs of one name have different keys. */
  readonly issuerKeyDer: Uint8Array
  readonly notBefore: Date
  readonly serial: Uint8Array
  readonly issuerAndSerialDer: Uint8Array
  /** As its extension says and as SHA-1 makes it; one of them when they agree. */
  readonly keyIdentifiers: readonly Uint8Array[]
  /** keyUsage allows keyEncipherment, or there is none. */
  readonly canDecrypt: boolean
  /** keyUsage allows digitalSignature, or there is none. */
  readonly canSign: boolean
}

/** The RA keys of a CA. One a thread: RSA decryption on one key object is serialised inside Node. */
export interface RaKeyRing {
  readonly identities: readonly RaIdentity[]
  /** Signs replies to requests that no key of the ring was named in. */
  readonly signer: RaIdentity
}

const minRaBits = 2048

/**
 * Imports RA keys for use. One key may do both jobs, or one current key may sign and another decrypt (REQ-39).
 *
 * @throws ConnectorError `key/unreadable` a key cannot be read or does not belong to its certificate
 * @throws ConnectorError `config/invalid` a key is no RSA key of at least 2048 bits, or no current one signs or decrypts
 * @throws ConnectorError `pki/malformed` a certificate cannot be read
 */
export function prepareRaKeyRing(materials: readonly RaMaterial[]): RaKeyRing {
  // Current ones first: names of retired certificates must not hide them.
  const sorted = materials.toSorted((a, b) => Number(b.isCurrent) - Number(a.isCurrent))
  const identities = sorted.map(prepareRaIdentity)
  const current = identities.slice(0, materials.filter(({ isCurrent }) => isCurrent).length)
  const signer = current.find(({ canSign }) => canSign)
  if (signer === undefined || !current.some(({ canDecrypt }) => canDecrypt)) {
    throw new ConnectorError(
      'config/invalid',
      'no current RA certificate has the key usages digitalSignature and keyEncipherment',
    )
  }
  return { identities, signer }
}

/**
 * Imports one RA key.
 *
 * @throws ConnectorError as `prepareRaKeyRing`
 */
export function prepareRaIdentity({
  certificateDer,
  keyPkcs8Der,
  issuersDer,
}: RaMaterial): RaIdentity {
  const certificate = parseCertificate(certificateDer)
  const key = importPrivateKey(keyPkcs8Der, certificate)
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0
  if (key.asymmetricKeyType !== 'rsa' || bits < minRaBits) {
    throw new ConnectorError(
      'config/invalid',
      `the RA key is ${key.asymmetricKeyType ?? 'unknown'} of ${bits} bits; it must be RSA of at least ${minRaBits}`,
    )
  }
  const serial = fromHex(certificate.serialHex)
  const usages = findKeyUsages(certificate)
  return {
    key,
    certificateDer,
    issuersDer,
    spkiDer: certificate.spkiDer,
    modulusBytes: Math.ceil(bits / 8),
    fingerprintHex: toHex(hash('sha256', certificateDer, 'buffer')),
    issuerDer: certificate.issuerDer,
    issuerKeyDer:
      findExtension(certificate.extensions, OID.authorityKeyIdentifier)?.valueDer ??
      new Uint8Array(),
    notBefore: certificate.notBefore,
    serial,
    issuerAndSerialDer: encodeIssuerAndSerial(certificate.issuerDer, serial),
    keyIdentifiers: findKeyIdentifiers(certificate),
    canDecrypt: usages?.includes('keyEncipherment') ?? true,
    canSign: usages?.includes('digitalSignature') ?? true,
  }
}

function importPrivateKey(keyPkcs8Der: Uint8Array, certificate: Certificate): KeyObject {
  let key: KeyObject
  let spki: Uint8Array
  try {
    key = createPrivateKey({ key: Buffer.from(keyPkcs8Der), format: 'der', type: 'pkcs8' })
    spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
  } catch (cause) {
    throw new ConnectorError('key/unreadable', 'the RA key is no readable PKCS #8', { cause })
  }
  if (!equalBytes(spki, certificate.spkiDer)) {
    throw new ConnectorError(
      'key/unreadable',
      `the RA key does not belong to its certificate (serial ${certificate.serialHex})`,
    )
  }
  return key
}

function findKeyUsages({ extensions }: Certificate): readonly KeyUsageName[] | undefined {
  const extension = findExtension(extensions, OID.keyUsage)
  return extension === undefined ? undefined : parseKeyUsage(extension.valueDer)
}

function findKeyIdentifiers({ extensions, spkiDer }: Certificate): Uint8Array[] {
  const computed = keyIdentifierOf(spkiDer)
  const extension = findExtension(extensions, OID.subjectKeyIdentifier)
  const stated = extension === undefined ? computed : parseSubjectKeyIdentifier(extension.valueDer)
  return equalBytes(stated, computed) ? [computed] : [stated, computed]
}

/** The key whose certificate a recipient names. Keys are never tried one after another (REQ-98). */
export function findRecipient(
  ring: RaKeyRing,
  reference: CertificateReference,
): RaIdentity | undefined {
  return ring.identities.find((identity) => identity.canDecrypt && isNamed(identity, reference))
}

function isNamed(identity: RaIdentity, reference: CertificateReference): boolean {
  return reference.kind === 'issuerAndSerial'
    ? equalBytes(identity.serial, reference.serial) &&
        equalBytes(identity.issuerDer, reference.issuerDer)
    : identity.keyIdentifiers.some((known) => equalBytes(known, reference.keyIdentifier))
}

/**
 * Who signs the answer to a request: the key that it was encrypted to, since a client with a saved certificate knows
 * no other; where that one does not sign, its partner of the same CA does (REQ-39, 48). Otherwise the ring's signer.
 */
export function findReplySigner(ring: RaKeyRing, fingerprintHex: string | undefined): RaIdentity {
  const named = ring.identities.find((identity) => identity.fingerprintHex === fingerprintHex)
  if (named?.canSign === true) return named
  return (named === undefined ? undefined : findPartner(ring, named)) ?? ring.signer
}

/** The one of the same CA that signs; of several the one that was made together with it. */
function findPartner(
  { identities }: RaKeyRing,
  { issuerDer, issuerKeyDer, notBefore }: RaIdentity,
): RaIdentity | undefined {
  const ofSameCa = identities.filter(
    (identity) =>
      identity.canSign &&
      equalBytes(identity.issuerDer, issuerDer) &&
      equalBytes(identity.issuerKeyDer, issuerKeyDer),
  )
  const isTwin = (identity: RaIdentity) => identity.notBefore.getTime() === notBefore.getTime()
  return ofSameCa.find(isTwin) ?? ofSameCa[0]
}
