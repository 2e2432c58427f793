import { createHmac } from 'node:crypto'
import { ConnectorError, equalBytes } from '../kernel/index.ts'
import {
  type DerElement,
  findChild,
  getChild,
  parseElement,
  parseOctets,
  parseOid,
  TAG,
} from '../pki/index.ts'
import { MAX_ITERATIONS, type PasswordBasedEncryption, readPbe } from './pbe.ts'
import { PFX_OID } from './pfx-oids.ts'
import { type PfxMac, parsePfx, readExplicitOctets } from './pfx-structure.ts'
import { deriveFromPassword, KDF_PURPOSE } from './pkcs12-kdf.ts'

const MAX_BAGS = 100
const MAX_NESTING = 4

/** How a file is protected, for warnings. */
export interface PfxProtection {
  /** Each kind once: `AES-256`, `3DES`, `RC2-40`. */
  readonly ciphers: readonly string[]
  readonly hasOldCipher: boolean
  /** Fewest of those that the keys and certificates are encrypted with; 0 when nothing is. */
  readonly iterations: number
  readonly hasMac: boolean
  /** Whether a private key lies open, without encryption of its own or around it. */
  readonly hasOpenKey: boolean
}

/** Something of a file and the id that ties a key to its certificate. */
export interface PfxEntry {
  readonly der: Uint8Array
  /** undefined where the file gives none. */
  readonly localKeyId: Uint8Array | undefined
}

/** What a file holds. Keys are PKCS #8 PrivateKeyInfo, certificates X.509; neither has been looked into. */
export interface OpenedPfx {
  readonly keys: readonly PfxEntry[]
  readonly certificates: readonly PfxEntry[]
  readonly protection: PfxProtection
}

/**
 * Opens a PKCS #12 file with its password: verifies the MAC where there is one, decrypts everything.
 *
 * Blocks for the iterations that the file asks for: use `openPfxInThread` for files of others.
 *
 * @throws ConnectorError `pfx/unreadable` not a PFX, another password, damaged, an unknown cipher, or beyond a bound
 */
export function openPfx(bytes: Uint8Array, password: string): OpenedPfx {
  try {
    const { content, mac } = parsePfx(bytes)
    const reading = beginReading(password, mac !== undefined)
    if (mac !== undefined) {
      reading.spend(mac.iterations)
      verifyMac(mac, content, password)
    }
    readSafe(reading, content)
    return reading.end()
  } catch (cause) {
    if (cause instanceof ConnectorError && cause.code === 'pfx/unreadable') throw cause
    if (cause instanceof ConnectorError)
      throw new ConnectorError(
        'pfx/unreadable',
        `the file is no PKCS #12, or is damaged: ${cause.message}`,
        { cause },
      )
    // OpenSSL's words about padding add nothing.
    throw wrongPassword()
  }
}

/** What one file adds up to. */
interface Reading {
  readonly password: string
  readonly keys: PfxEntry[]
  readonly certificates: PfxEntry[]
  /** Takes iterations off what all derivations of one file may use. */
  spend(iterations: number): void
  /** Counts one encryption and what it costs. */
  open(encryption: PasswordBasedEncryption, encrypted: Uint8Array): Uint8Array
  /** Counts one bag. */
  count(): void
  hasOpenKey: boolean
  end(): OpenedPfx
}

function beginReading(password: string, hasMac: boolean): Reading {
  const ciphers = new Map<string, boolean>()
  let [left, bags, fewest] = [2 * MAX_ITERATIONS, 0, 0]
  return {
    password,
    keys: [],
    certificates: [],
    hasOpenKey: false,
    spend(iterations) {
      left -= iterations
      if (left < 0)
        throw new ConnectorError(
          'pfx/unreadable',
          `the file wants more than ${2 * MAX_ITERATIONS} iterations in all; export it again with fewer`,
        )
    },
    open(encryption, encrypted) {
      this.spend(encryption.iterations)
      ciphers.set(encryption.name, encryption.isOld)
      fewest = fewest === 0 ? encryption.iterations : Math.min(fewest, encryption.iterations)
      return encryption.decrypt(password, encrypted)
    },
    count() {
      bags += 1
      if (bags > MAX_BAGS)
        throw new ConnectorError('pfx/unreadable', `the file holds more than ${MAX_BAGS} entries`)
    },
    end() {
      const { keys, certificates, hasOpenKey } = this
      const hasOldCipher = [...ciphers.values()].includes(true)
      const names = [...ciphers.keys()]
      const protection = { ciphers: names, hasOldCipher, iterations: fewest, hasMac, hasOpenKey }
      return { keys, certificates, protection }
    },
  }
}

