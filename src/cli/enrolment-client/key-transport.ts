import { constants, type KeyObject, privateDecrypt, publicEncrypt } from 'node:crypto'
import type * as pkijs from 'pkijs'
import { ConnectorError } from '../../kernel/index.ts'
import { type Asn1, encodeAsn1, nothing, objectId, sequence, tagged } from './asn1.ts'
import { DIGEST_OIDS, OID } from './object-ids.ts'
import type { RequestKeyTransport } from './types.ts'

type OaepHash = 'sha1' | 'sha256' | 'sha384' | 'sha512'

/** AlgorithmIdentifier of a KeyTransRecipientInfo. OAEP with SHA-1 is an empty SEQUENCE: all defaults (RFC 4055). */
export function encodeKeyTransport(transport: RequestKeyTransport): Asn1 {
  if (transport === 'pkcs1') return sequence(objectId(OID.rsaEncryption), nothing())
  const hash = oaepHashOf(transport)
  if (hash === 'sha1') return sequence(objectId(OID.rsaesOaep), sequence())
  const digest = () => sequence(objectId(DIGEST_OIDS[hash]), nothing())
  const mask = sequence(objectId(OID.mgf1), digest())
  return sequence(objectId(OID.rsaesOaep), sequence(tagged(0, digest()), tagged(1, mask)))
}

/**
 * Which transport an AlgorithmIdentifier names.
 *
 * @throws ConnectorError `pki/unsupported-algorithm`
 */
export function readKeyTransport(algorithm: pkijs.AlgorithmIdentifier): RequestKeyTransport {
  const sent = Buffer.from(encodeAsn1(algorithm.toSchema()))
  if (algorithm.algorithmId === OID.rsaEncryption) return 'pkcs1'
  const known = (['oaep-sha1', 'oaep-sha256', 'oaep-sha384', 'oaep-sha512'] as const).find(
    (transport) => sent.equals(encodeAsn1(encodeKeyTransport(transport))),
  )
  if (known !== undefined) return known
  throw new ConnectorError(
    'pki/unsupported-algorithm',
    `key transport ${algorithm.algorithmId} of the reply, with these parameters, is not known to this client`,
  )
}

/** Encrypts a content key to an RSA public key. */
export function wrapContentKey(
  contentKey: Uint8Array,
  publicKey: KeyObject,
  transport: RequestKeyTransport,
): Uint8Array {
  return publicEncrypt({ key: publicKey, ...paddingOf(transport) }, contentKey)
}

/** Decrypts a content key with the RSA key of the signer. May be of a wrong length: implicit rejection. */
export function unwrapContentKey(
  encryptedKey: Uint8Array,
  privateKey: KeyObject,
  transport: RequestKeyTransport,
): Uint8Array {
  return privateDecrypt({ key: privateKey, ...paddingOf(transport) }, encryptedKey)
}

function paddingOf(transport: RequestKeyTransport) {
  return transport === 'pkcs1'
    ? { padding: constants.RSA_PKCS1_PADDING }
    : { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: oaepHashOf(transport) }
}

function oaepHashOf(transport: Exclude<RequestKeyTransport, 'pkcs1'>): OaepHash {
  switch (transport) {
    case 'oaep-sha1':
      return 'sha1'
    case 'oaep-sha256':
      return 'sha256'
    case 'oaep-sha384':
      return 'sha384'
    case 'oaep-sha512':
      return 'sha512'
  }
}
