import { constants, type KeyObject, sign, verify } from 'node:crypto'
import { ConnectorError } from '../kernel/index.ts'
import type { SignatureScheme } from './algorithms.ts'
import { encodeNull, encodeOid, encodeSequence } from './der-writer.ts'
import { OID } from './oids.ts'

/**
 * Whether a signature holds. A key of the wrong kind, or one that OpenSSL refuses, is a no.
 *
 * ECDSA signatures are the DER of two integers, as in X.509 and CMS. The key's size is bounded where it is imported:
 * asking a fresh KeyObject for its details costs as much as a verification.
 */
export function isSignatureValid(
  scheme: SignatureScheme,
  key: KeyObject,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  const type = key.asymmetricKeyType
  try {
    switch (scheme.kind) {
      case 'rsa':
        return type === 'rsa' && verify(scheme.digest, data, key, signature)
      case 'pss':
        return (
          (type === 'rsa' || type === 'rsa-pss') &&
          verify(
            scheme.digest,
            data,
            {
              key,
              padding: constants.RSA_PKCS1_PSS_PADDING,
              saltLength: scheme.saltLength,
            },
            signature,
          )
        )
      case 'ecdsa':
        return type === 'ec' && verify(scheme.digest, data, key, signature)
      case 'ed25519':
        return type === 'ed25519' && verify(null, data, key, signature)
    }
  } catch {
    // OpenSSL throws for what it cannot even try: a salt longer than the key, a point off its curve.
    return false
  }
}

/** What a key signs certificates with: the hash for `node:crypto` and the AlgorithmIdentifier that says so. */
export interface SigningAlgorithm {
  /** null for Ed25519, which hashes by itself. */
  readonly digest: 'sha256' | 'sha384' | 'sha512' | null
  readonly algorithmDer: Uint8Array
}

const rsaSha256: SigningAlgorithm = {
  digest: 'sha256',
  algorithmDer: encodeSequence(encodeOid(OID.sha256WithRsaEncryption), encodeNull()),
}
const ecdsaSha256: SigningAlgorithm = {
  digest: 'sha256',
  algorithmDer: encodeSequence(encodeOid(OID.ecdsaWithSha256)),
}
const ecdsaSha384: SigningAlgorithm = {
  digest: 'sha384',
  algorithmDer: encodeSequence(encodeOid(OID.ecdsaWithSha384)),
}
const ecdsaSha512: SigningAlgorithm = {
  digest: 'sha512',
  algorithmDer: encodeSequence(encodeOid(OID.ecdsaWithSha512)),
}
const ed25519: SigningAlgorithm = {
  digest: null,
  algorithmDer: encodeSequence(encodeOid(OID.ed25519)),
}

/**
 * The algorithm that a CA key signs with: PKCS #1 v1.5 with SHA-256 for RSA, ECDSA with the hash of its curve's size.
 *
 * @param key private or public
 * @throws ConnectorError `pki/unsupported-algorithm` any other kind of key
 */
export function signatureAlgorithmFor(key: KeyObject): SigningAlgorithm {
  const known = knownAlgorithms.get(key)
  if (known !== undefined) return known
  const algorithm = findSigningAlgorithm(key)
  knownAlgorithms.set(key, algorithm)
  return algorithm
}

/** A CA key signs often, and asking it for its curve costs as much as signing with it. */
const knownAlgorithms = new WeakMap<KeyObject, SigningAlgorithm>()

function findSigningAlgorithm(key: KeyObject): SigningAlgorithm {
  const type = key.asymmetricKeyType
  if (type === 'rsa') return rsaSha256
  if (type === 'ed25519') return ed25519
  const curve = type === 'ec' ? key.asymmetricKeyDetails?.namedCurve : undefined
  if (curve === 'prime256v1') return ecdsaSha256
  if (curve === 'secp384r1') return ecdsaSha384
  if (curve === 'secp521r1') return ecdsaSha512
  throw new ConnectorError(
    'pki/unsupported-algorithm',
    `a CA key must be RSA, P-256, P-384, P-521 or Ed25519; found ${type ?? 'none'}`,
  )
}

/**
 * Signs with the algorithm of `signatureAlgorithmFor`. Blocks for the length of one private operation.
 *
 * @throws ConnectorError `pki/unsupported-algorithm`
 */
export function signWith(key: KeyObject, data: Uint8Array): Uint8Array {
  const { digest } = signatureAlgorithmFor(key)
  return new Uint8Array(sign(digest, data, key))
}
