import type { RevocationReason } from '../ca/index.ts'
import type { Configuration } from '../config/index.ts'
import type { createPayloadCipher } from '../connector/index.ts'
import {
  caConfigurationOf,
  createRevocation,
  createWorkLoop,
  defaultWorkOptions,
  type WorkFigures,
  type WorkHandler,
  type WorkLoop,
} from '../connector/index.ts'
import { type RootJournal, readEvents } from '../events/index.ts'
import type { QueueStatus } from '../http/index.ts'
import type { Clock } from '../kernel/index.ts'
import type { KeyRing } from '../keys/index.ts'
import type { IntuneClient, OpenService, WorkKind, WorkQueue } from '../management/index.ts'
import { parseCertificate } from '../pki/index.ts'
import type { Simulator } from '../simulator/index.ts'
import type { Store } from '../store/index.ts'
import { type CaBackends, type ComposedAuthorities, listGenerations } from './authorities.ts'
import type { SpokenCheck } from './health-events.ts'
import { composePfxImport } from './import-queue.ts'
import type { KeyRingTest } from './key-ring-test.ts'
import { composePkcs } from './pkcs-queues.ts'

const HOUR_MS = 3_600_000

/** The open service holds a download for so long while nothing is there. */
const OPEN_SERVICE_POLL_SECONDS = 30

/** RFC 5280, section 5.3.1. */
const REASONS: Readonly<Record<Configuration['revocation']['reason'], RevocationReason>> = {
  unspecified: 0,
  keyCompromise: 1,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  privilegeWithdrawn: 9,
}

/** What queues are made of. */
interface QueueParts {
  readonly intune: IntuneClient | undefined
  readonly openService: OpenService | undefined
  readonly simulator: Simulator | undefined
  readonly authorities: ComposedAuthorities
  readonly cas: CaBackends
  readonly store: Store
  /** Undefined where no imported PFX are delivered. */
  readonly importKeys: { readonly ring: KeyRing; readonly test: KeyRingTest } | undefined
  readonly cipher: ReturnType<typeof createPayloadCipher>
  readonly journal: RootJournal
  readonly logsDir: string
  readonly clock: Clock
  readonly holder: string
}

/**
 * The work queues that are switched on. Nothing is polled before they are started.
 *
 * @throws ConnectorError `config/invalid` a file cannot be read
 */
export function composeQueues(
  configuration: Configuration,
  parts: QueueParts,
): readonly WorkLoop[] {
  const { features } = configuration
  const { openService, importKeys, clock } = parts
  const imports =
    features.pkcsImport && openService !== undefined && importKeys !== undefined
      ? [
          composeLoop(
            openService.queue('pkcsImport'),
            composePfxImport(configuration, importKeys.ring, importKeys.test, clock),
            parts,
            OPEN_SERVICE_POLL_SECONDS,
          ),
        ]
      : []
  return [
    ...(features.revocation ? composeRevocations(configuration, parts) : []),
    ...imports,
    ...(features.pkcs && openService !== undefined
      ? composePkcsLoops(configuration, { ...parts, openService })
      : []),
  ]
}

function composePkcsLoops(
  configuration: Configuration,
  parts: QueueParts & { readonly openService: OpenService },
): WorkLoop[] {
  const { openService } = parts
  const { issuance, recrypt, keyPairs } = composePkcs(configuration, parts)
  const seconds = OPEN_SERVICE_POLL_SECONDS
  const named = configuration.pkcs.templates.map(
    (one) => `${one.certificationAuthority}\\${one.certificationAuthorityName}`,
  )
  const queue = openService.queue('pkcs', [...new Set(named)])
  const loop = composeLoop(queue, issuance, parts, seconds)
  return [
    {
      ...loop,
      async stop() {
        await loop.stop()
        keyPairs.stop()
      },
    },
    composeLoop(openService.queue('pkcsRecrypt'), recrypt, parts, seconds),
  ]
}

