import { randomBytes } from 'node:crypto'
import { existsSync, rmSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Configuration } from '../config/index.ts'
import { type Clock, Secret } from '../kernel/index.ts'
import {
  loadKeyFile,
  loadPrivateFile,
  makePrivateDirectory,
  writeKeyFile,
  writePrivateFile,
} from '../keys/index.ts'
import {
  type AgentFeatures,
  createOpenService,
  type OpenService,
  type OpenServiceOptions,
} from '../management/index.ts'
import type { Simulator } from '../simulator/index.ts'
import { loadNamedText, loadTrustedPem } from './named-files.ts'

/** What this connector can do: the service gives it no other work. */
export function listFeatures({ features }: Configuration): AgentFeatures {
  return {
    scep: features.scep,
    pkcs: features.pkcs,
    pkcsImport: features.pkcsImport,
    revocation: features.revocation,
  }
}

/**
 * The client of the connector service, with its keys encrypted under `dataDir`, or of the simulator's where that plays it;
 * undefined where none is configured.
 *
 * @throws ConnectorError `config/invalid` a file cannot be read; `key/unreadable` the folder of the keys cannot be made
 */
export async function openOpenService(
  configuration: Configuration,
  surroundings: {
    readonly simulator: Simulator | undefined
    readonly passphrase: Secret
    readonly version: string
    readonly clock: Clock
  },
): Promise<OpenService | undefined> {
  const settings = configuration.management.openService
  if (settings === undefined) return undefined
  const { simulator, passphrase, version, clock } = surroundings
  const folder = join(configuration.dataDir, 'open-service', simulator ? 'simulated' : '')
  // The simulator forgets its connectors when it ends.
  if (simulator !== undefined) rmSync(folder, { recursive: true, force: true })
  await makePrivateDirectory(folder)
  return createOpenService({
    ...(simulator === undefined ? configuredService(settings) : simulatedService(simulator)),
    ...storesIn(folder, passphrase),
    proxy: simulator === undefined ? configuration.proxy : undefined,
    displayName: configuration.connector.name,
    machineName: hostname(),
    version,
    features: listFeatures(configuration),
    timeouts: settings.timeouts,
    clock,
  })
}

/** The client for a look at the configured service: nothing is enrolled and nothing is kept. */
export function openServiceForProbe(
  configuration: Configuration,
  version: string,
  clock: Clock,
): OpenService | undefined {
  const settings = configuration.management.openService
  if (settings === undefined) return undefined
  return createOpenService({
    ...configuredService(settings),
    keys: { find: async () => undefined, save: async () => undefined },
    record: { find: async () => undefined, save: async () => undefined },
    releases: { find: async () => undefined, save: async () => undefined },
    proxy: configuration.proxy,
    displayName: configuration.connector.name,
    machineName: hostname(),
    version,
    features: listFeatures(configuration),
    timeouts: settings.timeouts,
    clock,
  })
}

type Place = Pick<OpenServiceOptions, 'url' | 'enrolmentToken' | 'trustedCaPem' | 'releaseKeyPem'>

function simulatedService(simulator: Simulator): Place {
  return {
    url: simulator.httpsUrl,
    enrolmentToken: new Secret(simulator.enrolmentToken),
    trustedCaPem: simulator.caPem,
    releaseKeyPem: simulator.releaseKeyPem,
  }
}

function configuredService(
  settings: NonNullable<Configuration['management']['openService']>,
): Place {
  const { url, enrolmentToken, caFile, releaseKeyFile } = settings
  return {
    url,
    enrolmentToken,
    trustedCaPem:
      caFile === undefined ? undefined : loadTrustedPem('management.openService.caFile', caFile),
    releaseKeyPem:
      releaseKeyFile === undefined
        ? undefined
        : loadNamedText('management.openService.releaseKeyFile', releaseKeyFile),
  }
}

function storesIn(
  folder: string,
  passphrase: Secret,
): Pick<OpenServiceOptions, 'keys' | 'record' | 'releases'> {
  return {
    keys: {
      async find(name) {
        const file = join(folder, name)
        return existsSync(file) ? await loadKeyFile(file, passphrase) : undefined
      },
      async save(name, pkcs8Der) {
        await writeKeyFile(join(folder, name), pkcs8Der, passphrase, randomBytes)
      },
    },
    record: textIn(join(folder, 'agent.json')),
    releases: textIn(join(folder, 'releases.jws')),
  }
}

function textIn(file: string): OpenServiceOptions['record'] {
  return {
    async find() {
      if (!existsSync(file)) return undefined
      return new TextDecoder().decode(await loadPrivateFile(file))
    },
    async save(text) {
      await writePrivateFile(file, new TextEncoder().encode(text))
    },
  }
}
