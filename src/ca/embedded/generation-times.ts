/** What decides which generation of a CA does what. */
export interface GenerationTimes {
  /** 1 for the one that the authority was made with. */
  readonly number: number
  /** From when on it issues; undefined for the first one. */
  readonly handOverAt: Date | undefined
  /** Set for one that was given up before its hand-over. */
  readonly cancelledAt: Date | undefined
}

/**
 * The generation that issues now: the latest whose hand-over has come. Nothing is written when a hand-over comes, so that
 * it needs nobody to be running, and all instances agree by their clocks.
 *
 * @param generations never empty
 */
export function findCurrent<T extends GenerationTimes>(generations: readonly T[], now: Date): T {
  const planned = generations.filter(({ cancelledAt }) => cancelledAt === undefined)
  const found =
    planned.findLast(({ handOverAt }) => handOverAt === undefined || handOverAt <= now) ??
    // A clock that runs before the first hand-over of all.
    planned[0] ??
    generations[0]
  if (found === undefined) throw new TypeError('an authority has at least one generation')
  return found
}

/** The generation that is published and waits for its hand-over (RFC 8894, section 4.7). */
export function findNext<T extends GenerationTimes>(
  generations: readonly T[],
  now: Date,
): T | undefined {
  return generations.find(
    ({ handOverAt, cancelledAt }) =>
      cancelledAt === undefined && handOverAt !== undefined && handOverAt > now,
  )
}

/** Since when a generation has not been published any more; undefined for the current and the next one. */
export function findRetirement<T extends GenerationTimes>(
  { number, cancelledAt }: T,
  generations: readonly T[],
  now: Date,
): Date | undefined {
  if (cancelledAt !== undefined) return cancelledAt
  return generations.find(
    (later) =>
      later.number > number &&
      later.cancelledAt === undefined &&
      later.handOverAt !== undefined &&
      later.handOverAt <= now,
  )?.handOverAt
}

/**
 * The name of a generation in registers, CRL addresses and events: that of the CA for the first one, with `.2` and so on
 * for its successors. The dot keeps it apart from all names that a configuration may give.
 */
export function caIdOf(id: string, number: number): string {
  return number === 1 ? id : `${id}.${number}`
}
