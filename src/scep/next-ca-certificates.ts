import { encodeCertificates, encodeSignedData } from '../pki/index.ts'
import { prepareRaIdentity } from './ra-key-ring.ts'
import type { RaMaterial } from './types.ts'

/** What a GetNextCACert answer is made of. */
interface NextCaCertificates {
  /** As GetCACert will answer them after the hand-over: RA certificates, issuing CA, root. */
  readonly nextDer: readonly Uint8Array[]
  /** The RA that signs replies now. */
  readonly signer: RaMaterial
}

/**
 * Makes the body of a GetNextCACert answer: the next certificates as certs-only SignedData inside a SignedData by the
 * current RA, whose certificate clients know from GetCACert.
 *
 * Beside the signature stand the signer's certificate first and its chain, for clients that verify against a file of
 * roots (sscep), and after them the next certificates again: jscep verifies the signature and then reads the certificates
 * of the outer SignedData, not of the inner one. Without signingTime, so that it can be kept.
 *
 * Blocks for the length of one RSA private operation.
 *
 * @returns DER, but for the order of certificates
 * @throws ConnectorError `key/unreadable`, `config/invalid` the signer's key cannot be used
 * @see RFC 8894, sections 4.7 and 4.7.1; REQ-50, REQ-51
 */
export function sealNextCaCertificates(parts: NextCaCertificates): Uint8Array {
  const { nextDer, signer } = parts
  return encodeSignedData(
    {
      digest: 'sha256',
      content: encodeCertificates(nextDer),
      certificatesDer: unique([signer.certificateDer, ...signer.issuersDer, ...nextDer]),
      attributesDer: [],
    },
    prepareRaIdentity(signer),
  )
}

/** The root stands in both chains where it stays. */
function unique(ders: readonly Uint8Array[]): Uint8Array[] {
  const seen = new Map(ders.map((der) => [Buffer.from(der).toString('base64'), der]))
  return [...seen.values()]
}
