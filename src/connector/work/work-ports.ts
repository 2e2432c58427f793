import type { Journal } from '../../events/index.ts'
import type { Clock } from '../../kernel/index.ts'
import type { WorkKind, WorkQueue } from '../../management/index.ts'
import type { Leases, WorkItems } from '../../store/index.ts'
import type { PayloadCipher } from '../ports.ts'
import type { WorkHandler } from './work-handler.ts'

/** What one queue and its handler need of the house. */
export interface WorkPorts<K extends WorkKind> {
  readonly queue: WorkQueue<K>
  readonly handler: WorkHandler<K>
  readonly items: WorkItems
  readonly leases: Leases
  readonly cipher: PayloadCipher
  readonly journal: Journal
  /** Resolves when what was recorded is with the operating system. */
  readonly flush: () => Promise<void>
  /** Whether the Admin log has an event of this transaction, of `since` or later. */
  readonly isRecorded: (transactionId: string, since: Date) => Promise<boolean>
  readonly clock: Clock
  /** Name of this instance, as the lease holder. */
  readonly holder: string
  /** A number in [0, 1). */
  readonly random: () => number
}

/** When and how much. Tables of pauses are in seconds; their last entry repeats. */
export interface WorkLoopOptions {
  /** Pause after a download that left nothing behind. */
  readonly pollSeconds: number
  /** After downloads that failed. */
  readonly downloadPausesSeconds: readonly number[]
  /** Between the attempts to carry an item out; when they are used up, the service is told. */
  readonly attemptPausesSeconds: readonly number[]
  /** After uploads that failed. */
  readonly uploadPausesSeconds: readonly number[]
  /** After this a result is no longer uploaded. */
  readonly giveUpHours: number
  /** How long an item, or the right to poll, stays with an instance that has died. */
  readonly leaseSeconds: number
  /** Items carried out side by side. */
  readonly parallel: number
  /** Items in the journal that are not carried out yet; with more, no download is made. */
  readonly maxReceived: number
  /** How long one attempt may take, in milliseconds. */
  readonly attemptMs: number
  /** How long one call to the service may take, apart from the wait of a download, in milliseconds. */
  readonly callMs: number
  /** How long a stop waits for what runs, in milliseconds. */
  readonly drainMs: number
  /** How often the journal is looked at without being woken, in milliseconds. */
  readonly roundMs: number
}

/** As pfx.md 10.5 and 10.6 and intune-api 4.6 have it. The attempts end before Intune offers the item again. */
export const defaultWorkOptions: WorkLoopOptions = {
  pollSeconds: 600,
  downloadPausesSeconds: [30, 60, 300, 900],
  attemptPausesSeconds: [5, 30, 120, 600, 1200],
  uploadPausesSeconds: [5, 15, 60, 300, 900, 3600],
  giveUpHours: 72,
  leaseSeconds: 900,
  parallel: 50,
  maxReceived: 2000,
  attemptMs: 60_000,
  callMs: 30_000,
  drainMs: 10_000,
  roundMs: 1000,
}

/** How a loop ends. */
export interface StopSignals {
  /** Nothing new is begun. */
  readonly stopping: AbortSignal
  /** The time to finish is over as well. */
  readonly drained: AbortSignal
}

/** What the loop counts, for metrics and readiness. */
export interface WorkTally {
  /** Results by what the service made of them, and items of others by `leftAlone`. */
  readonly outcomes: Map<string, number>
  /** The last download: undefined before the first. */
  lastDownload: { readonly at: Date; readonly problem: string | undefined } | undefined
}

/** Adds to a count. */
export function count(tally: WorkTally, outcome: string, number = 1): void {
  if (number > 0) tally.outcomes.set(outcome, (tally.outcomes.get(outcome) ?? 0) + number)
}
