import { createDecipheriv, pbkdf2Sync } from 'node:crypto'
import forge from 'node-forge'
import { ConnectorError } from '../kernel/index.ts'
import {
  cipherTraits,
  type DerElement,
  getChild,
  parseOctets,
  parseOid,
  parseSmallInteger,
  readContentCipher,
  TAG,
} from '../pki/index.ts'
import { PFX_OID } from './pfx-oids.ts'
import { deriveFromPassword, KDF_PURPOSE } from './pkcs12-kdf.ts'

/** Most iterations of one derivation that are worked through: several seconds of a core. */
export const MAX_ITERATIONS = 2_000_000
const MAX_SALT_OCTETS = 1024

/** An encryption under a password, read and within bounds; nothing has been derived yet. */
export interface PasswordBasedEncryption {
  /** For people: `AES-256`, `3DES`, `RC2-40`. */
  readonly name: string
  readonly isOld: boolean
  readonly iterations: number
  /**
   * Derives the key and decrypts. Blocks for the iterations.
   *
   * @throws Error of OpenSSL when the padding is wrong: another password, or damaged
   */
  decrypt(password: string, encrypted: Uint8Array): Uint8Array
}

/** How a scheme of PKCS #12 itself is done. */
interface OldScheme {
  readonly name: string
  readonly keyOctets: number
  /** Bits of RC2 that count; undefined for triple DES. */
  readonly rc2Bits?: number
}

const oldSchemes: ReadonlyMap<string, OldScheme> = new Map([
  [PFX_OID.pbeSha3Des, { name: '3DES', keyOctets: 24 }],
  [PFX_OID.pbeSha2Des, { name: '3DES with two keys', keyOctets: 16 }],
  [PFX_OID.pbeShaRc2With128, { name: 'RC2-128', keyOctets: 16, rc2Bits: 128 }],
  [PFX_OID.pbeShaRc2With40, { name: 'RC2-40', keyOctets: 5, rc2Bits: 40 }],
])

const prfDigests: ReadonlyMap<string, string> = new Map([
  [PFX_OID.hmacSha1, 'sha1'],
  [PFX_OID.hmacSha256, 'sha256'],
  [PFX_OID.hmacSha384, 'sha384'],
  [PFX_OID.hmacSha512, 'sha512'],
])

/** Names of ciphers for people. */
const cipherNames: Readonly<Record<string, string>> = {
  'des-ede3-cbc': '3DES',
  'aes-128-cbc': 'AES-128',
  'aes-192-cbc': 'AES-192',
  'aes-256-cbc': 'AES-256',
}

/**
 * Reads the AlgorithmIdentifier of an encryption under a password: PBES2 with PBKDF2, or one of PKCS #12's own.
 *
 * @throws ConnectorError `pfx/unreadable` another scheme, or more iterations or salt than are worked through
 * @throws ConnectorError `pki/malformed`
 * @see RFC 8018, section 6.2; RFC 7292, appendix C
 */
export function readPbe(algorithm: DerElement): PasswordBasedEncryption {
  const oid = parseOid(getChild(algorithm, 0, TAG.oid, 'encryption algorithm'))
  const parameters = getChild(algorithm, 1, TAG.sequence, 'encryption parameters')
  if (oid === PFX_OID.pbes2) return readPbes2(parameters)
  const scheme = oldSchemes.get(oid)
  if (scheme === undefined) throw unsupported(`encryption ${oid}`)
  const salt = readSalt(parameters, 0)
  const iterations = readIterations(getChild(parameters, 1, TAG.integer, 'iterations'))
  return {
    name: scheme.name,
    isOld: true,
    iterations,
    decrypt(password, encrypted) {
      const derive = (purpose: number, length: number): Uint8Array =>
        deriveFromPassword('sha1', purpose, password, salt, iterations, length)
      const key = derive(KDF_PURPOSE.key, scheme.keyOctets)
      const iv = derive(KDF_PURPOSE.iv, 8)
      if (scheme.rc2Bits !== undefined) return decryptRc2(key, scheme.rc2Bits, iv, encrypted)
      // Two keys are three of which the last is the first again.
      const whole = scheme.keyOctets === 24 ? key : Buffer.concat([key, key.subarray(0, 8)])
      return decryptWith('des-ede3-cbc', whole, iv, encrypted)
    },
  }
}

