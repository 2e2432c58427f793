import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Configuration } from '../config/index.ts'
import { describeError, systemClock } from '../kernel/index.ts'
import { loadPassphrase } from '../keys/index.ts'
import { loadBlockedKeys } from './blocked-keys.ts'
import { loadPageUsers } from './challenges.ts'
import { loadDeviceIssuers } from './device-issuers.ts'
import { loadTls } from './identity.ts'
import { openIntuneForProbe } from './management.ts'
import { openServiceForProbe } from './open-service.ts'

/**
 * Reads every file that the configuration names as a start reads it, and tells what a start would end with. Asks nobody and
 * writes nothing. The files of secrets were read with the configuration.
 *
 * @returns one line each, without a secret; empty: all are as they should be
 */
export async function checkFiles(
  configuration: Configuration,
  version: string,
): Promise<readonly string[]> {
  const problems: string[] = []
  for (const load of listLoads(configuration, version)) {
    try {
      await load()
    } catch (error) {
      problems.push(describeError(error))
    }
  }
  return problems
}

function listLoads(configuration: Configuration, version: string): readonly (() => unknown)[] {
  const { dataDir, passphraseFile, features, pkcs, pfxImport, simulator } = configuration
  const { tls } = configuration.listeners.device
  // The one beside the data is made at the first start.
  const isMade = passphraseFile === join(dataDir, 'passphrase') && !existsSync(passphraseFile)
  return [
    ...(isMade ? [] : [() => loadPassphrase(passphraseFile)]),
    () => loadBlockedKeys(configuration.blockedKeysFile),
    ...(tls === undefined ? [] : [() => loadTls(tls)]),
    ...(simulator.enabled
      ? []
      : [
          () => openIntuneForProbe(configuration, systemClock)?.close(),
          () => openServiceForProbe(configuration, version, systemClock)?.close(),
        ]),
    ...(features.pkcs && !(simulator.enabled && pkcs.deviceIssuersFile === undefined)
      ? [() => loadDeviceIssuers('pkcs.deviceIssuersFile', pkcs.deviceIssuersFile)]
      : []),
    ...(features.pkcsImport
      ? [() => loadDeviceIssuers('pfxImport.deviceIssuersFile', pfxImport.deviceIssuersFile)]
      : []),
    ...(features.scep ? configuration.profiles : [])
      .filter(({ ndes }) => ndes.adminPage)
      .map((profile) => () => loadPageUsers(profile)),
  ]
}
