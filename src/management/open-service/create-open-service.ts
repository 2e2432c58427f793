import { randomUUID } from 'node:crypto'
import type { HealthReceiver } from '../health-report.ts'
import type { PfxImports } from '../ports.ts'
import type { WorkKind, WorkQueue } from '../work-queue.ts'
import { createConnection } from './connection.ts'
import { createEnrolment, type Enrolment } from './enrolment.ts'
import { createHealthReports } from './health-reports.ts'
import { createImports } from './imports.ts'
import type { AnnouncedKey, OpenServiceOptions } from './options.ts'
import { createReleaseManifest } from './release-manifest.ts'
import { getSupportStatus, type SupportStatus } from './support-status.ts'
import { operations } from './wire/operations.ts'
import { createWorkQueue, type Pace } from './work-queue.ts'

/** A connector's client of the open service. */
export interface OpenService extends Enrolment {
  readonly health: HealthReceiver
  /** The administrator's side of imported PFX. */
  readonly imports: PfxImports
  /** @param certificationAuthorities only items of these CAs, as the service names them; undefined: all */
  queue<K extends WorkKind>(kind: K, certificationAuthorities?: readonly string[]): WorkQueue<K>
  /** Tells the service what may have changed since it was told last: name, machine, version, features, key ring. */
  announce(keyRing: readonly AnnouncedKey[], signal: AbortSignal): Promise<void>
  /** Gets no more work, or gets it again. What is lent stays lent. */
  pause(isPaused: boolean, signal: AbortSignal): Promise<void>
  /** Ends the enrolment at the service; what is on our disk stays. */
  leave(signal: AbortSignal): Promise<void>
  /**
   * Support of our own version, from the signed manifest.
   *
   * @returns undefined where no key is configured or the service has no manifest
   * @throws ConnectorError as `ReleaseManifest.load`
   */
  loadSupport(signal: AbortSignal): Promise<SupportStatus | undefined>
  /**
   * Asks the service what it offers, without saying who asks.
   *
   * @returns the versions of the contract that it speaks
   * @throws ConnectorError as `ServiceConnection.discover`
   */
  probe(signal: AbortSignal): Promise<readonly string[]>
  /** Gives up what runs and closes the connections. */
  close(): Promise<void>
}

/**
 * Builds the client. Does no network call before it is asked something.
 *
 * @throws ConnectorError `config/invalid` the key of the release manifest cannot be used
 */
export function createOpenService(options: OpenServiceOptions): OpenService {
  const connection = createConnection(options)
  const enrolment = createEnrolment(options, connection)
  const pace: Pace = { pollMs: undefined }
  const manifest =
    options.releaseKeyPem === undefined
      ? undefined
      : createReleaseManifest(connection, options.releaseKeyPem, options.releases)
  return {
    ...enrolment,
    health: createHealthReports(options, connection, enrolment, pace),
    imports: createImports(connection, options.clock),
    queue: (kind, certificationAuthorities) =>
      createWorkQueue(kind, connection, { pace, certificationAuthorities }),
    async announce(keyRing, signal) {
      const { displayName, machineName, version: connectorVersion, features } = options
      const change = {
        displayName,
        machineName,
        connectorVersion,
        features,
        keyRing: [...keyRing],
      }
      await connection.call(operations.change, change, { activityId: randomUUID(), signal })
    },
    async pause(paused, signal) {
      await connection.call(operations.change, { paused }, { activityId: randomUUID(), signal })
    },
    async leave(signal) {
      await connection.call(operations.leave, undefined, { activityId: randomUUID(), signal })
    },
    async loadSupport(signal) {
      const releases = await manifest?.load(signal)
      if (releases === undefined) return undefined
      return getSupportStatus(options.version, releases, options.clock.now())
    },
    probe: async (signal) => (await connection.discover(signal)).apiVersions,
    close: async () => await connection.close(),
  }
}
