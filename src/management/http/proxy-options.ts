import type { Secret } from '../../kernel/index.ts'

/** An HTTP proxy that speaks CONNECT. */
export interface ProxyOptions {
  readonly url: string
  readonly username?: string
  readonly password?: Secret
  /** Hosts, or endings of hosts, that are reached directly. */
  readonly noProxy?: readonly string[]
}
