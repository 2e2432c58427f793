/** What a store tells of the CRL of a CA. */
export interface CrlStatus {
  readonly takenNumber: number
  readonly outdatedSince: Date | undefined
  readonly published: { readonly number: number; readonly thisUpdate: Date } | undefined
}

/** When CRLs are made, in milliseconds. */
export interface CrlSchedule {
  /** The longest time from one to the next. */
  readonly everyMs: number
  /** The shortest time from one to the next that revocations can bring about, so that a hundred of them make few CRLs. */
  readonly debounceMs: number
}

/**
 * Whether a new full CRL is due: there is none, its time has come, a revocation waits, or a publication that took its
 * number was cut off (a crash between number and publication; the number stays unused).
 */
export function isCrlDue(
  { takenNumber, outdatedSince, published }: CrlStatus,
  now: Date,
  { everyMs, debounceMs }: CrlSchedule,
): boolean {
  if (published === undefined) return true
  const ageMs = now.getTime() - published.thisUpdate.getTime()
  if (ageMs >= everyMs) return true
  return (outdatedSince !== undefined || takenNumber > published.number) && ageMs >= debounceMs
}
