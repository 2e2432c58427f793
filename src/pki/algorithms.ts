import { ConnectorError } from '../kernel/index.ts'
import { checkedTag, type DerElement, findChild, getChild, TAG } from './der-reader.ts'
import { parseOid, parseSmallInteger } from './der-values.ts'
import { encodeNull, encodeOid, encodeSequence } from './der-writer.ts'
import { OID } from './oids.ts'
import type { DigestName } from './types.ts'

/** How a signature is made: what `node:crypto` needs to know. */
export type SignatureScheme =
  | { readonly kind: 'rsa' | 'ecdsa'; readonly digest: DigestName }
  | { readonly kind: 'pss'; readonly digest: DigestName; readonly saltLength: number }
  | { readonly kind: 'ed25519' }

const digestsByOid: ReadonlyMap<string, DigestName> = new Map([
  [OID.md5, 'md5'],
  [OID.sha1, 'sha1'],
  [OID.sha224, 'sha224'],
  [OID.sha256, 'sha256'],
  [OID.sha384, 'sha384'],
  [OID.sha512, 'sha512'],
])

const schemesByOid: ReadonlyMap<string, SignatureScheme> = new Map<string, SignatureScheme>([
  [OID.md5WithRsaEncryption, { kind: 'rsa', digest: 'md5' }],
  [OID.sha1WithRsaEncryption, { kind: 'rsa', digest: 'sha1' }],
  [OID.oiwSha1WithRsa, { kind: 'rsa', digest: 'sha1' }],
  [OID.sha224WithRsaEncryption, { kind: 'rsa', digest: 'sha224' }],
  [OID.sha256WithRsaEncryption, { kind: 'rsa', digest: 'sha256' }],
  [OID.sha384WithRsaEncryption, { kind: 'rsa', digest: 'sha384' }],
  [OID.sha512WithRsaEncryption, { kind: 'rsa', digest: 'sha512' }],
  [OID.ecdsaWithSha1, { kind: 'ecdsa', digest: 'sha1' }],
  [OID.ecdsaWithSha224, { kind: 'ecdsa', digest: 'sha224' }],
  [OID.ecdsaWithSha256, { kind: 'ecdsa', digest: 'sha256' }],
  [OID.ecdsaWithSha384, { kind: 'ecdsa', digest: 'sha384' }],
  [OID.ecdsaWithSha512, { kind: 'ecdsa', digest: 'sha512' }],
  [OID.ed25519, { kind: 'ed25519' }],
])

/** `pki/unsupported-algorithm`; the message names the OID. */
export function unsupported(what: string, oid: string): ConnectorError {
  const text = `${what} ${oid} is not supported`
  return new ConnectorError('pki/unsupported-algorithm', text, { told: text })
}

/** OID of an AlgorithmIdentifier. @throws ConnectorError `pki/malformed` */
export function algorithmOid(algorithm: DerElement, what: string): string {
  checkedTag(algorithm, TAG.sequence, what)
  return parseOid(getChild(algorithm, 0, TAG.oid, what), what)
}

/**
 * Reads a digest AlgorithmIdentifier; parameters may be NULL or absent (REQ-74).
 *
 * @throws ConnectorError `pki/malformed`, `pki/unsupported-algorithm`
 */
export function readDigest(algorithm: DerElement): DigestName {
  const oid = algorithmOid(algorithm, 'digest algorithm')
  const digest = digestsByOid.get(oid)
  if (digest === undefined) throw unsupported('digest algorithm', oid)
  return digest
}

/** OID of a digest. */
export function digestOid(digest: DigestName): string {
  return OID[digest]
}

/** Digest AlgorithmIdentifier with NULL parameters, as SCEP clients of all ages expect it. */
export function encodeDigest(digest: DigestName): Uint8Array {
  return encodeSequence(encodeOid(OID[digest]), encodeNull())
}

/**
 * Reads a signature AlgorithmIdentifier.
 *
 * @param digest of the SignerInfo; makes a bare rsaEncryption mean PKCS #1 v1.5 with that digest
 * @throws ConnectorError `pki/malformed`, `pki/unsupported-algorithm`
 */
export function readSignatureScheme(algorithm: DerElement, digest?: DigestName): SignatureScheme {
  const oid = algorithmOid(algorithm, 'signature algorithm')
  if (oid === OID.rsaEncryption && digest !== undefined) return { kind: 'rsa', digest }
  if (oid === OID.rsassaPss) return readPss(algorithm)
  const scheme = schemesByOid.get(oid)
  if (scheme === undefined) throw unsupported('signature algorithm', oid)
  return scheme
}

/** RSASSA-PSS-params of RFC 4055, section 3.1; its defaults are SHA-1, MGF1 with SHA-1 and 20 octets of salt. */
function readPss(algorithm: DerElement): SignatureScheme {
  const parameters = getChild(algorithm, 1, TAG.sequence, 'RSASSA-PSS parameters')
  const hash = findChild(parameters, 0xa0)
  const mask = findChild(parameters, 0xa1)
  const salt = findChild(parameters, 0xa2)
  const digest = hash === undefined ? 'sha1' : readDigest(getChild(hash, 0, TAG.sequence, 'hash'))
  const maskDigest = mask === undefined ? 'sha1' : readMaskDigest(mask)
  if (maskDigest !== digest) throw unsupported('RSASSA-PSS with MGF1 digest', OID[maskDigest])
  const saltLength =
    salt === undefined
      ? 20
      : parseSmallInteger(getChild(salt, 0, TAG.integer, 'saltLength'), 'saltLength')
  return { kind: 'pss', digest, saltLength }
}

/** Digest of an explicitly tagged MGF1 AlgorithmIdentifier. */
export function readMaskDigest(tagged: DerElement): DigestName {
  const algorithm = getChild(tagged, 0, TAG.sequence, 'mask generation function')
  const oid = algorithmOid(algorithm, 'mask generation function')
  if (oid !== OID.mgf1) throw unsupported('mask generation function', oid)
  return readDigest(getChild(algorithm, 1, TAG.sequence, 'MGF1 digest'))
}
