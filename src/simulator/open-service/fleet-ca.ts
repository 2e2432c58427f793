import { createHash, X509Certificate } from 'node:crypto'
import * as pkijs from 'pkijs'
import { type Identity, issueForKey, issueIdentity } from '../x509.ts'

/** A request whose proof of possession holds. */
export interface CheckedRequest {
  readonly publicKey: pkijs.PublicKeyInfo
  /** SHA-256 of the SubjectPublicKeyInfo, hexadecimal. */
  readonly keySha256: string
  readonly algorithm: 'rsa' | 'ec'
}

/** The CA of the connectors; its key lives in memory only. */
export class FleetCa {
  readonly #ca: Identity

  private constructor(ca: Identity) {
    this.#ca = ca
  }

  static async issue(now: Date): Promise<FleetCa> {
    return new FleetCa(
      await issueIdentity({
        commonName: 'Connector fleet CA of the simulator',
        purpose: 'certificate-authority',
        key: 'p-256',
        now,
      }),
    )
  }

  get certificatePem(): string {
    return this.#ca.certificatePem
  }

  /** Issues one for a connector; the name is its id, whatever the request said. */
  async issueFor(
    { publicKey }: CheckedRequest,
    purpose: 'tls-client' | 'encryption',
    connectorId: string,
    validity: { readonly now: Date; readonly notAfter: Date },
  ): Promise<{ readonly pem: string; readonly sha256: string; readonly base64: string }> {
    const { certificatePem, certificateDer } = await issueForKey({
      commonName: connectorId,
      purpose,
      issuer: this.#ca,
      publicKey,
      ...validity,
    })
    return {
      pem: certificatePem,
      sha256: fingerprintOf(new X509Certificate(certificatePem)),
      base64: Buffer.from(certificateDer).toString('base64'),
    }
  }
}

/** SHA-256 of a certificate, lower-case hexadecimal. */
export function fingerprintOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase()
}

/** Reads a PKCS #10 in PEM and verifies its signature; undefined when either fails. */
export async function checkRequest(pem: string): Promise<CheckedRequest | undefined> {
  const body = /-----BEGIN CERTIFICATE REQUEST-----([^-]+)-----END/.exec(pem)?.[1]
  if (body === undefined) return undefined
  try {
    const request = pkijs.CertificationRequest.fromBER(Buffer.from(body, 'base64'))
    if (!(await request.verify())) return undefined
    const publicKey = request.subjectPublicKeyInfo
    return {
      publicKey,
      keySha256: createHash('sha256')
        .update(new Uint8Array(publicKey.toSchema().toBER()))
        .digest('hex'),
      algorithm: publicKey.algorithm.algorithmId === '1.2.840.113549.1.1.1' ? 'rsa' : 'ec',
    }
  } catch {
    // Whatever the parser disliked, it is no request.
    return undefined
  }
}
