import type { Secret } from '../kernel/index.ts'
import type { CertificationRequest, ContentCipher, DigestName, KeyTransport } from '../pki/index.ts'

export type { ContentCipher, DigestName, KeyTransport } from '../pki/index.ts'

/** messageType, RFC 8894 section 3.2.1.2. */
export type MessageType = 'CertRep' | 'RenewalReq' | 'PKCSReq' | 'CertPoll' | 'GetCert' | 'GetCRL'

/** failInfo, RFC 8894 section 3.2.1.4. */
export type FailInfo = 'badAlg' | 'badMessageCheck' | 'badRequest' | 'badTime' | 'badCertId'

/** What a SCEP profile accepts and how it answers. Plain data, so that it can be handed to worker threads. */
export interface ScepRules {
  /** MD5 digests and signatures verify. Default false (REQ-76). */
  readonly allowMd5: boolean
  /** DES-CBC content decrypts and is answered. Default false (REQ-101). */
  readonly allowDes: boolean
  /** The CSR key must equal the key of a self-signed signer. Default false (REQ-84). */
  readonly requireSameKey: boolean
  /** Largest skew of signingTime, in seconds; undefined accepts any (REQ-92). */
  readonly maxSigningTimeSkewSeconds: number | undefined
  /** signingTime in replies. Default true (REQ-168). */
  readonly signingTime: boolean
  /** No certificates in the outer SignedData, as NDES does. Default false (REQ-170). */
  readonly omitSignerCert: boolean
  /** The issuers of the signer certificate follow it, where it is not left out itself. Default false (REQ-170). */
  readonly includeSignerChain: boolean
  /** FAILURE and PENDING carry one zero octet, as NDES does. Default false (REQ-177). */
  readonly ndesEmptyContent: boolean
  /** Microsoft's error and server-message attributes. Default true (REQ-161). */
  readonly ndesAttributes: boolean
  /** CA certificates after the leaf in a SUCCESS; `chain` is all but the root. Default `none` (REQ-174, 175). */
  readonly replyChain: 'none' | 'issuer' | 'chain' | 'full'
  /**
   * The static challenge of the profile, by which messages may be encrypted instead of to the RA certificate; left out:
   * PasswordRecipientInfo is badAlg (REQ-105). Memory only.
   */
  readonly recipientPassword?: Secret
}

/** Whom a reply is encrypted to, as its envelope names it. */
export interface ReplyRecipient {
  readonly issuerAndSerialDer: Uint8Array
  readonly spkiDer: Uint8Array
}

/**
 * What a reply needs of its request. Exists as soon as the outer SignedData could be read as far as its transactionID.
 * Structured-cloneable.
 */
export interface ReplyFrame {
  /** transactionID as text, for logs and for Intune. */
  readonly transactionId: string
  /** The attribute value as received, with its string tag (REQ-87). */
  readonly transactionIdDer: Uint8Array
  /** As received; undefined when the request had none (REQ-91). */
  readonly senderNonce: Uint8Array | undefined
  /** Digest of the request if the profile allows it, SHA-256 otherwise (REQ-165). */
  readonly digest: DigestName
  /** Cipher and key transport of the request, for the answer (REQ-166); undefined before the envelope was read. */
  readonly cipher: ContentCipher | undefined
  readonly keyTransport: KeyTransport | undefined
  /** It was encrypted by a password instead, and so is the answer (RFC 8894, section 3.1). */
  readonly isByPassword: boolean
  /** SHA-256 (hexadecimal) of the RA certificate that the request was encrypted to; undefined when none matched. */
  readonly raFingerprintHex: string | undefined
  /** The signer: whom a SUCCESS is encrypted to; undefined when none was found. */
  readonly recipient: ReplyRecipient | undefined
}

