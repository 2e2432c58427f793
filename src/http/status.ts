import type { ExpiringCertificate, OutboxFigures, WorkerFigures } from './figures.ts'

/** A named reason to be ready or not, as its last run saw it. */
export interface ReadinessCheck {
  readonly name: string
  /** `degraded` works but wants attention; only `failed` makes the connector not ready. */
  readonly status: 'ok' | 'degraded' | 'failed'
  /** For people; no secrets. */
  readonly reason: string
  readonly checkedAt: Date
}

/** A SCEP profile as an administrator wants to see it. */
export interface ProfileStatus {
  readonly name: string
  readonly url: string
  readonly ca: string
  readonly validator: string
}

/** One request in the list of recent ones. No challenge, no key. */
export interface RecentRequest {
  readonly at: Date
  readonly profile: string
  readonly transactionId: string
  readonly subject: string
  readonly outcome: string
  readonly serialHex: string | undefined
}

/** What the page and `/api/status` show. */
export interface ConnectorStatus {
  readonly name: string
  readonly version: string
  readonly startedAt: Date
  readonly profiles: readonly ProfileStatus[]
  readonly certificates: readonly ExpiringCertificate[]
  readonly outbox: OutboxFigures
  readonly workers: WorkerFigures
  readonly recent: readonly RecentRequest[]
}
