/** What a store tells of the CRL of a CA. */
export interface CrlStatus {
  readonly takenNumber: number
  readonly outdatedSince: Date | undefined
  readonly published:
    | {
        readonly number: number
        readonly thisUpdate: Date
        readonly shards: number
        /** Undefined: no delta CRLs were published. */
        readonly base: unknown
      }
    | undefined
}

/** When CRLs are made, in milliseconds. */
export interface CrlSchedule {
  /** The longest time from one to the next. */
  readonly everyMs: number
  /** The shortest time from one to the next that revocations can bring about, so that a hundred of them make few CRLs. */
  readonly debounceMs: number
  /** How many shards new certificates are spread over; 1: none. */
  readonly shards: number
  readonly hasDelta: boolean
}

/** More than the clocks of two instances differ. */
const CLOCK_STEP_MS = 300_000

/**
 * Whether a new full CRL is due: there is none, its time has come, a revocation waits, a publication that took its
 * number was cut off (a crash between number and publication; the number stays unused), the last one is of a time that
 * has not come because the clock was set back, or the configuration asks for parts that are not there.
 */
export function isCrlDue(
  { takenNumber, outdatedSince, published }: CrlStatus,
  now: Date,
  { everyMs, debounceMs, shards, hasDelta }: CrlSchedule,
): boolean {
  if (published === undefined) return true
  const ageMs = now.getTime() - published.thisUpdate.getTime()
  if (ageMs >= everyMs || ageMs < -CLOCK_STEP_MS) return true
  // Certificates name shards as soon as the configuration says so.
  if (shards > 1 && shards > published.shards) return true
  if (hasDelta !== (published.base !== undefined)) return true
  return (outdatedSince !== undefined || takenNumber > published.number) && ageMs >= debounceMs
}
