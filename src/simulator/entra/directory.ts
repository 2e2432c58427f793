import { createHash, timingSafeEqual, X509Certificate } from 'node:crypto'
import { BoundedMap } from '../ring.ts'

/** An application that may ask for tokens. */
export interface AppRegistration {
  /** Default the simulator's tenant. */
  readonly tenantId?: string
  readonly clientId: string
  /** Absent: the app has no secret. */
  readonly clientSecret?: string
  /** Certificates whose keys may sign assertions, PEM. Several during a roll-over. */
  readonly certificatesPem?: readonly string[]
  /** Roles granted at the Intune API. Default `scep_challenge_provider`. */
  readonly intuneRoles?: readonly string[]
  /** Roles granted at MS Graph and AAD Graph. Default `Application.Read.All`. */
  readonly graphRoles?: readonly string[]
}

/** A registered application, with what is needed to check its credentials. */
export interface App {
  readonly tenantId: string
  readonly clientId: string
  readonly certificates: readonly X509Certificate[]
  readonly intuneRoles: readonly string[]
  readonly graphRoles: readonly string[]
  /** Whether this is the app's secret; takes the same time for every text. */
  isSecret(text: string): boolean
}

/** Tenants and their applications. Registering again replaces. */
export class Directory {
  readonly #apps = new BoundedMap<string, App>(1000)
  readonly #tenantIdByName = new BoundedMap<string, string>(1000)
  readonly #defaultTenantId: string

  constructor(tenantId: string, tenantDomain: string) {
    this.#defaultTenantId = tenantId.toLowerCase()
    this.#tenantIdByName.set(this.#defaultTenantId, this.#defaultTenantId)
    this.#tenantIdByName.set(tenantDomain.toLowerCase(), this.#defaultTenantId)
    // An ADFS-shaped authority has no tenant segment; its apps are those of the default tenant.
    this.#tenantIdByName.set('adfs', this.#defaultTenantId)
  }

  /**
   * Registers an application, and its tenant where that is new.
   *
   * @throws Error a certificate is no PEM certificate
   */
  record(registration: AppRegistration): App {
    const tenantId = (registration.tenantId ?? this.#defaultTenantId).toLowerCase()
    const clientId = registration.clientId.toLowerCase()
    const { clientSecret, certificatesPem = [] } = registration
    const secretDigest = clientSecret === undefined ? undefined : digest(clientSecret)
    const app: App = {
      tenantId,
      clientId,
      certificates: certificatesPem.map((pem) => new X509Certificate(pem)),
      intuneRoles: registration.intuneRoles ?? ['scep_challenge_provider'],
      graphRoles: registration.graphRoles ?? ['Application.Read.All'],
      isSecret: (text) => secretDigest !== undefined && timingSafeEqual(digest(text), secretDigest),
    }
    this.#tenantIdByName.set(tenantId, tenantId)
    this.#apps.set(`${tenantId}/${clientId}`, app)
    return app
  }

  /** A tenant's id by id or domain, in any case. */
  findTenantId(name: string): string | undefined {
    return this.#tenantIdByName.get(name.toLowerCase())
  }

  /** An app of that tenant. */
  findApp(tenantId: string, clientId: string): App | undefined {
    return this.#apps.get(`${tenantId}/${clientId.toLowerCase()}`)
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
