import type { Clock } from '../kernel/index.ts'
import type { AppRegistration } from './entra/directory.ts'

/** How a simulator is started. */
export interface SimulatorOptions {
  /** Folder for `simulator-ca.pem`; made when absent. */
  readonly dataDir: string
  /** Address of both listeners. Default `127.0.0.1`; the simulator has no protection of its own against strangers. */
  readonly host?: string
  /**
   * Name under which clients reach it; stands in every URL that it hands out. Default `host`, or `localhost` for a
   * wildcard address.
   */
  readonly publicHost?: string
  /** Default 8443; 0 takes any free port. */
  readonly httpsPort?: number
  /** Default 8090; 0 takes any free port. */
  readonly controlPort?: number
  /** Tenant of the default app. Default a fixed GUID, so that configurations can be written beforehand. */
  readonly tenantId?: string
  /** Second name of that tenant, as a domain. */
  readonly tenantDomain?: string
  /** Application id of the default app. Default a fixed GUID. */
  readonly clientId?: string
  /** Default 32 random octets. */
  readonly clientSecret?: string
  /** Further applications, in this or other tenants. */
  readonly apps?: readonly AppRegistration[]
  /** The clock that `POST /control/clock` shifts. Default the machine's. */
  readonly clock?: Clock
}

/** Tenant of the default app where nothing else is said. */
export const defaultTenantId = '7e57ab1e-0000-4000-8000-000000000001'

/** Domain name of the default tenant. */
export const defaultTenantDomain = 'simulator.onmicrosoft.com'

/** The default app where nothing else is said. */
export const defaultClientId = '7e57ab1e-0000-4000-8000-000000000002'
