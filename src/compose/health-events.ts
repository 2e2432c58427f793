import type { HealthCheck, HealthResult } from '../connector/index.ts'
import { type EventFields, events, type Journal } from '../events/index.ts'
import type { ExpiringCertificate } from '../http/index.ts'
import type { Clock } from '../kernel/index.ts'

type EventDefinition = Parameters<Journal['record']>[0]

/** A check whose subject is spoken of when it stops working, and when it works again. */
export interface SpokenCheck extends HealthCheck {
  readonly spokenOf?: {
    readonly lost: EventDefinition
    readonly back: EventDefinition
    readonly fields?: EventFields
  }
}

/**
 * Makes the recorder of what changes between one round of checks and the next. Before the first round everything counts
 * as working, so a start without the service is told as well. `degraded` works.
 */
export function createHealthEvents(
  checks: readonly SpokenCheck[],
  journal: Journal,
): (results: readonly HealthResult[]) => void {
  const lost = new Map<string, Date>()
  return (results) => {
    for (const { name, status, reason, checkedAt } of results) {
      const spokenOf = checks.find((check) => check.name === name)?.spokenOf
      if (spokenOf === undefined || (status === 'failed') === lost.has(name)) continue
      const since = lost.get(name)
      if (since === undefined) {
        lost.set(name, checkedAt)
        journal.record(spokenOf.lost, { ...spokenOf.fields, errorMessage: reason })
      } else {
        lost.delete(name)
        journal.record(spokenOf.back, {
          ...spokenOf.fields,
          durationMs: checkedAt.getTime() - since.getTime(),
          detail: reason,
        })
      }
    }
  }
}

/** Makes the recorder of worker threads that were lost since it was called last. */
export function createWorkerEvents(
  loadFigures: () => { readonly restarts: number; readonly lastLoss: string | undefined },
  journal: Journal,
): () => void {
  let told = 0
  return () => {
    const { restarts, lastLoss } = loadFigures()
    if (restarts > told)
      journal.record(events.WorkerReplaced, { count: restarts - told, errorMessage: lastLoss })
    told = restarts
  }
}

const DAY_MS = 86_400_000

/**
 * From how many days before its end a certificate is spoken of. An RA renews itself when a third of its life is left,
 * so that one with a week left has failed to; a CA and a TLS certificate are renewed by people. How long the certificate
 * for the connector service lives is the service's choice; event 68 tells of a renewal that fails.
 */
const NOTICE_DAYS: Readonly<Record<ExpiringCertificate['kind'], number>> = {
  ca: 90,
  ra: 7,
  tls: 21,
  agent: 0,
}

/** Records each certificate of the connector that ends soon or has ended. Call it daily. */
export function recordExpiring(
  certificates: readonly ExpiringCertificate[],
  clock: Clock,
  journal: Journal,
): void {
  for (const { kind, name, notAfter } of certificates) {
    const daysLeft = Math.floor((notAfter.getTime() - clock.now().getTime()) / DAY_MS)
    if (daysLeft >= NOTICE_DAYS[kind]) continue
    journal.record(events.CertificateExpiring, {
      ...(kind === 'tls' || kind === 'agent' ? {} : { caId: name }),
      notAfter,
      detail: `${kind} ${name}: ${daysLeft < 0 ? 'it has ended' : `${daysLeft} days left`}`,
    })
  }
}

/** Whether something may be said again: at once when it is new, then every `everyMs` while it stays the same. */
export function createReminder(clock: Clock, everyMs: number): (said: string) => boolean {
  let last: { readonly said: string; readonly at: number } | undefined
  return (said) => {
    const at = clock.now().getTime()
    if (last !== undefined && last.said === said && at - last.at < everyMs) return false
    last = { said, at }
    return true
  }
}
