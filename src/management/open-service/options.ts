import type { KeyObject } from 'node:crypto'
import type { Clock, Secret } from '../../kernel/index.ts'
import type { ProxyOptions } from '../http/proxy-options.ts'

/** Where the private keys of the connector's two certificates live, encrypted. Names are plain file names. */
export interface AgentKeyStore {
  /** @throws ConnectorError `key/unreadable` it is there and does not open */
  find(name: string): Promise<KeyObject | undefined>
  /** Durable when it resolves. */
  save(name: string, pkcs8Der: Uint8Array): Promise<void>
}

/** One text. Nothing secret. */
export interface TextStore {
  /** @throws ConnectorError `key/unreadable` it is there and cannot be read */
  find(): Promise<string | undefined>
  /** Replaces it, whole or not at all; durable when it resolves. */
  save(text: string): Promise<void>
}

/** What a connector can do; the service gives it no other work. */
export interface AgentFeatures {
  readonly scep: boolean
  readonly pkcs: boolean
  readonly pkcsImport: boolean
  readonly revocation: boolean
}

/** A key of the key ring as the service knows it: it warns where stored imports need one that no connector has. */
export interface AnnouncedKey {
  readonly providerName: string
  readonly keyName: string
  /** SHA-256 of the SubjectPublicKeyInfo, 64 lower-case hexadecimal digits. */
  readonly spkiSha256: string
}

/** What `createOpenService` is told. */
export interface OpenServiceOptions {
  /** Origin of the service, https. */
  readonly url: string
  /** Proves at the first enrolment that this connector is expected; not needed once it is enrolled. */
  readonly enrolmentToken: Secret | undefined
  /** The CA of the service's TLS certificate, PEM: it alone is trusted. Undefined: the well-known roots. */
  readonly trustedCaPem: string | undefined
  /** Ed25519 public key of the release manifest, SPKI PEM; undefined: no support status is worked out. */
  readonly releaseKeyPem: string | undefined
  readonly proxy: ProxyOptions | undefined
  readonly keys: AgentKeyStore
  /** Where the certificates live, and which keys are theirs. */
  readonly record: TextStore
  /** The newest list of releases that was believed, as it was signed. */
  readonly releases: TextStore
  readonly displayName: string
  readonly machineName: string
  readonly version: string
  readonly features: AgentFeatures
  readonly timeouts: { readonly connectMs: number; readonly readMs: number }
  readonly clock: Clock
}
