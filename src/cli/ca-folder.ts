import { join } from 'node:path'
import type { Configuration } from '../config/index.ts'
import { ConnectorError } from '../kernel/index.ts'

/** An embedded CA of the configuration, and where it lies. */
export interface ConfiguredCa {
  readonly settings: Configuration['ca'][number]
  readonly directory: string
}

/**
 * The CA that a command is about.
 *
 * @param id undefined: the first one of the configuration
 * @throws ConnectorError `config/invalid` there is no such CA
 */
export function getConfiguredCa(
  configuration: Configuration,
  id: string | undefined,
): ConfiguredCa {
  const settings =
    id === undefined ? configuration.ca[0] : configuration.ca.find((ca) => ca.id === id)
  if (settings === undefined)
    throw new ConnectorError(
      'config/invalid',
      `--id: there is no CA ${id ?? ''}; configured are ${configuration.ca.map((ca) => ca.id).join(', ')}`,
    )
  return { settings, directory: join(configuration.dataDir, 'ca', settings.id) }
}
