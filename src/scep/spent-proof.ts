import { importPublicKey, isSignatureValid } from '../pki/index.ts'
import type { RaIdentity } from './ra-key-ring.ts'

/**
 * Takes about as long as reading a PKCS #10 and verifying its signature with an RSA key of the RA's size. Spent on content
 * that failed before its signature was looked at, so that the time of a refusal does not tell how far the content was right
 * (REQ-100). It runs for refused messages only.
 */
export function spendProof({ spkiDer, certificateDer, modulusBytes }: RaIdentity): void {
  const signature = Buffer.alloc(modulusBytes, 1)
  const scheme = { kind: 'rsa', digest: 'sha256' } as const
  isSignatureValid(scheme, importPublicKey(spkiDer), certificateDer, signature)
}
