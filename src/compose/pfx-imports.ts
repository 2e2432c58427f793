import type { Configuration } from '../config/index.ts'
import { ConnectorError, systemClock } from '../kernel/index.ts'
import type { PfxImports } from '../management/index.ts'
import { openAsConnector } from './as-connector.ts'
import { openIntune } from './management.ts'

/** No device waits for an administrator's command: Graph may ask it to come back in a minute or two. */
const BUDGET_MS = 180_000

/** Who keeps imported PFX. */
export type ImportKeeper = 'intune' | 'open-service'

/** The imported PFX of the configured tenant, and the way to let go of its connections. */
export interface OpenedPfxImports {
  readonly imports: PfxImports
  close(): Promise<void>
}

/**
 * Connects to the tenant for the commands that import. Does no network call before it is asked something.
 *
 * @param keeper undefined: Intune where it is configured, else the connector service
 * @throws ConnectorError `config/invalid` no tenant is configured
 * @throws ConnectorError as `openAsConnector`
 */
export async function openPfxImports(
  configuration: Configuration,
  version: string,
  keeper: ImportKeeper | undefined,
): Promise<OpenedPfxImports> {
  const { intune, management } = configuration
  const isAtService = intune === undefined && management.openService !== undefined
  if (keeper === 'open-service' || (keeper === undefined && isAtService)) {
    const { service } = await openAsConnector(configuration, version)
    return { imports: service.imports, close: async () => await service.close() }
  }
  const patient =
    intune === undefined
      ? configuration
      : {
          ...configuration,
          intune: { ...intune, timeouts: { ...intune.timeouts, budgetMs: BUDGET_MS } },
        }
  const client = openIntune(patient, undefined, version, systemClock)
  if (client !== undefined) return { imports: client.pfxImports, close: () => client.close() }
  throw new ConnectorError(
    'config/invalid',
    'intune: PFX are imported into a tenant, and none is configured; write the section intune (docs/operations.md, chapter 4) or management.openService',
  )
}
