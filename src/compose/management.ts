import { join } from 'node:path'
import type { Configuration } from '../config/index.ts'
import { type Clock, ConnectorError, Secret } from '../kernel/index.ts'
import {
  CLOUDS,
  createIntune,
  createServiceMapFile,
  type IntuneClient,
  type IntuneCredential,
  type IntuneOptions,
} from '../management/index.ts'
import type { Simulator } from '../simulator/index.ts'
import { loadNamedText, loadTrustedPem } from './named-files.ts'

/** The client of the tenant, or of the simulator where that plays the tenant; undefined when no profile needs one. */
export function openIntune(
  configuration: Configuration,
  simulator: Simulator | undefined,
  version: string,
  clock: Clock,
): IntuneClient | undefined {
  const common = {
    revocationErrorCodes: configuration.revocation.errorCodes,
    serviceMapStore: createServiceMapFile(join(configuration.dataDir, 'intune-services.json')),
    clock,
  }
  if (simulator !== undefined)
    return createIntune({
      ...simulatedTenant(simulator, version),
      ...(configuration.intune === undefined ? {} : { timeouts: configuration.intune.timeouts }),
      ...common,
    })
  if (configuration.intune === undefined) return undefined
  return createIntune({ ...configuredTenant(configuration.intune, configuration), ...common })
}

/** The client of the configured tenant for a look at it: nothing that it learns is kept. */
export function openIntuneForProbe(
  configuration: Configuration,
  clock: Clock,
): IntuneClient | undefined {
  const { intune } = configuration
  return intune === undefined
    ? undefined
    : createIntune({ ...configuredTenant(intune, configuration), clock })
}

function simulatedTenant(simulator: Simulator, version: string): IntuneOptions {
  return {
    tenant: simulator.tenantId,
    clientId: simulator.clientId,
    credential: { secret: new Secret(simulator.clientSecret) },
    provider: `Certificate Connector ${version}`,
    cloud: {
      authorityUrl: simulator.authorityUrl,
      graphUrl: simulator.graphUrl,
      intuneResourceUrl: simulator.intuneResourceUrl,
    },
    trustedCaPem: simulator.caPem,
    allowedHostSuffixes: [new URL(simulator.httpsUrl).hostname],
  }
}

function configuredTenant(
  intune: NonNullable<Configuration['intune']>,
  { proxy }: Configuration,
): IntuneOptions {
  const preset = CLOUDS[intune.cloud]
  return {
    tenant: intune.tenant,
    clientId: intune.clientId,
    credential: loadCredential(intune),
    provider: intune.providerName,
    cloud: {
      authorityUrl: intune.authorityUrl ?? preset.authorityUrl,
      graphUrl: intune.graphUrl ?? preset.graphUrl,
      intuneResourceUrl: intune.intuneResourceUrl ?? preset.intuneResourceUrl,
    },
    intuneAppId: intune.intuneAppId,
    graphVersion: intune.graphVersion,
    scepApiVersion: intune.scepServiceVersion,
    revocationApiVersion: intune.revocationServiceVersion,
    timeouts: intune.timeouts,
    ...(intune.trustedCaFile === undefined
      ? {}
      : { trustedCaPem: loadTrustedPem('intune.trustedCaFile', intune.trustedCaFile) }),
    ...(intune.allowedHostSuffixes === undefined
      ? {}
      : { allowedHostSuffixes: intune.allowedHostSuffixes }),
    ...(proxy === undefined ? {} : { proxy }),
  }
}

function loadCredential(intune: NonNullable<Configuration['intune']>): IntuneCredential {
  if (intune.clientSecret !== undefined) return { secret: intune.clientSecret }
  const { clientCertificateFile, clientKeyFile } = intune
  if (clientCertificateFile === undefined || clientKeyFile === undefined)
    throw new ConnectorError(
      'config/invalid',
      'intune: give clientSecretFile, or clientCertificateFile and clientKeyFile',
    )
  return {
    certificatePem: loadNamedText('intune.clientCertificateFile', clientCertificateFile),
    privateKey: new Secret(loadNamedText('intune.clientKeyFile', clientKeyFile)),
  }
}