function verifyMac(mac: PfxMac, content: Uint8Array, password: string): void {
  const { digest, salt, iterations } = mac
  const length = mac.value.length
  const key = deriveFromPassword(digest, KDF_PURPOSE.mac, password, salt, iterations, length)
  if (!equalBytes(createHmac(digest, key).update(content).digest(), mac.value))
    throw wrongPassword()
}

function readSafe(reading: Reading, content: Uint8Array): void {
  for (const part of parseElement(content).children) {
    reading.count()
    const type = parseOid(getChild(part, 0, TAG.oid, 'type of a safe'))
    if (type === PFX_OID.data)
      readBags(reading, parseElement(readExplicitOctets(part, 1, 'safe')), false, 0)
    else if (type === PFX_OID.encryptedData) readEncrypted(reading, part)
    else throw new ConnectorError('pfx/unreadable', `the file holds ${type}, which is not read`)
  }
}

function readEncrypted(reading: Reading, part: DerElement): void {
  const data = getChild(getChild(part, 1, 0xa0, 'safe'), 0, TAG.sequence, 'encrypted safe')
  const info = getChild(data, 1, TAG.sequence, 'encrypted content')
  const encryption = readPbe(getChild(info, 1, TAG.sequence, 'encryption algorithm'))
  const encrypted = findChild(info, 0x80, 2) ?? findChild(info, 0xa0, 2)
  if (encrypted === undefined) return
  const opened = reading.open(encryption, parseOctets(encrypted, 'encrypted content'))
  readBags(reading, parseElement(opened), true, 0)
}

function readBags(reading: Reading, bags: DerElement, isEncrypted: boolean, depth: number): void {
  if (depth > MAX_NESTING)
    throw new ConnectorError('pfx/unreadable', 'the file nests its bags too deeply')
  for (const bag of bags.children) {
    reading.count()
    const type = parseOid(getChild(bag, 0, TAG.oid, 'type of a bag'))
    const value = getChild(bag, 1, 0xa0, 'bag')
    const localKeyId = findLocalKeyId(bag)
    switch (type) {
      case PFX_OID.keyBag:
        reading.hasOpenKey ||= !isEncrypted
        reading.keys.push({ der: getChild(value, 0, TAG.sequence, 'key').der, localKeyId })
        break
      case PFX_OID.shroudedKeyBag: {
        const shrouded = getChild(value, 0, TAG.sequence, 'encrypted key')
        const encryption = readPbe(getChild(shrouded, 0, TAG.sequence, 'encryption algorithm'))
        const encrypted = parseOctets(getChild(shrouded, 1, TAG.octetString, 'key'), 'key')
        reading.keys.push({ der: reading.open(encryption, encrypted), localKeyId })
        break
      }
      case PFX_OID.certificateBag: {
        const held = getChild(value, 0, TAG.sequence, 'certificate bag')
        if (parseOid(getChild(held, 0, TAG.oid, 'type')) === PFX_OID.x509Certificate)
          reading.certificates.push({ der: readExplicitOctets(held, 1, 'certificate'), localKeyId })
        break
      }
      case PFX_OID.safeContentsBag:
        readBags(reading, getChild(value, 0, TAG.sequence, 'bags'), isEncrypted, depth + 1)
        break
      default: // CRLs, secrets and what others put there are not ours to judge.
    }
  }
}

function findLocalKeyId(bag: DerElement): Uint8Array | undefined {
  const attributes = findChild(bag, TAG.set)
  for (const attribute of attributes?.children ?? []) {
    const [type, values] = attribute.children
    const value = values?.children[0]
    if (type === undefined || value === undefined) continue
    if (parseOid(type) === PFX_OID.localKeyId) return parseOctets(value, 'localKeyId')
  }
  return undefined
}

function wrongPassword(): ConnectorError {
  return new ConnectorError(
    'pfx/unreadable',
    'the file does not open with this password, or is damaged',
  )
}
