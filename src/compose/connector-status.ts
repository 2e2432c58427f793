import type { Configuration } from '../config/index.ts'
import type { WorkLoop } from '../connector/index.ts'
import type { ConnectorStatus, ExpiringCertificate } from '../http/index.ts'
import type { Clock } from '../kernel/index.ts'
import type { Store } from '../store/index.ts'
import type { CryptoPool } from '../workers/index.ts'
import type { Agent } from './agent.ts'
import { listQueueStatus } from './queues.ts'
import { listRecent, loadOutboxFigures, workerFiguresOf } from './readiness.ts'

/** Says at each call what the connector is and does now, for the status page and `certconnector status`. */
export function composeStatus(
  {
    connector,
    listeners,
    profiles,
    features,
  }: Pick<Configuration, 'connector' | 'listeners' | 'profiles' | 'features'>,
  parts: {
    readonly version: string
    readonly startedAt: Date
    readonly store: Store
    readonly pool: CryptoPool
    readonly listCertificates: () => readonly ExpiringCertificate[]
    readonly queues: () => readonly WorkLoop[]
    readonly agent: Agent | undefined
    readonly clock: Clock
  },
): () => Promise<ConnectorStatus> {
  const { version, startedAt, store, pool, listCertificates, queues, agent, clock } = parts
  const publicUrl = listeners.device.publicUrl.replace(/\/+$/, '')
  return async () => ({
    name: connector.name,
    version,
    startedAt,
    profiles: profiles.map(({ name, ca, challenge }) => ({
      name,
      url: `${publicUrl}/scep/${name}`,
      ca,
      validator: challenge.kind,
    })),
    certificates: listCertificates(),
    outbox: await loadOutboxFigures(store, clock),
    workers: workerFiguresOf(pool),
    recent: await listRecent(store),
    queues: await listQueueStatus({ features }, queues()),
    openService: agent?.status(),
  })
}
