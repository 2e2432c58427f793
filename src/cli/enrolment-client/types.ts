import type { KeyObject } from 'node:crypto'
import type { CIPHERS, DIGEST_OIDS } from './object-ids.ts'

/** Key pairs that a device may ask a certificate for. */
export type DeviceKeyKind = 'rsa2048' | 'rsa3072' | 'rsa4096' | 'p256' | 'p384' | 'ed25519'

/** A key pair of the device. Holds a private key: memory only. */
export interface DeviceKeys {
  readonly kind: DeviceKeyKind
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

/** Who signs a request and receives the reply: a certificate with its RSA key. */
export interface RequestSigner {
  readonly certificateDer: Uint8Array
  readonly privateKey: KeyObject
}

/** Digest of the outer signature. */
export type RequestDigest = keyof typeof DIGEST_OIDS

/** Cipher of the envelope. */
export type RequestCipher = keyof typeof CIPHERS

/** How the content key travels to the server: RSAES-PKCS1-v1_5, or RSAES-OAEP with the named hash (also for MGF1). */
export type RequestKeyTransport =
  | 'pkcs1'
  | 'oaep-sha1'
  | 'oaep-sha256'
  | 'oaep-sha384'
  | 'oaep-sha512'

/** One entry of the subjectAltName that a device asks for. */
export interface RequestedName {
  readonly kind: 'dns' | 'email' | 'uri' | 'ip' | 'upn'
  readonly value: string
}

/** keyUsage bits (RFC 5280, section 4.2.1.3) that a device may ask for. */
export type RequestedKeyUsage =
  | 'digitalSignature'
  | 'nonRepudiation'
  | 'keyEncipherment'
  | 'dataEncipherment'
  | 'keyAgreement'

/** What one enrolment tells while it happens, for people. */
export interface EnrolmentStep {
  readonly name:
    | 'capabilities'
    | 'ca-certificates'
    | 'device-key'
    | 'request'
    | 'reply'
    | 'certificate'
  /** One sentence in the past tense. */
  readonly title: string
  /** Label and value, ready to be printed. Never a challenge or key bytes. */
  readonly facts: readonly (readonly [label: string, value: string])[]
}

/** The part of `fetch` that the client needs, so that tests and TLS settings can come from outside. */
export type HttpFetch = (
  url: string,
  init: {
    readonly method: 'GET' | 'POST'
    readonly headers: Readonly<Record<string, string>>
    readonly body?: Uint8Array<ArrayBuffer>
    readonly signal: AbortSignal
    readonly redirect: 'error'
  },
) => Promise<HttpAnswer>

/** The part of a `Response` that the client reads. */
export interface HttpAnswer {
  readonly status: number
  readonly headers: { get(name: string): string | null }
  /** Read piece by piece where it is there, so that no server can fill the memory. */
  readonly body?: AsyncIterable<Uint8Array> | null
  arrayBuffer(): Promise<ArrayBuffer>
}
