import type { SupportStatus } from './open-service/support-status.ts'
import type { WorkCall } from './work-queue.ts'

/** Successes and failures of one metric in one interval. */
export interface HealthInterval {
  readonly metric: HealthMetric
  readonly from: Date
  readonly to: Date
  readonly successes: number
  readonly failures: number
  /** Time that 95 of 100 took at most, where times are known. */
  readonly p95Ms?: number
}

/** What a connector counts; names of the contract. */
export type HealthMetric =
  | 'pkcsRequest'
  | 'pkcsIssue'
  | 'pkcsUpload'
  | 'pkcsRecrypt'
  | 'pkcsImport'
  | 'revoke'
  | 'scepRequest'
  | 'scepVerify'
  | 'scepIssue'
  | 'scepNotify'
  | 'healthUpload'

/** One named check, as its last run saw it. */
export interface HealthObservation {
  readonly name: string
  readonly status: 'pass' | 'warn' | 'fail'
  /** For people; no secrets. */
  readonly detail: string
  readonly at: Date
}

/** How a connector is, and what it counted since the last report that arrived. */
export interface HealthReport {
  readonly sentAt: Date
  readonly uptimeSeconds: number
  /** The service keeps each once, by metric and start. */
  readonly intervals: readonly HealthInterval[]
  readonly observations: readonly HealthObservation[]
  readonly queues: {
    readonly journalPending: number
    readonly spoolPending: number
    readonly oldestSpoolSeconds: number
  }
}

/** What the service wants in return. */
export interface HealthAnswer {
  /** How often it wants to hear; undefined: as before. */
  readonly everyMs: number | undefined
  /** It gives this connector no work for now. */
  readonly isPaused: boolean
  /** What it says of the version that runs; nobody signed it. */
  readonly support: SupportStatus | undefined
}

/**
 * Takes health reports. Safe to repeat.
 *
 * @throws ConnectorError as `WorkQueue`
 */
export interface HealthReceiver {
  report(report: HealthReport, call: WorkCall): Promise<HealthAnswer>
}
