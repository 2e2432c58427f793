import { createCipheriv, createPrivateKey, type KeyObject, scrypt } from 'node:crypto'
import { promisify } from 'node:util'
import { ConnectorError, type RandomBytes, type Secret } from '../kernel/index.ts'
import { encodeInteger, encodeOctetString, encodeOid, encodeSequence, OID } from '../pki/index.ts'
import { decodePem, encodePem } from './pem.ts'
import { loadPrivateFile, writePrivateFile } from './private-file.ts'

const PBES2 = '1.2.840.113549.1.5.13'
const SCRYPT = '1.3.6.1.4.1.11591.4.11'
const LABEL = 'ENCRYPTED PRIVATE KEY'

/**
 * 16 MiB and five passes. More memory (N = 2^15) is as strong with fewer passes, but the `openssl` command refuses to read
 * it, and an administrator must be able to.
 */
const COST = { N: 16384, r: 8, p: 5 } as const
const SALT_BYTES = 16
const IV_BYTES = 16

const deriveKey = promisify<string, Uint8Array, number, typeof COST, Buffer>(scrypt)

/**
 * Encrypts a private key: PKCS #8 EncryptedPrivateKeyInfo, PBES2 with scrypt and AES-256-CBC.
 *
 * Built here, because node:crypto writes PBKDF2 with 2048 rounds only.
 *
 * @param pkcs8Der PrivateKeyInfo
 * @returns DER
 * @see RFC 5958 section 3, RFC 8018 section 6.2, RFC 7914 section 7
 */
async function sealKey(
  pkcs8Der: Uint8Array,
  passphrase: Secret,
  random: RandomBytes,
): Promise<Uint8Array> {
  const salt = random(SALT_BYTES)
  const iv = random(IV_BYTES)
  const key = await deriveKey(passphrase.reveal(), salt, 32, COST)
  const cipher = createCipheriv('aes-256-cbc', key, iv)
  const sealed = Buffer.concat([cipher.update(pkcs8Der), cipher.final()])
  key.fill(0)

  const derivation = encodeSequence(
    encodeOid(SCRYPT),
    encodeSequence(
      encodeOctetString(salt),
      encodeInteger(COST.N),
      encodeInteger(COST.r),
      encodeInteger(COST.p),
    ),
  )
  const encryption = encodeSequence(encodeOid(OID.aes256Cbc), encodeOctetString(iv))
  const algorithm = encodeSequence(encodeOid(PBES2), encodeSequence(derivation, encryption))
  return encodeSequence(algorithm, encodeOctetString(sealed))
}

/**
 * Writes an encrypted key as PEM, mode 0600, the whole file or none.
 *
 * @throws ConnectorError `key/unreadable` the disk refuses
 */
export async function writeKeyFile(
  path: string,
  pkcs8Der: Uint8Array,
  passphrase: Secret,
  random: RandomBytes,
): Promise<void> {
  const pem = await encodeKeyFile(pkcs8Der, passphrase, random)
  await writePrivateFile(path, new TextEncoder().encode(pem))
}

/** The same as text, for files that say more than the key. */
export async function encodeKeyFile(
  pkcs8Der: Uint8Array,
  passphrase: Secret,
  random: RandomBytes,
): Promise<string> {
  return encodePem(LABEL, await sealKey(pkcs8Der, passphrase, random))
}

/**
 * Reads an encrypted key that `writeKeyFile` or the `openssl pkcs8` command wrote. A key that is not encrypted is refused.
 *
 * @throws ConnectorError `key/unreadable` missing, open to other accounts, not encrypted PKCS #8, or another passphrase
 */
export async function loadKeyFile(path: string, passphrase: Secret): Promise<KeyObject> {
  const text = new TextDecoder().decode(await loadPrivateFile(path))
  const der = decodePem(LABEL, text)
  if (!der) {
    throw new ConnectorError(
      'key/unreadable',
      `${path} holds no "${LABEL}"; encrypt the key with: openssl pkcs8 -topk8 -scrypt`,
    )
  }
  try {
    return createPrivateKey({
      key: Buffer.from(der),
      format: 'der',
      type: 'pkcs8',
      passphrase: passphrase.reveal(),
    })
  } catch (cause) {
    throw new ConnectorError(
      'key/unreadable',
      `${path} does not open with the configured passphrase; ` +
        'check that the passphrase file is the one that was used when the key was made',
      { cause },
    )
  }
}