function composeRevocations({ revocation, ca }: Configuration, parts: QueueParts): WorkLoop[] {
  const { intune, openService, authorities, cas, store, clock } = parts
  const sources = [
    ...(intune === undefined
      ? []
      : [{ queue: intune.revocations, pollSeconds: revocation.pollMinutes * 60 }]),
    ...(openService === undefined
      ? []
      : [
          {
            queue: openService.queue(
              'revocation',
              ca.map(({ id }) => caConfigurationOf(id)),
            ),
            pollSeconds: OPEN_SERVICE_POLL_SECONDS,
          },
        ]),
  ]
  const handler = createRevocation({
    // Every generation, also one whose time to sign is over: its certificates are still in force.
    authorities: async () =>
      listGenerations(authorities).flatMap(({ caId, generation }) => {
        const ca = cas.get(caId)
        const issuerName = parseCertificate(generation.issuingDer).subject
        return ca === undefined ? [] : [{ ca, issuerName }]
      }),
    certificates: store.certificates,
    reason: REASONS[revocation.reason],
    clock,
  })
  return sources.map(({ queue, pollSeconds }) => composeLoop(queue, handler, parts, pollSeconds))
}

function composeLoop<K extends WorkKind>(
  queue: WorkQueue<K>,
  handler: WorkHandler<K>,
  { store, cipher, journal, logsDir, clock, holder }: QueueParts,
  pollSeconds: number,
): WorkLoop {
  return createWorkLoop(
    {
      queue,
      handler,
      items: store.work,
      leases: store.leases,
      cipher,
      journal,
      flush: async () => await journal.flush(),
      isRecorded: async (transactionId, since) =>
        (await readEvents(logsDir, { channel: 'admin', transactionId, since, limit: 1 })).length >
        0,
      clock,
      holder,
      random: Math.random,
    },
    { ...defaultWorkOptions, pollSeconds },
  )
}

/** Figures of all queues. */
export async function loadQueueFigures(
  queues: readonly WorkLoop[],
): Promise<readonly WorkFigures[]> {
  return await Promise.all(queues.map(async (queue) => await queue.figures()))
}

/** All queues for the status page, and the features whose queues are not asked. */
export async function listQueueStatus(
  { features }: Pick<Configuration, 'features'>,
  queues: readonly WorkLoop[],
): Promise<readonly QueueStatus[]> {
  const off = (['pkcs', 'pkcsImport', 'revocation'] as const).filter((name) => !features[name])
  const on = (await loadQueueFigures(queues)).map(
    ({ queue, depth, running, oldestAt, outcomes, lastDownload }): QueueStatus => ({
      name: queue,
      isOn: true,
      lastDownload,
      ...depth,
      running,
      oldestAt,
      outcomes: Object.fromEntries(outcomes),
    }),
  )
  return [...on, ...off.map((name) => ({ ...NOTHING, name }))]
}

const NOTHING = {
  isOn: false,
  lastDownload: undefined,
  received: 0,
  running: 0,
  finished: 0,
  returned: 0,
  oldestAt: undefined,
  outcomes: {},
} as const

/** A queue that is stuck wants attention; devices can enrol all the same, so none of it makes the connector not ready. */
export function listQueueChecks(queues: readonly WorkLoop[], clock: Clock): readonly SpokenCheck[] {
  return queues.map(({ name, figures }) => ({
    name: `queue ${name}`,
    maxAgeMs: 5000,
    timeoutMs: 3000,
    run: async () => {
      const { depth, oldestAt, lastDownload } = await figures()
      const ageMs = clock.now().getTime() - (oldestAt ?? clock.now()).getTime()
      const problem =
        lastDownload?.problem === undefined
          ? ''
          : `; the last download failed: ${lastDownload.problem}`
      return {
        status: problem !== '' || ageMs >= HOUR_MS ? ('degraded' as const) : ('ok' as const),
        reason: `${depth.received} to carry out, ${depth.finished} to upload, ${depth.returned} to come again${problem}`,
      }
    },
  }))
}

/** Whether a queue can only be asked once the connector is enrolled at the connector service. */
export function needsEnrolment({ name }: WorkLoop): boolean {
  return name.startsWith('open-service/')
}