/** Octets of a salt that is one of the children. */
export function readSalt(parent: DerElement, index: number): Uint8Array {
  const salt = parseOctets(getChild(parent, index, TAG.octetString, 'salt'), 'salt')
  if (salt.length <= MAX_SALT_OCTETS) return salt
  throw unsupported(`a salt of ${salt.length} octets`)
}

/** A count within bounds. */
export function readIterations(element: DerElement): number {
  const iterations = parseSmallInteger(element, 'iterations')
  if (iterations >= 1 && iterations <= MAX_ITERATIONS) return iterations
  throw new ConnectorError(
    'pfx/unreadable',
    `the file wants ${iterations} iterations for its password; 1 to ${MAX_ITERATIONS} are worked through. ` +
      'Export it again with fewer',
  )
}

function readPbes2(parameters: DerElement): PasswordBasedEncryption {
  const derivation = getChild(parameters, 0, TAG.sequence, 'key derivation')
  const kdf = parseOid(getChild(derivation, 0, TAG.oid, 'key derivation'))
  if (kdf !== PFX_OID.pbkdf2) throw unsupported(`key derivation ${kdf}`)
  const kdfParameters = getChild(derivation, 1, TAG.sequence, 'PBKDF2 parameters')
  const salt = readSalt(kdfParameters, 0)
  const iterations = readIterations(getChild(kdfParameters, 1, TAG.integer, 'iterations'))
  const prf = kdfParameters.children.find(({ tag }) => tag === TAG.sequence)
  const prfOid = prf === undefined ? PFX_OID.hmacSha1 : parseOid(getChild(prf, 0, TAG.oid, 'PRF'))
  const digest = prfDigests.get(prfOid)
  if (digest === undefined) throw unsupported(`PBKDF2 with ${prfOid}`)
  const scheme = getChild(parameters, 1, TAG.sequence, 'encryption scheme')
  const { cipher, iv } = readContentCipher(scheme)
  const name = cipherNames[cipher]
  if (name === undefined) throw unsupported(`PBES2 with ${cipher}`)
  return {
    name,
    isOld: cipher === 'des-ede3-cbc',
    iterations,
    decrypt(password, encrypted) {
      const { keyLength, native } = cipherTraits(cipher)
      const key = pbkdf2Sync(Buffer.from(password, 'utf8'), salt, iterations, keyLength, digest)
      return decryptWith(native, key, iv, encrypted)
    },
  }
}

function decryptWith(
  cipher: string,
  key: Uint8Array,
  iv: Uint8Array,
  encrypted: Uint8Array,
): Uint8Array {
  const decipher = createDecipheriv(cipher, key, iv)
  return new Uint8Array(Buffer.concat([decipher.update(encrypted), decipher.final()]))
}

/** OpenSSL 3 keeps RC2 from us; node-forge has it. Its strings hold one octet a character. */
function decryptRc2(key: Uint8Array, bits: number, iv: Uint8Array, encrypted: Uint8Array) {
  const toForge = (octets: Uint8Array): string => Buffer.from(octets).toString('latin1')
  const cipher = forge.rc2.createDecryptionCipher(toForge(key), bits)
  cipher.start(toForge(iv))
  cipher.update(forge.util.createBuffer(toForge(encrypted)))
  if (!cipher.finish()) throw new Error('wrong padding')
  return new Uint8Array(Buffer.from(cipher.output.getBytes(), 'latin1'))
}

function unsupported(what: string): ConnectorError {
  return new ConnectorError(
    'pfx/unreadable',
    `the file uses ${what.slice(0, 100)}, which is not read; export it again with AES-256 and SHA-256`,
  )
}
