import type { KeyObject } from 'node:crypto'
import type { Clock, Secret } from '../../kernel/index.ts'
import type { ProxyOptions } from '../http/proxy-options.ts'
import type { CloudName, CloudUrls } from './clouds.ts'
import type { ServiceMapStore } from './service-map.ts'

/** How the connector proves to Entra ID which application it is. */
export type IntuneCredential =
  | { readonly secret: Secret }
  | {
      /** The certificate that is registered with the application, PEM. */
      readonly certificatePem: string
      /** Its RSA key of 2048 bits or more: PKCS #8 PEM, or a key object. */
      readonly privateKey: Secret | KeyObject
    }

/** Limits of the network calls, in milliseconds. */
export interface IntuneTimeouts {
  /** TCP and TLS. Default 5 000. */
  readonly connectMs?: number
  /** Until the answer begins, and between its parts. Default 10 000. */
  readonly readMs?: number
  /** All attempts, pauses, tokens and discovery of one call together; a device waits. Default 25 000. */
  readonly budgetMs?: number
}

/** What `createIntune` is told. Only the first four are needed for a tenant of the global cloud. */
export interface IntuneOptions {
  /** GUID or domain of the tenant that owns the devices. */
  readonly tenant: string
  /** Application (client) id. */
  readonly clientId: string
  readonly credential: IntuneCredential
  /** Name and version of the product, printable ASCII: `callerInfo`, `UserAgent` and `User-Agent`. */
  readonly provider: string
  /** A preset, or three URLs. Default `global`. */
  readonly cloud?: CloudName | CloudUrls
  /** Scope of Intune tokens. Default: the Intune resource URL and `/.default`. */
  readonly intuneScope?: string
  /** Application whose endpoints Graph lists. Default Microsoft Intune, 0000000a-0000-0000-c000-000000000000. */
  readonly intuneAppId?: string
  /** Version of Microsoft Graph without the `v`. Default `1.0`. */
  readonly graphVersion?: string
  /** Header `api-version` of the SCEP calls. Default `2018-02-20`. */
  readonly scepApiVersion?: string
  /** Header `api-version` of the revocation calls. Default `5019-05-05`. */
  readonly revocationApiVersion?: string
  /**
   * How `errorCode` is written in revocation results: Microsoft's C# library sends names, its Java library numbers.
   * Default `name`.
   */
  readonly revocationErrorCodes?: 'name' | 'number'
  readonly timeouts?: IntuneTimeouts
  readonly proxy?: ProxyOptions
  /** Certificates that are trusted besides the well-known roots, PEM. */
  readonly trustedCaPem?: string
  /** Hosts (or endings of hosts) that may receive Intune tokens. Default: Microsoft's three. The simulator needs its own. */
  readonly allowedHostSuffixes?: readonly string[]
  /** How long discovered addresses are used, in minutes. Default 30. */
  readonly discoveryTtlMinutes?: number
  /** Keeps the last good service map over restarts, for an outage of Graph. Default: memory only. */
  readonly serviceMapStore?: ServiceMapStore
  /** Default: the machine's clock. */
  readonly clock?: Clock
  /** A number in [0, 1) that spreads the pauses. Default: Math.random. */
  readonly random?: () => number
  /** Waits between two attempts; must reject when the signal aborts. Default: a timer. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>
}
