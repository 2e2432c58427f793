import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import * as jose from 'jose'
import type { Clock } from '../../kernel/index.ts'

/** A version and its day. */
export interface Release {
  readonly version: string
  readonly releasedDateTime: string
}

/** The signed list of releases; its key is new at every start. */
export class ReleaseList {
  readonly #clock: Clock
  readonly #privateKey: KeyObject
  readonly publicKeyPem: string
  #releases: readonly Release[] = []

  constructor(clock: Clock) {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    this.#clock = clock
    this.#privateKey = privateKey
    this.publicKeyPem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
  }

  replace(releases: readonly Release[]): void {
    this.#releases = releases
  }

  get isEmpty(): boolean {
    return this.#releases.length === 0
  }

  /** JWS, compact. */
  async sign(): Promise<string> {
    const payload = {
      issuedDateTime: this.#clock.now().toISOString(),
      releases: this.#releases,
    }
    return await new jose.CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
      .setProtectedHeader({ alg: 'EdDSA' })
      .sign(this.#privateKey)
  }
}
