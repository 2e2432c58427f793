import { generateKeyPair, type KeyObject, sign } from 'node:crypto'
import { promisify } from 'node:util'
import { type Clock, fromHex } from '../../kernel/index.ts'
import {
  encodeAuthorityKeyIdentifier,
  encodeBasicConstraints,
  encodeBitString,
  encodeContext,
  encodeExtensions,
  encodeExtKeyUsage,
  encodeInteger,
  encodeKeyUsage,
  encodeName,
  encodeNull,
  encodeSequence,
  encodeSubjectKeyIdentifier,
  encodeTime,
  importPublicKey,
  keyIdentifierOf,
  OID,
  parseCertificate,
  signatureAlgorithmFor,
} from '../../pki/index.ts'
import { generateSerial } from '../serial.ts'
import { getIssuerKeyIdentifier, latestNotAfter } from './issuer-facts.ts'
import type { CertificateSigner } from './signer.ts'

const DAY_MS = 86_400_000
const LIFE_MS = 30 * DAY_MS

/** Shorter lives, under a CA that is about to end, are no reason to make keys all the time. */
const LEAST_PAUSE_MS = 3_600_000

/** Clocks of those who verify are off. */
const BACKDATE_MS = 3_600_000

const VERSION_3 = 2
const makeKeyPair = promisify(generateKeyPair)

/** A key that may sign OCSP answers of one CA, with its certificate. */
export interface OcspSigner {
  readonly certificateDer: Uint8Array
  /** SHA-1 over the key bits. */
  readonly keyHash: Uint8Array
  readonly algorithmDer: Uint8Array
  readonly notBefore: Date
  readonly notAfter: Date
  /** When another should take its place: at half of its life. */
  readonly renewAt: Date
  /** In a thread of the runtime; does not block. */
  sign(data: Uint8Array): Promise<Uint8Array>
}

/**
 * Makes a delegated signer: a new key, of the kind that the CA has, with a certificate for thirty days. The key lives in
 * memory alone and ends with the process: every instance has its own, and there is no file to protect or to renew.
 *
 * @throws ConnectorError `worker/…` the CA cannot sign just now; transient
 * @see RFC 6960, sections 4.2.2.2 and 4.2.2.2.1 (nocheck)
 */
export async function createOcspSigner(
  caId: string,
  issuerDer: Uint8Array,
  signer: Pick<CertificateSigner, 'sign'>,
  clock: Clock,
  random: (length: number) => Uint8Array,
): Promise<OcspSigner> {
  const issuer = parseCertificate(issuerDer)
  const issuerAlgorithm = signatureAlgorithmFor(importPublicKey(issuer.spkiDer))
  const { privateKey, publicKey } = await makeKeys(issuer.publicKey.algorithm === 'rsa')
  const spkiDer = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }))
  const now = clock.now().getTime()
  const notAfter = Math.min(now + LIFE_MS, latestNotAfter(issuer).getTime())
  const tbs = encodeSequence(
    encodeContext(0, encodeInteger(VERSION_3)),
    encodeInteger(fromHex(generateSerial(random))),
    issuerAlgorithm.algorithmDer,
    issuer.subjectDer,
    encodeSequence(encodeTime(new Date(now - BACKDATE_MS)), encodeTime(new Date(notAfter))),
    encodeName([{ oid: OID.commonName, value: `OCSP signer of ${caId}` }]),
    spkiDer,
    encodeContext(
      3,
      encodeExtensions([
        encodeBasicConstraints({ isCa: false }),
        encodeSubjectKeyIdentifier(spkiDer),
        encodeAuthorityKeyIdentifier(getIssuerKeyIdentifier(issuer)),
        encodeKeyUsage(['digitalSignature']),
        encodeExtKeyUsage([OID.ocspSigning]),
        { oid: OID.ocspNoCheck, critical: false, valueDer: encodeNull() },
      ]),
    ),
  )
  const signature = await signer.sign(caId, tbs)
  const { digest, algorithmDer } = signatureAlgorithmFor(privateKey)
  return {
    certificateDer: encodeSequence(tbs, issuerAlgorithm.algorithmDer, encodeBitString(signature)),
    keyHash: keyIdentifierOf(spkiDer),
    algorithmDer,
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(notAfter),
    renewAt: new Date(now + Math.max(LEAST_PAUSE_MS, (notAfter - now) / 2)),
    sign: async (data) => await signAside(digest, data, privateKey),
  }
}

async function makeKeys(isRsa: boolean): Promise<{ privateKey: KeyObject; publicKey: KeyObject }> {
  return isRsa
    ? await makeKeyPair('rsa', { modulusLength: 2048 })
    : await makeKeyPair('ec', { namedCurve: 'prime256v1' })
}

async function signAside(
  digest: string | null,
  data: Uint8Array,
  key: KeyObject,
): Promise<Uint8Array> {
  return await new Promise((resolve, reject) => {
    sign(digest, data, key, (error, signature) => {
      if (error === null) resolve(new Uint8Array(signature))
      else reject(error)
    })
  })
}
