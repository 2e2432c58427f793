import { randomBytes, randomUUID } from 'node:crypto'
import type { Clock } from '../../kernel/index.ts'
import { BoundedMap } from '../ring.ts'

/** What a connector can do. */
export interface Features {
  readonly scep: boolean
  readonly pkcs: boolean
  readonly pkcsImport: boolean
  readonly revocation: boolean
}

/** A key of a key ring: by name, and SHA-256 of its public half. */
export interface RingKey {
  readonly providerName: string
  readonly keyName: string
  readonly spkiSha256: string
}

/** A connector of the tenant. */
export interface Connector {
  readonly id: string
  readonly displayName: string
  readonly machineName: string
  readonly connectorVersion: string
  readonly features: Features
  readonly enrolledAt: Date
  readonly lastConnectionAt: Date
  readonly paused: boolean
  readonly routingTags: readonly string[]
  /** Keys that open passwords of imported PFX. */
  readonly keyRing: readonly RingKey[]
  readonly encryptionSha256: string
  /** DER in base64: what escrow copies are sealed to. */
  readonly encryptionCertificate: string
}

/** What an enrolment brings. */
export interface Newcomer {
  readonly displayName: string
  readonly machineName: string
  readonly connectorVersion: string
  readonly features: Features
  /** Of the key it will be recognised by: the same key is the same connector. */
  readonly keySha256: string
}

/** Most connectors of a tenant. */
export const maxConnectors = 100

/** After this without a call a connector is shown as inactive. */
const inactiveAfterMs = 24 * 3_600_000

/** The connectors of the tenant, their certificates and the tokens with which new ones come. */
export class ConnectorRegister {
  readonly #clock: Clock
  readonly #connectors = new Map<string, Connector>()
  readonly #byKey = new Map<string, string>()
  readonly #certificates = new BoundedMap<string, { connectorId: string; notAfter: Date }>(10_000)
  readonly #tokens = new BoundedMap<string, { usesLeft: number; expiresAt: Date }>(1000)

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A token for `uses` connectors. */
  issueToken(uses: number, validMinutes: number): { token: string; expiresDateTime: string } {
    const token = randomBytes(32).toString('base64url')
    const expiresAt = new Date(this.#clock.now().getTime() + validMinutes * 60_000)
    this.#tokens.set(token, { usesLeft: uses, expiresAt })
    return { token, expiresDateTime: expiresAt.toISOString() }
  }

  /** A token that is known from before, as one that is written into a configuration. */
  recordToken(token: string): void {
    this.#tokens.set(token, { usesLeft: Infinity, expiresAt: new Date(8.64e15) })
  }

  /** Lets one in, or the same one again when the answer was lost: the same key costs no use of the token. */
  enrol(token: string, newcomer: Newcomer): Connector | 'bad-token' | 'too-many' {
    const known = this.#tokens.get(token)
    if (!known || known.expiresAt <= this.#clock.now()) return 'bad-token'
    const earlier = this.find(this.#byKey.get(newcomer.keySha256) ?? '')
    if (earlier) return earlier
    if (known.usesLeft < 1) return 'bad-token'
    if (this.#connectors.size >= maxConnectors) return 'too-many'
    known.usesLeft -= 1
    const now = this.#clock.now()
    const { keySha256, ...said } = newcomer
    const connector: Connector = {
      ...said,
      id: randomUUID(),
      enrolledAt: now,
      lastConnectionAt: now,
      paused: false,
      routingTags: [],
      keyRing: [],
      encryptionSha256: '',
      encryptionCertificate: '',
    }
    this.#connectors.set(connector.id, connector)
    this.#byKey.set(keySha256, connector.id)
    return connector
  }

  /** Notes the certificates that a connector was given; earlier ones stay good until they end. */
  recordCertificates(
    id: string,
    agentSha256: string,
    encryption: { readonly sha256: string; readonly base64: string },
    notAfter: Date,
  ): Connector | undefined {
    this.#certificates.set(agentSha256, { connectorId: id, notAfter })
    const { sha256, base64 } = encryption
    return this.change(id, { encryptionSha256: sha256, encryptionCertificate: base64 })
  }

  /** Whose certificate it is; notes that it called. */
  recognise(sha256: string): Connector | undefined {
    const known = this.#certificates.get(sha256)
    if (!known || known.notAfter <= this.#clock.now()) return undefined
    return this.change(known.connectorId, { lastConnectionAt: this.#clock.now() })
  }

  find(id: string): Connector | undefined {
    return this.#connectors.get(id)
  }

  change(id: string, change: Partial<Omit<Connector, 'id'>>): Connector | undefined {
    const before = this.#connectors.get(id)
    if (!before) return undefined
    const after = { ...before, ...change }
    this.#connectors.set(id, after)
    return after
  }

  /** Strikes it off: its certificates are worth nothing from now on. */
  remove(id: string): boolean {
    return this.#connectors.delete(id)
  }

  list(): readonly Connector[] {
    return [...this.#connectors.values()]
  }

  /** As Graph names it. */
  stateOf({ lastConnectionAt }: Connector): 'active' | 'inactive' {
    const agoMs = this.#clock.now().getTime() - lastConnectionAt.getTime()
    return agoMs < inactiveAfterMs ? 'active' : 'inactive'
  }
}
