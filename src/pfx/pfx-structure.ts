import { ConnectorError } from '../kernel/index.ts'
import {
  type DerElement,
  findChild,
  getChild,
  parseElement,
  parseOctets,
  parseOid,
  parseSmallInteger,
  readDigest,
  TAG,
} from '../pki/index.ts'
import { readIterations, readSalt } from './pbe.ts'
import { PFX_OID } from './pfx-oids.ts'
import { isKdfDigest, type KdfDigest } from './pkcs12-kdf.ts'

/** Largest file that is read, in octets. A PFX with a chain has less than ten thousand. */
const MAX_FILE_OCTETS = 1024 * 1024

/** What protects a file from being changed. */
export interface PfxMac {
  readonly digest: KdfDigest
  readonly value: Uint8Array
  readonly salt: Uint8Array
  readonly iterations: number
}

/** The outer frame of a file: nothing has been verified or decrypted. */
export interface PfxStructure {
  /** The octets that the MAC covers: AuthenticatedSafe. */
  readonly content: Uint8Array
  /** undefined: the file has none. */
  readonly mac: PfxMac | undefined
}

/**
 * Reads the frame of a PKCS #12 file, version 3, with password integrity.
 *
 * @throws ConnectorError `pfx/unreadable` larger than 1 MiB, integrity by signature, or bounds of `readIterations`
 * @throws ConnectorError `pki/malformed`
 * @see RFC 7292, section 4
 */
export function parsePfx(bytes: Uint8Array): PfxStructure {
  if (bytes.length > MAX_FILE_OCTETS)
    throw new ConnectorError(
      'pfx/unreadable',
      `the file has ${bytes.length} octets; at most ${MAX_FILE_OCTETS} are read`,
    )
  const pfx = parseElement(bytes)
  const version = parseSmallInteger(getChild(pfx, 0, TAG.integer, 'version of PFX'), 'version')
  const authSafe = getChild(pfx, 1, TAG.sequence, 'authSafe')
  const type = parseOid(getChild(authSafe, 0, TAG.oid, 'type of authSafe'))
  if (version !== 3 || type !== PFX_OID.data)
    throw new ConnectorError(
      'pfx/unreadable',
      `the file is PKCS #12 of version ${version} with content ${type}; version 3 with a password is read`,
    )
  const content = readExplicitOctets(authSafe, 1, 'authSafe')
  const mac = pfx.children[2]
  return { content, mac: mac === undefined ? undefined : readMac(mac) }
}

/** Octets inside an OCTET STRING inside `[0] EXPLICIT`. */
export function readExplicitOctets(parent: DerElement, index: number, what: string): Uint8Array {
  const explicit = getChild(parent, index, 0xa0, what)
  const octets = findChild(explicit, TAG.octetString) ?? findChild(explicit, 0x24)
  return octets === undefined ? new Uint8Array() : parseOctets(octets, what)
}

function readMac(mac: DerElement): PfxMac {
  const info = getChild(mac, 0, TAG.sequence, 'MAC')
  const digest = readDigest(getChild(info, 0, TAG.sequence, 'digest of the MAC'))
  if (!isKdfDigest(digest))
    throw new ConnectorError(
      'pfx/unreadable',
      `the file has a MAC with ${digest}, which is not read`,
    )
  const iterations = mac.children[2]
  return {
    digest,
    value: parseOctets(getChild(info, 1, TAG.octetString, 'MAC'), 'MAC'),
    salt: readSalt(mac, 1),
    iterations: iterations === undefined ? 1 : readIterations(iterations),
  }
}
