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

/** This connector as the list of the connector service shows it. No key, no token. */
export interface OpenServiceStatus {
  readonly url: string
  /** `none` before the first enrolment; `inactive` when the service heard nothing for a day. */
  readonly state: 'none' | 'active' | 'inactive'
  readonly connectorId: string | undefined
  readonly enrolledAt: Date | undefined
  /** When the service last took a health message. */
  readonly lastContactAt: Date | undefined
  readonly certificateNotAfter: Date | undefined
  readonly features: readonly string[]
  readonly isPaused: boolean
  readonly unsentIntervals: number
  /** Undefined while nobody knows. */
  readonly support: SupportFigures | undefined
}

/** Support of the version that runs. */
export interface SupportFigures {
  readonly status: 'supported' | 'deprecated' | 'unsupported' | 'blocked'
  readonly latest: string
  readonly supportEndsAt?: Date
  readonly worksUntil?: Date
}

/** A queue of work, or a feature whose queue is not asked. No item, no key. */
export interface QueueStatus {
  /** Of the queue, such as `open-service/pkcs`; of the feature where that is off. */
  readonly name: string
  /** False: its feature is off, and nothing is fetched. */
  readonly isOn: boolean
  /** Undefined before the first one. */
  readonly lastDownload: { readonly at: Date; readonly problem: string | undefined } | undefined
  /** Lent to us or ours, and not done yet; `running` of them are carried out at this moment. */
  readonly received: number
  readonly running: number
  /** Results that the service does not have yet. */
  readonly finished: number
  /** What the service is to offer again, or a CA lets wait. */
  readonly returned: number
  /** When the oldest of what is received or finished became so. */
  readonly oldestAt: Date | undefined
  /** Results since the start, by what the service made of them. */
  readonly outcomes: Readonly<Record<string, number>>
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
  readonly queues: readonly QueueStatus[]
  /** Absent where no such service is configured. */
  readonly openService?: OpenServiceStatus | undefined
}
