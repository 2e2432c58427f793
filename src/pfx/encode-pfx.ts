import { createCipheriv, createHmac, pbkdf2Sync } from 'node:crypto'
import type { RandomBytes, Secret } from '../kernel/index.ts'
import {
  encodeBmpString,
  encodeContext,
  encodeContextPrimitive,
  encodeDigest,
  encodeInteger,
  encodeNull,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  encodeSetOf,
  OID,
} from '../pki/index.ts'
import { PFX_OID } from './pfx-oids.ts'
import { deriveFromPassword, KDF_PURPOSE } from './pkcs12-kdf.ts'

/** `aes256`: PBES2 with AES-256 and a MAC with SHA-256. `tripleDes`: PKCS #12's own with SHA-1, for old receivers. */
export type PfxEncryption = 'aes256' | 'tripleDes'

/** For passwords of people. */
const ITERATIONS: Readonly<Record<PfxEncryption, number>> = { aes256: 100_000, tripleDes: 20_000 }

/** Where `generatePfxPassword` made the password: nobody guesses 192 random bits, however fast. */
export const RANDOM_PASSWORD_ITERATIONS = 2048
const SALT_OCTETS = 16

/** What goes into a file. */
export interface PfxContent {
  /** PKCS #8 PrivateKeyInfo. */
  readonly keyDer: Uint8Array
  /** Of that key. */
  readonly certificateDer: Uint8Array
  /** Issuers, in any order. */
  readonly chain: readonly Uint8Array[]
  /** Shown by Windows and macOS. */
  readonly friendlyName?: string
}

/** Encrypts under the password; gives the algorithm and the octets. */
type Encrypt = (plain: Uint8Array) => {
  readonly algorithm: Uint8Array
  readonly sealed: Uint8Array
}

/**
 * Makes a PKCS #12 file with one key, its certificate and the chain, all encrypted, and a MAC. Blocks for the iterations
 * of three derivations: some tenths of a second, or milliseconds with `RANDOM_PASSWORD_ITERATIONS`.
 *
 * @param password ASCII: receivers encode others differently
 * @see RFC 7292, section 5.1
 */
export function encodePfx(
  content: PfxContent,
  password: Secret,
  encryption: PfxEncryption,
  random: RandomBytes,
  iterations: number = ITERATIONS[encryption],
): Uint8Array {
  const encrypt = createEncryption(password.reveal(), encryption, random, iterations)
  const keyId = attribute(PFX_OID.localKeyId, encodeOctetString(Uint8Array.of(1)))
  const names =
    content.friendlyName === undefined
      ? []
      : [attribute(PFX_OID.friendlyName, encodeBmpString(content.friendlyName))]
  const key = encrypt(content.keyDer)
  const keyBag = encodeSequence(
    encodeOid(PFX_OID.shroudedKeyBag),
    encodeContext(0, encodeSequence(key.algorithm, encodeOctetString(key.sealed))),
    encodeSetOf(keyId, ...names),
  )
  const certificates = encrypt(
    encodeSequence(
      certificateBag(content.certificateDer, encodeSetOf(keyId, ...names)),
      ...content.chain.map((der) => certificateBag(der)),
    ),
  )
  const encryptedData = encodeSequence(
    encodeInteger(0),
    encodeSequence(
      encodeOid(PFX_OID.data),
      certificates.algorithm,
      encodeContextPrimitive(0, certificates.sealed),
    ),
  )
  const authenticatedSafe = encodeSequence(
    contentInfo(PFX_OID.encryptedData, encryptedData),
    contentInfo(PFX_OID.data, encodeOctetString(encodeSequence(keyBag))),
  )
  return encodeSequence(
    encodeInteger(3),
    contentInfo(PFX_OID.data, encodeOctetString(authenticatedSafe)),
    encodeMac(authenticatedSafe, password.reveal(), encryption, random, iterations),
  )
}

function createEncryption(
  password: string,
  encryption: PfxEncryption,
  random: RandomBytes,
  iterations: number,
): Encrypt {
  return (plain) => {
    const salt = random(SALT_OCTETS)
    if (encryption === 'tripleDes') {
      const derive = (purpose: number, length: number): Uint8Array =>
        deriveFromPassword('sha1', purpose, password, salt, iterations, length)
      const parameters = encodeSequence(encodeOctetString(salt), encodeInteger(iterations))
      const algorithm = encodeSequence(encodeOid(PFX_OID.pbeSha3Des), parameters)
      const [key, iv] = [derive(KDF_PURPOSE.key, 24), derive(KDF_PURPOSE.iv, 8)]
      return { algorithm, sealed: encryptWith('des-ede3-cbc', key, iv, plain) }
    }
    const iv = random(16)
    const key = pbkdf2Sync(password, salt, iterations, 32, 'sha256')
    const prf = encodeSequence(encodeOid(PFX_OID.hmacSha256), encodeNull())
    const derivation = encodeSequence(
      encodeOid(PFX_OID.pbkdf2),
      encodeSequence(encodeOctetString(salt), encodeInteger(iterations), prf),
    )
    const scheme = encodeSequence(encodeOid(OID.aes256Cbc), encodeOctetString(iv))
    const algorithm = encodeSequence(encodeOid(PFX_OID.pbes2), encodeSequence(derivation, scheme))
    return { algorithm, sealed: encryptWith('aes-256-cbc', key, iv, plain) }
  }
}

function encodeMac(
  content: Uint8Array,
  password: string,
  encryption: PfxEncryption,
  random: RandomBytes,
  iterations: number,
): Uint8Array {
  const [digest, length] =
    encryption === 'aes256' ? (['sha256', 32] as const) : (['sha1', 20] as const)
  const salt = random(SALT_OCTETS)
  const key = deriveFromPassword(digest, KDF_PURPOSE.mac, password, salt, iterations, length)
  const value = createHmac(digest, key).update(content).digest()
  return encodeSequence(
    encodeSequence(encodeDigest(digest), encodeOctetString(value)),
    encodeOctetString(salt),
    encodeInteger(iterations),
  )
}

function encryptWith(
  cipher: string,
  key: Uint8Array,
  iv: Uint8Array,
  plain: Uint8Array,
): Uint8Array {
  const encryptor = createCipheriv(cipher, key, iv)
  return new Uint8Array(Buffer.concat([encryptor.update(plain), encryptor.final()]))
}

function certificateBag(der: Uint8Array, attributes: Uint8Array = new Uint8Array()): Uint8Array {
  const held = encodeSequence(
    encodeOid(PFX_OID.x509Certificate),
    encodeContext(0, encodeOctetString(der)),
  )
  return encodeSequence(encodeOid(PFX_OID.certificateBag), encodeContext(0, held), attributes)
}

function contentInfo(type: string, content: Uint8Array): Uint8Array {
  return encodeSequence(encodeOid(type), encodeContext(0, content))
}

function attribute(type: string, value: Uint8Array): Uint8Array {
  return encodeSequence(encodeOid(type), encodeSetOf(value))
}
