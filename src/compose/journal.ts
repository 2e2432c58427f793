import { hostname } from 'node:os'
import type { Configuration } from '../config/index.ts'
import { createJournal, type EventSink, type RootJournal } from '../events/index.ts'
import type { Clock } from '../kernel/index.ts'

/** The journal of this installation, over the sinks that are given. */
export function openJournal(
  { connector, logging, intune }: Configuration,
  surroundings: {
    readonly connectorId: string
    readonly version: string
    readonly clock: Clock
    readonly sinks: readonly EventSink[]
  },
): RootJournal {
  const tenantId = connector.tenantId ?? intune?.tenant
  return createJournal({
    identity: {
      connectorId: surroundings.connectorId,
      connectorName: connector.name,
      connectorVersion: surroundings.version,
      machineName: hostname(),
      ...(tenantId === undefined ? {} : { tenantId }),
    },
    sinks: [...surroundings.sinks],
    clock: surroundings.clock,
    debug: logging.debug,
  })
}
