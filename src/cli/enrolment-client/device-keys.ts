import { generateKeyPair, type KeyObject, sign, X509Certificate } from 'node:crypto'
import { promisify } from 'node:util'
import { type Asn1, nothing, objectId, sequence } from './asn1.ts'
import { OID } from './object-ids.ts'
import type { DeviceKeyKind, DeviceKeys } from './types.ts'

const generate = promisify(generateKeyPair)

/** Makes a key pair on the thread pool. Memory only; nothing is written. */
export async function createDeviceKeys({
  key,
}: {
  readonly key: DeviceKeyKind
}): Promise<DeviceKeys> {
  return { kind: key, ...(await generateByKind(key)) }
}

/** An RSA key can open the reply; others need a separate RSA signer (RFC 8894, section 3.1). */
export function isRsa(key: KeyObject): boolean {
  return key.asymmetricKeyType === 'rsa'
}

/** DER of the SubjectPublicKeyInfo. */
export function spkiOf(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ type: 'spki', format: 'der' }))
}

/** Whether this certificate holds the public half of that private key. */
export function holdsKey(certificateDer: Uint8Array, privateKey: KeyObject): boolean {
  return new X509Certificate(certificateDer).checkPrivateKey(privateKey)
}

/** AlgorithmIdentifier of the signatures that this key makes with `signStructure`. */
export function signatureAlgorithmOf(key: KeyObject): Asn1 {
  if (isRsa(key)) return sequence(objectId(OID.sha256WithRsa), nothing())
  if (key.asymmetricKeyType === 'ed25519') return sequence(objectId(OID.ed25519))
  return sequence(objectId(isP384(key) ? OID.ecdsaWithSha384 : OID.ecdsaWithSha256))
}

/** Signs a to-be-signed structure: SHA-256 with RSA and P-256, SHA-384 with P-384, pure Ed25519. */
export function signStructure(tbsDer: Uint8Array, key: KeyObject): Uint8Array {
  if (key.asymmetricKeyType === 'ed25519') return sign(null, tbsDer, key)
  return sign(isP384(key) ? 'sha384' : 'sha256', tbsDer, key)
}

function isP384(key: KeyObject): boolean {
  return key.asymmetricKeyDetails?.namedCurve === 'secp384r1'
}

function generateByKind(
  kind: DeviceKeyKind,
): Promise<{ readonly publicKey: KeyObject; readonly privateKey: KeyObject }> {
  switch (kind) {
    case 'rsa2048':
      return generate('rsa', { modulusLength: 2048 })
    case 'rsa3072':
      return generate('rsa', { modulusLength: 3072 })
    case 'rsa4096':
      return generate('rsa', { modulusLength: 4096 })
    case 'p256':
      return generate('ec', { namedCurve: 'P-256' })
    case 'p384':
      return generate('ec', { namedCurve: 'P-384' })
    case 'ed25519':
      return generate('ed25519')
  }
}