/** Who signed a message: a certificate whose key made the signature. Nothing is known of its issuer yet. */
export interface MessageSigner {
  readonly certificateDer: Uint8Array
  readonly sha256Hex: string
  /** SHA-256 over its SubjectPublicKeyInfo, hexadecimal: whom a poll belongs to (REQ-147). */
  readonly publicKeySha256Hex: string
  /** Its signature verifies with its own key (REQ-85). */
  readonly isSelfSigned: boolean
  readonly subject: string
}

/** A request whose signature, envelope and proof of possession all hold. The challenge has not been looked at. */
export interface ScepRequest {
  readonly frame: ReplyFrame
  readonly messageType: 'PKCSReq' | 'RenewalReq'
  readonly csr: CertificationRequest
  readonly csrSha256Hex: string
  readonly signer: MessageSigner & { readonly hasCsrKey: boolean }
  readonly signingTime: Date | undefined
}

/**
 * A message that asks about something there is (RFC 8894, sections 3.3.3 to 3.3.5). Its signature holds. Whoever signed it
 * need not have made its envelope: names and serial are those of nobody where that does not hold a query (REQ-100), and an
 * answer must not tell one case from the other.
 */
export interface ScepQuery {
  readonly frame: ReplyFrame
  readonly signer: MessageSigner
  readonly signingTime: Date | undefined
  readonly asked:
    | {
        readonly messageType: 'CertPoll'
        readonly issuerDer: Uint8Array
        readonly subjectDer: Uint8Array
      }
    | {
        readonly messageType: 'GetCert' | 'GetCRL'
        /** DER of the issuer Name as sent. */
        readonly issuerDer: Uint8Array
        /** Octets of the serial number, upper-case hexadecimal. */
        readonly serialHex: string
      }
}

/** Why a request with a known transactionID is answered with FAILURE. */
export interface ScepRefusal {
  readonly failInfo: FailInfo
  /** For failInfoText: at most 255 characters, no secrets. */
  readonly text: string
  /** Signed 32-bit HRESULT of REQ-162. */
  readonly hResult: number
}

/** What came of opening a message. Bytes without a transactionID are not an outcome: they are thrown as `scep/malformed`. */
export type OpenOutcome =
  | { readonly kind: 'opened'; readonly request: ScepRequest }
  | { readonly kind: 'asked'; readonly query: ScepQuery }
  | { readonly kind: 'refused'; readonly frame: ReplyFrame; readonly refusal: ScepRefusal }

/** What the answer to a request says. Structured-cloneable. */
export type Reply =
  | {
      readonly status: 'SUCCESS'
      readonly certificateDer: Uint8Array
      readonly chainDer: readonly Uint8Array[]
    }
  /** The answer to a GetCRL (RFC 8894, section 3.4): a certs-only SignedData with this CRL alone. */
  | { readonly status: 'SUCCESS'; readonly crlDer: Uint8Array }
  | { readonly status: 'FAILURE'; readonly refusal: ScepRefusal }
  | { readonly status: 'PENDING' }

/**
 * The cryptography of a SCEP exchange, away from the main thread. Implemented by `workers/`.
 *
 * @throws ConnectorError `worker/overloaded`, `worker/timeout`, `worker/died`: transient, answered with HTTP 503
 */
export interface ScepCodec {
  /** @throws ConnectorError `scep/malformed` the bytes are no pkiMessage with a transactionID */
  open(messageDer: Uint8Array, rules: ScepRules): Promise<OpenOutcome>
  /** DER of a CertRep. */
  seal(frame: ReplyFrame, reply: Reply, rules: ScepRules): Promise<Uint8Array>
}

/** An RA key as worker threads receive it. Structured-cloneable; holds a private key: memory only. */
export interface RaMaterial {
  readonly certificateDer: Uint8Array
  readonly keyPkcs8Der: Uint8Array
  /** Its issuers, the root last; for replies that bring them. */
  readonly issuersDer: readonly Uint8Array[]
  /** The one that GetCACert publishes. Others are retired keys in their overlap (REQ-48). */
  readonly isCurrent: boolean
}
