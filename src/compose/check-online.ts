import type { Configuration } from '../config/index.ts'
import { systemClock } from '../kernel/index.ts'
import { openIntuneForProbe } from './management.ts'
import { listIntuneProbes } from './online/intune-probes.ts'
import { listMachineProbes } from './online/machine-probes.ts'
import { type Finding, runProbe } from './online/probe.ts'
import { listServiceProbes } from './online/service-probe.ts'
import { openServiceForProbe } from './open-service.ts'

/**
 * Tries what a configuration needs of the machine, the tenant and the connector service, one after the other. Enrols
 * nothing, validates nothing, writes nothing; where the simulator plays the services they are not asked.
 *
 * @throws ConnectorError `config/invalid`, `management/misconfigured` a client cannot even be made of it
 */
export async function checkOnline(
  configuration: Configuration,
  version: string,
): Promise<readonly Finding[]> {
  const isSimulated = configuration.simulator.enabled
  const intune = isSimulated ? undefined : openIntuneForProbe(configuration, systemClock)
  const service = isSimulated ? undefined : openServiceForProbe(configuration, version, systemClock)
  try {
    const findings: Finding[] = []
    for (const probe of [
      ...listMachineProbes(configuration, systemClock.now()),
      ...(intune === undefined ? [] : listIntuneProbes(configuration, intune)),
      ...(service === undefined ? [] : listServiceProbes(configuration, service)),
    ])
      findings.push(await runProbe(probe))
    return findings
  } finally {
    await intune?.close()
    await service?.close()
  }
}
