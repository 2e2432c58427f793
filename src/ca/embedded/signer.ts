import type { CertificateOrder } from '../../pki/index.ts'

/** What a worker thread needs to sign for one embedded CA. Structured-cloneable; holds a private key: memory only. */
export interface IssuerMaterial {
  readonly caId: string
  readonly certificateDer: Uint8Array
  readonly keyPkcs8Der: Uint8Array
  /** For the authorityInfoAccess and cRLDistributionPoints of issued certificates; undefined leaves the extension out. */
  readonly caIssuersUrl: string | undefined
  readonly crlUrl: string | undefined
  /** Certificates name one of so many shards of the CRL instead of `crlUrl`. Default 1: the full CRL. */
  readonly crlShards?: number
  /** Beside `caIssuersUrl`; undefined: nobody is sent to a responder. */
  readonly ocspUrl?: string | undefined
  /**
   * Whether orders may bring Microsoft's SID extension, verified by whoever ordered it (REQ-127, REQ-128). Default false.
   */
  readonly allowsSidExtension?: boolean
}

/**
 * Signs with the key of an embedded CA, away from the main thread. Implemented by `workers/`.
 *
 * @throws ConnectorError `worker/overloaded`, `worker/timeout`, `worker/died`: transient
 */
export interface CertificateSigner {
  /** DER of the certificate for this order. */
  issueCertificate(caId: string, order: CertificateOrder): Promise<Uint8Array>
  /** X.509 signature over `data` with the CA's default algorithm (for CRLs and other rare work). */
  sign(caId: string, data: Uint8Array): Promise<Uint8Array>
}
