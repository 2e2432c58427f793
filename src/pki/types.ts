/** An X.509 extension (RFC 5280, section 4.2). */
export interface Extension {
  readonly oid: string
  readonly critical: boolean
  /** The octets inside extnValue: the DER of the extension's own type. */
  readonly valueDer: Uint8Array
}

export type DigestName = 'md5' | 'sha1' | 'sha224' | 'sha256' | 'sha384' | 'sha512'

export type ContentCipher =
  | 'des-cbc'
  | 'des-ede3-cbc'
  | 'aes-128-cbc'
  | 'aes-192-cbc'
  | 'aes-256-cbc'
  | 'aes-128-gcm'
  | 'aes-256-gcm'

/** How the content key travels: RSAES-PKCS1-v1_5, or RSAES-OAEP with the named hash (also for MGF1). */
export type KeyTransport = 'pkcs1' | 'oaep-sha1' | 'oaep-sha256' | 'oaep-sha384' | 'oaep-sha512'

/** What is known of a public key without using it. */
export interface PublicKeySummary {
  readonly algorithm: 'rsa' | 'ec' | 'ed25519' | 'other'
  /** Modulus bits of RSA, field bits of EC, 256 for Ed25519, 0 for others. */
  readonly bits: number
  /** Named curve of EC, as `P-256`, `P-384`, `P-521`, or the OID of another one. */
  readonly curve?: string
  /** RSA public exponent, when it fits a safe integer; 0 when it is larger. */
  readonly exponent?: number
}

/** A parsed PKCS #10 (RFC 2986). All byte fields are slices of the message as received. Structured-cloneable. */
export interface CertificationRequest {
  readonly der: Uint8Array
  /** DER of the subject Name, as sent. */
  readonly subjectDer: Uint8Array
  /** The same in RFC 4514 text, most specific first. For people and logs; never compared. */
  readonly subject: string
  /** DER of the SubjectPublicKeyInfo, as sent. */
  readonly spkiDer: Uint8Array
  readonly publicKey: PublicKeySummary
  /** challengePassword attribute, any string type, decoded. A bearer secret: never logged. */
  readonly challengePassword: string | undefined
  /** From all extension-request attributes (PKCS #9, Microsoft, VeriSign), in order; no OID twice. */
  readonly extensions: readonly Extension[]
  /** Microsoft enrolment name/value pairs (1.3.6.1.4.1.311.13.2.1). */
  readonly nameValuePairs: readonly { readonly name: string; readonly value: string }[]
  /** Of the proof of possession. */
  readonly signatureAlgorithmOid: string
}

/**
 * What policy has decided shall be signed. The issuer adds its own name, key identifiers, basicConstraints and pointers
 * (AIA, CRL distribution point). Structured-cloneable; stored before signing, so that a crash leaves a record.
 */
export interface CertificateOrder {
  /** Positive, at most 20 octets, upper-case hexadecimal, even number of digits. */
  readonly serialHex: string
  readonly subjectDer: Uint8Array
  readonly spkiDer: Uint8Array
  readonly notBefore: Date
  readonly notAfter: Date
  /** subjectAltName, keyUsage, extKeyUsage and others that the profile allowed, ready to be encoded. */
  readonly extensions: readonly Extension[]
}

/** One entry of a subjectAltName. */
export interface GeneralName {
  /** `upn` is the otherName 1.3.6.1.4.1.311.20.2.3. */
  readonly kind:
    | 'dns'
    | 'email'
    | 'uri'
    | 'ip'
    | 'upn'
    | 'dirName'
    | 'registeredId'
    | 'otherName'
    | 'x400Address'
    | 'ediPartyName'
  /** Text form where there is one (ip in its usual notation, dirName as RFC 4514); hexadecimal of the content otherwise. */
  readonly value: string
  /** Type OID of an otherName, also of `upn`. */
  readonly typeOid?: string
  /** The whole element as received. */
  readonly der: Uint8Array
}

/** A parsed certificate; tolerant of what strict parsers reject (REQ-80). Nothing has been verified. */
export interface Certificate {
  readonly der: Uint8Array
  readonly tbsDer: Uint8Array
  /** Octets of the serial number as encoded, hexadecimal, upper case; may be zero, negative or long. */
  readonly serialHex: string
  readonly issuerDer: Uint8Array
  readonly issuer: string
  readonly subjectDer: Uint8Array
  readonly subject: string
  readonly spkiDer: Uint8Array
  readonly publicKey: PublicKeySummary
  readonly notBefore: Date
  readonly notAfter: Date
  readonly extensions: readonly Extension[]
  readonly signatureAlgorithmOid: string
  readonly signatureAlgorithmDer: Uint8Array
  readonly signature: Uint8Array
}
