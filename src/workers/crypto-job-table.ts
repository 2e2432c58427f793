import type { IssuerMaterial } from '../ca/index.ts'
import type { CertificateOrder } from '../pki/index.ts'
import type { OpenOutcome, RaMaterial, Reply, ReplyFrame } from '../scep/index.ts'
import type { CrossingRules } from './rules-crossing.ts'

/** All private keys that worker threads hold. Structured-cloneable; memory only. */
export interface CryptoKeys {
  /** RA keys, the current one and retired ones in their overlap. */
  readonly ras: readonly RaMaterial[]
  /** Keys of the embedded CAs; empty where every CA is elsewhere. */
  readonly issuers: readonly IssuerMaterial[]
}

/** The jobs of the product's pool. */
export type CryptoJobTable = {
  readonly open: {
    readonly input: {
      readonly messageDer: Uint8Array
      readonly rules: CrossingRules
      readonly now: Date
    }
    readonly result: OpenOutcome
  }
  readonly seal: {
    readonly input: {
      readonly frame: ReplyFrame
      readonly reply: Reply
      readonly rules: CrossingRules
      readonly now: Date
    }
    readonly result: Uint8Array
  }
  readonly issue: {
    readonly input: { readonly caId: string; readonly order: CertificateOrder }
    readonly result: Uint8Array
  }
  readonly sign: {
    readonly input: { readonly caId: string; readonly data: Uint8Array }
    readonly result: Uint8Array
  }
}
